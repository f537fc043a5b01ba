//! An order: reserve, charge, wait for the signal `go`, ship.

use abide::{Failure, signals, tools};
use serde_json::{Value, json};

#[abide::workflow]
async fn run() -> Result<Value, Failure> {
    step("reserve").await?;
    step("charge").await?;
    let go: Value = signals::receive("go").await?;
    step("ship").await?;
    Ok(json!({"shipped": true, "go": go, "version": 1}))
}

async fn step(op: &str) -> Result<(), Failure> {
    tools::call("bench", "echo", &json!({ "op": op })).await?.ok()?;
    Ok(())
}
