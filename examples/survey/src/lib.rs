//! Asks many people at once: a child run for each, all at the same time, and their answers gathered. The workflow starts itself: a run with
//! one person asks, a run with more hands out. A person who does not answer in time is left out.

use std::time::Duration;

use abide::children::{self, Child, ChildOptions};
use abide::{Failure, join_all, run, select, signals, timer};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
struct Survey {
    people: Vec<String>,
    patience_ms: u64,
}

#[derive(Deserialize, Serialize)]
struct Answer {
    person: String,
    /// 1 to 5; none where nothing came in time.
    stars: Option<u8>,
}

#[abide::workflow]
async fn run(mut survey: Survey) -> Result<Vec<Answer>, Failure> {
    if survey.people.len() == 1 {
        return Ok(vec![ask(survey.people.remove(0), survey.patience_ms).await?]);
    }
    let asked = join_all(survey.people.into_iter().map(|person| hand_out(person, survey.patience_ms))).await;
    let mut answers = Vec::new();
    for child in asked {
        answers.extend(child?.result::<Vec<Answer>>().await?);
    }
    Ok(answers)
}

async fn hand_out(person: String, patience_ms: u64) -> Result<Child, Failure> {
    let options = ChildOptions::new().id(format!("{}.{person}", run::info().id));
    children::start_with("survey", &Survey { people: vec![person], patience_ms }, options).await
}

/// Waits for the signal `stars` to this run.
async fn ask(person: String, patience_ms: u64) -> Result<Answer, Failure> {
    let stars = select! {
        stars = signals::receive("stars") => Some(stars?),
        _ = timer::sleep(Duration::from_millis(patience_ms)) => None,
    };
    Ok(Answer { person, stars })
}
