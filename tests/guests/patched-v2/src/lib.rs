//! The code after the change: it checks before each call, where the run has not been yet.

use abide::{Failure, signals, tools, versions};
use serde_json::{Value, json};

#[abide::workflow(cancellation = "manual")]
async fn run() -> Result<Value, Failure> {
    if versions::patched("check") {
        check().await?;
    }
    first().await?;
    signals::receive::<Value>("go").await?;
    if versions::patched("check-again") {
        check().await?;
    }
    last().await
}

async fn first() -> Result<(), Failure> {
    tools::call("t", "first", &json!({})).await.map(drop)
}

async fn last() -> Result<Value, Failure> {
    tools::call("t", "last", &json!({ "was": "done" })).await?.json()
}

async fn check() -> Result<(), Failure> {
    tools::call("t", "check", &json!({})).await.map(drop)
}
