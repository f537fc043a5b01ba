//! Sets its input as attributes, then those of each signal `set`, until one says `null`. What is refused it publishes.

use abide::{Failure, signals, state};
use serde_json::Value;

#[abide::workflow]
async fn run(attributes: Value) -> Result<Value, Failure> {
    set(&attributes)?;
    loop {
        let changes: Value = signals::receive("set").await?;
        if changes.is_null() {
            return Ok(changes);
        }
        set(&changes)?;
    }
}

fn set(attributes: &Value) -> Result<(), Failure> {
    match state::set_attributes(attributes) {
        Ok(()) => state::publish("refused", &Value::Null),
        Err(failure) => state::publish("refused", &failure.code),
    }
}
