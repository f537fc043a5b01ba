//! Messages to this run from outside. It does not answer them: see [`state`](crate::state) and [`queries`](crate::queries).

use serde::de::DeserializeOwned;

use crate::bindings::abide::workflow::signals as wire;
use crate::{Failure, json};

/// Waits for the next signal of that name. Signals that came early wait for this, in their order, and each is received once.
///
/// A signal that does not fit `T` is received and gives the failure `invalid-signal`, which names the place; take a
/// `serde_json::Value` to look for yourself.
///
/// ```no_run
/// #[derive(serde::Deserialize)]
/// struct Approval { approved: bool, by: String }
///
/// # async fn f() -> Result<(), abide::Failure> {
/// let approval: Approval = abide::signals::receive("approval").await?;
/// # Ok(()) }
/// ```
pub async fn receive<T: DeserializeOwned>(name: &str) -> Result<T, Failure> {
    let payload = wire::receive(name.to_owned()).await?;
    json::decode(&payload, "invalid-signal", &format!("the signal `{name}` does not fit"))
}
