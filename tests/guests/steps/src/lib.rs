//! Calls one tool N times, one after the other, and returns the count. Does nothing else, so that it measures the host.

use abide::{Failure, tools};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Input {
    steps: u64,
    provider: String,
    tool: String,
}

// Without the race against cancellation, each step is one call and nothing more.
#[abide::workflow(cancellation = "manual")]
async fn run(input: Input) -> Result<u64, Failure> {
    for step in 0..input.steps {
        tools::call(&input.provider, &input.tool, &json!({ "step": step })).await?;
    }
    Ok(input.steps)
}
