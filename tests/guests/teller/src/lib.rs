//! Asks a tool step by step and gives the answers. Each request names the run that the guest is told it is, and has a random number; how far
//! it is stands in a published value and an attribute. Then it does what its input says: waits for a signal, sleeps, or awaits a child that it
//! started first.

use std::time::Duration;

use abide::children::{self, ChildOptions};
use abide::{Failure, random, run, signals, state, timer, tools};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Input {
    steps: u64,
    /// So many characters are in each request, which no compressor makes fewer by much.
    #[serde(default)]
    large: usize,
    #[serde(default)]
    then: Then,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Then {
    #[default]
    Nothing,
    Signal,
    Sleep,
    Child,
}

// Without the race against cancellation, each step is one call and nothing more.
#[abide::workflow(cancellation = "manual")]
async fn run(input: Input) -> Result<Value, Failure> {
    let child = match input.then {
        Then::Child => {
            let options = ChildOptions::new().id("the-child");
            Some(children::start_with("relations", &json!({ "do": "wait", "then": "grown" }), options).await?)
        }
        _ => None,
    };
    let mut answers = Vec::new();
    for step in 0..input.steps {
        state::publish("step", &step)?;
        state::set_attributes(&json!({ "step": step }))?;
        let asked = json!({
            "step": step,
            "run": run::info().run_id,
            "random": random::u64(),
            "text": text(input.large),
        });
        answers.push(match tools::call("t", "echo", &asked).await {
            Ok(answer) => answer.structured.as_ref().map_or_else(|| json!(answer.text()), |said| said["step"].clone()),
            Err(failure) => json!(failure.code),
        });
    }
    let last = match input.then {
        Then::Nothing => Value::Null,
        Then::Signal => signals::receive("go").await?,
        Then::Sleep => {
            timer::sleep(Duration::from_secs(3600)).await?;
            json!("slept")
        }
        Then::Child => match child {
            Some(child) => child.result().await?,
            None => Value::Null,
        },
    };
    Ok(json!({ "answers": answers, "last": last }))
}

fn text(length: usize) -> String {
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        text.push_str(&format!("{:016x}", random::u64()));
    }
    text.truncate(length);
    text
}
