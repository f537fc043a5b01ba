//! A workflow in plain functions (`abide:workflow-blocking`): a call that it waits for, two at the same time, and a signal and a timer that race.

#![expect(unsafe_code, reason = "the code that wit-bindgen makes for exports reads what the host passed")]

use serde_json::{Value, json};

mod bindings {
    wit_bindgen::generate!({ path: "../../../wit/blocking", world: "workflow" });
}

use bindings::abide::workflow_blocking::types::Failure;
use bindings::abide::workflow_blocking::{log, random, several, state, timer, tools};
use bindings::{Guest, export};

struct Plain;

impl Guest for Plain {
    fn run(input: String) -> Result<String, Failure> {
        let input: Value = serde_json::from_str(&input).map_err(failed)?;
        let patience_ms = input["patience_ms"].as_u64().unwrap_or(1000);
        log::write(log::Level::Info, "begun", None);
        let reserved = tools::call("shop", "reserve", r#"{"item": 7}"#, None)?;
        timer::sleep(5)?;

        let both = [several::call_tool("shop", "one", "{}", None), several::call_tool("shop", "two", "{}", None)];
        several::all(&both.iter().collect::<Vec<_>>());
        let both = both.iter().map(several::Call::outcome).collect::<Result<Vec<_>, _>>()?;
        state::publish("both", &json!(both.len()).to_string())?;

        let (signal, rings) = (several::receive("receipt"), several::sleep(patience_ms));
        let first = several::any(&[&signal, &rings]);
        let receipt = if first == [0] { Some(signal.outcome()?) } else { None };
        let again = rings_again(&rings, receipt.is_none());
        let result = json!({
            "reserved": reserved.structured,
            "receipt": receipt,
            "again": again,
            "dice": random::u64() % 6 < 6,
            "later": timer::now() > 0,
        });
        Ok(result.to_string())
    }
}

/// What an outcome gives that was taken before, where the timer rang.
fn rings_again(timer: &several::Call, rang: bool) -> Option<String> {
    if !rang {
        return None;
    }
    timer.outcome().ok()?;
    timer.outcome().err().map(|failure| failure.code)
}

fn failed(error: serde_json::Error) -> Failure {
    Failure { code: "invalid-input".to_owned(), message: error.to_string(), details: None, retryable: false }
}

export!(Plain with_types_in bindings);
