//! The order with `charge` before `reserve`: it diverges from the histories of version 1 at the first call.

use abide::{Failure, signals, tools};
use serde_json::{Value, json};

#[abide::workflow]
async fn run() -> Result<Value, Failure> {
    step("charge").await?;
    step("reserve").await?;
    let go: Value = signals::receive("go").await?;
    step("ship").await?;
    Ok(json!({"shipped": true, "go": go, "version": 2}))
}

async fn step(op: &str) -> Result<(), Failure> {
    tools::call("bench", "echo", &json!({ "op": op })).await?.ok()?;
    Ok(())
}
