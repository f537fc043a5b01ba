//! Code that changes under runs that began before.
//!
//! A new version may replace the component of a running workflow as long as it does what the history says. [`patched`] is how it does something
//! else from here on:
//!
//! ```no_run
//! # async fn old() -> Result<(), abide::Failure> { Ok(()) }
//! # async fn new() -> Result<(), abide::Failure> { Ok(()) }
//! # async fn f() -> Result<(), abide::Failure> {
//! if abide::versions::patched("check-twice") {
//!     new().await?;
//! } else {
//!     // Runs that came here before the change.
//!     old().await?;
//! }
//! # Ok(()) }
//! ```
//!
//! When no run is left that came here before, the `if` may go: what it recorded does no harm.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::abide::workflow::versions as wire;
use crate::{Failure, json};

/// Whether this run comes here with the changed code: `true` where it comes here for the first time, or did so when that was recorded.
pub fn patched(id: &str) -> bool {
    wire::patched(id)
}

/// The value that `compute` gave when the run first came here, whatever it gives now. So a value (a prompt, a price list) stays what it
/// was for the runs that began with it.
///
/// ```no_run
/// # fn f() -> Result<(), abide::Failure> {
/// let prompt: String = abide::versions::record("prompt", || "You are a helpful assistant.".to_owned())?;
/// # Ok(()) }
/// ```
pub fn record<T: Serialize + DeserializeOwned>(id: &str, compute: impl FnOnce() -> T) -> Result<T, Failure> {
    let recorded = wire::record(id, &json::encode(&compute(), "the value")?)?;
    json::decode(&recorded, "invalid-record", &format!("what is recorded as `{id}` does not fit"))
}
