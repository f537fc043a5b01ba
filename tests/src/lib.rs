//! What the tests of the whole host share: guests that were built before, a performer that does what a test says, and a host in
//! the test's own process.

mod freezing;
mod javascript;
mod local;
mod model;
mod performer;
mod process;
mod providers;
pub mod scenario;

use std::path::PathBuf;

use bytes::Bytes;

pub use freezing::{FreezeAt, FreezingStore};
pub use local::LocalHost;
pub use model::{COST, CostlyModel, TOKENS};
pub use performer::{ScriptedPerformer, echo};
pub use process::{Caller, HostProcess, copy_folder, eventually};
pub use providers::{Providers, Requests};

/// The component of a guest. `cargo xtask guests` builds them; `cargo xtask test` says where they are.
pub fn guest(name: &str) -> Bytes {
    if let Some(component) = javascript::guest(name) {
        return component;
    }
    let path = guests_dir().join(format!("{name}.wasm"));
    match std::fs::read(&path) {
        Ok(bytes) => bytes.into(),
        Err(error) => panic!("cannot read the guest `{}`: {error}: run `cargo xtask test`", path.display()),
    }
}

/// The same code as another version: with one more custom section.
pub fn guest_again(name: &str, mark: u8) -> Bytes {
    let mut file = guest(name).to_vec();
    // Section 0, four bytes: the length of its name, the name, and a byte.
    file.extend([0, 4, 2, b'i', b'd', mark]);
    file.into()
}

/// Where compiled guests are kept for tests that do not look at the compiling itself.
pub fn compiled_dir() -> PathBuf {
    guests_dir().join("compiled")
}

/// Where the guests lie.
pub fn guests_dir() -> PathBuf {
    match std::env::var_os("ABIDE_GUESTS") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests"),
    }
}
