//! A signal, a timer and a tool race; the losers are cancelled. Returns who won, and that the run goes on after it.

use std::time::Duration;

use abide::{Failure, select, signals, timer, tools};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Input {
    timeout_ms: u64,
    /// Where the slow tool is; without it only the signal and the timer race.
    provider: Option<String>,
    #[serde(default = "slow")]
    tool: String,
}

fn slow() -> String {
    "slow".to_owned()
}

#[abide::workflow]
async fn run(input: Input) -> Result<Value, Failure> {
    let tool = async {
        match &input.provider {
            Some(provider) => tools::call(provider, &input.tool, &json!({})).await,
            None => std::future::pending().await,
        }
    };
    let (winner, value) = select! {
        payload = signals::receive::<Value>("go") => ("signal", payload?),
        _ = timer::sleep(Duration::from_millis(input.timeout_ms)) => ("timer", Value::Null),
        result = tool => ("tool", json!(result?.text())),
    };
    // The calls that lost are gone: a further wait is not disturbed by them.
    let now = timer::sleep(Duration::from_millis(1)).await?;
    Ok(json!({"winner": winner, "value": value, "now_ms": now}))
}
