//! Histories, and all else that a host must not lose.
//!
//! [`Store`] says what a store promises, [`RedbStore`] keeps it in one file. The feature `conformance` has the tests
//! that every store passes.

#[cfg(feature = "conformance")]
pub mod conformance;
mod documents;
mod error;
mod keys;
mod redb;
mod schedules;
mod share;
mod store;
mod tool;
mod usage;
mod version;

pub use self::redb::{RedbOptions, RedbStore};
pub use documents::{Document, DocumentChange, DocumentKind, Owner};
pub use error::StoreError;
pub use keys::{KeyOf, Keyring, MasterKey, MasterKeys};
pub use schedules::{DueSchedule, ScheduleChange, SchedulePage};
pub use share::StoreShare;
pub use store::{
    Commit, DueTimer, ForkOf, KeyUse, LedgerKey, LedgerRow, Metered, RunFilter, RunPage, RunTimer, Store, StoreFuture,
};
pub use tool::UploadedTool;
pub use usage::Usage;
pub use version::{Version, VersionsChange};
