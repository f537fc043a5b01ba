//! Histories, and all else that a host must not lose.
//!
//! [`Store`] says what a store promises.

mod error;
mod store;
mod version;

pub use error::StoreError;
pub use store::{Commit, DueTimer, KeyUse, RunFilter, RunPage, RunTimer, Store, StoreFuture};
pub use version::Version;
