//! What others may see of this run while it goes on. What needs code to answer is in [`queries`](crate::queries).

use serde::Serialize;

use crate::bindings::abide::workflow::state as wire;
use crate::{Failure, json};

/// Shows `value` under `name` to whoever asks, in place of what was there. At most 64 names, and 256 KiB a value.
///
/// ```no_run
/// # fn f() -> Result<(), abide::Failure> {
/// abide::state::publish("progress", &serde_json::json!({"done": 3, "of": 10}))?;
/// # Ok(()) }
/// ```
pub fn publish<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<(), Failure> {
    wire::publish(name, &json::encode(value, "the published value")?)?;
    Ok(())
}
