//! The order with `notify` before `ship`: it agrees with the histories of version 1 up to the signal.

use abide::{Failure, signals, tools};
use serde_json::{Value, json};

#[abide::workflow]
async fn run() -> Result<Value, Failure> {
    step("reserve").await?;
    step("charge").await?;
    let go: Value = signals::receive("go").await?;
    step("notify").await?;
    step("ship").await?;
    Ok(json!({"shipped": true, "go": go, "version": 3}))
}

async fn step(op: &str) -> Result<(), Failure> {
    tools::call("bench", "echo", &json!({ "op": op })).await?.ok()?;
    Ok(())
}
