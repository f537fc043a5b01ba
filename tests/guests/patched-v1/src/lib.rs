//! The code before the change: two calls around a signal.

use abide::{Failure, signals, tools};
use serde_json::{Value, json};

#[abide::workflow(cancellation = "manual")]
async fn run() -> Result<Value, Failure> {
    first().await?;
    signals::receive::<Value>("go").await?;
    last().await
}

async fn first() -> Result<(), Failure> {
    tools::call("t", "first", &json!({})).await.map(drop)
}

async fn last() -> Result<Value, Failure> {
    tools::call("t", "last", &json!({ "was": "done" })).await?.json()
}
