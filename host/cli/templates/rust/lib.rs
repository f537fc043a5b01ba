//! Greets somebody, if a person approves.

use std::time::Duration;

use abide::{Failure, llm, select, signals, state, timer};
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_secs(24 * 3600);

#[derive(Deserialize)]
struct Input {
    name: String,
}

#[derive(Deserialize)]
struct Approval {
    approved: bool,
    by: String,
}

#[derive(Serialize)]
struct Output {
    greeting: String,
    approved: bool,
    by: String,
}

#[abide::workflow]
async fn run(input: Input) -> Result<Output, Failure> {
    let answer = llm::Request::new("").user(format!("Greet {} in one sentence.", input.name)).generate().await?;
    let greeting = answer.text().to_owned();
    state::publish("greeting", &greeting)?;
    let approval = select! {
        approval = signals::receive::<Approval>("approval") => approval?,
        _ = timer::sleep(PATIENCE) => Approval { approved: false, by: "nobody".to_owned() },
    };
    abide::info!("decided"; by = approval.by);
    Ok(Output { greeting, approved: approval.approved, by: approval.by })
}
