//! The order of `order-v1` with a mistake: it panics where it should ship.

use abide::{Failure, signals, tools};
use serde_json::{Value, json};

#[abide::workflow]
async fn run() -> Result<Value, Failure> {
    step("reserve").await?;
    step("charge").await?;
    let go: Value = signals::receive("go").await?;
    Ok(json!({"shipped": true, "go": go, "label": print_the_label(&go)}))
}

/// Keeps its name in the component, so that a test can look for it in the backtrace.
#[inline(never)]
fn print_the_label(go: &Value) -> String {
    go["address"].as_str().expect("every order has an address").to_owned()
}

async fn step(op: &str) -> Result<(), Failure> {
    tools::call("bench", "echo", &json!({ "op": op })).await?.ok()?;
    Ok(())
}
