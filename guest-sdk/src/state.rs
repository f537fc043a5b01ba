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

/// Changes what this run can be found by: `abide list --filter "stage = 'review'"`. `attributes` becomes a flat JSON object of
/// strings, numbers, bools and lists of strings, times being strings of RFC 3339. What it does not name stays as it was; `null` removes
/// an attribute. At most 32 attributes and 8 KiB of them; names have 1 to 64 of `a-z 0-9 _` and begin with a letter.
///
/// Fails with `invalid-request` or `too-large` where that is not so, and changes nothing then.
///
/// ```no_run
/// # fn f() -> Result<(), abide::Failure> {
/// abide::state::set_attributes(&serde_json::json!({"stage": "review", "amount": 12.5, "assignee": null}))?;
/// # Ok(()) }
/// ```
pub fn set_attributes<T: Serialize + ?Sized>(attributes: &T) -> Result<(), Failure> {
    wire::set_attributes(&json::encode(attributes, "the attributes")?)?;
    Ok(())
}
