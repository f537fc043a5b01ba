//! Makes a component of a workflow in JavaScript or TypeScript, with nothing but this crate: no Node, no npm, no compiler of C.
//!
//! The engine is QuickJS, vendored as a core module and linked with bindings for the guest's world. The modules of the program
//! are loaded once, when it is built; the component holds the memory as it was then, so that a run begins with `run`.
//!
//! ```no_run
//! let component = abide_javascript::build("agent.ts".as_ref())?;
//! std::fs::write("agent.wasm", component).expect("a place to write");
//! # Ok::<(), abide_javascript::Error>(())
//! ```
//!
//! The same files give the same bytes, wherever and whenever they are built.

mod erase;
mod error;
mod floating;
mod init_export;
mod initialise;
mod link;
mod modules;
mod platform;
mod runtime;
mod sdk;
mod snapshot;
mod source;
mod stubs;
mod world;

use std::path::Path;

pub use error::Error;

/// How much stack the thread has that builds.
const STACK_BYTES: usize = 16 << 20;

/// Makes a component of the program whose entry is this file (`.js`, `.mjs`, `.ts` or `.mts`). It reads files below the folder of the nearest
/// `package.json`, or, where there is none, of the entry. Takes a few seconds of all cores.
///
/// The entry is an ES module that exports `run`, and may export `query` and `cancellation`.
pub fn build(entry: &Path) -> Result<Vec<u8>, Error> {
    let modules = modules::Modules::new(entry)?;
    let build = move || initialise::initialise(&link::link()?, modules);
    // A thread of its own: the caller may be a task of an executor, with a small stack.
    std::thread::Builder::new()
        .name("abide-javascript".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(build)
        .map_err(Error::other("there is no thread to build in"))?
        .join()
        .map_err(|_| Error::Internal("the build panicked".to_owned()))?
}
