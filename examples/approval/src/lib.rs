//! An expense waits for a decision: by an update, so that whoever decides learns at once whether it counts. Without a decision in time it is
//! declined.

use std::time::Duration;

use abide::updates::Update;
use abide::{Failure, select, state, timer, updates};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Expense {
    cents: u64,
    by: String,
    patience_ms: u64,
}

#[derive(Deserialize)]
struct Decision {
    approve: bool,
    by: String,
}

#[derive(Clone, Serialize)]
struct Decided {
    approved: bool,
    by: String,
    cents: u64,
}

#[abide::workflow]
async fn run(expense: Expense) -> Result<Decided, Failure> {
    state::publish("stage", "waiting for a decision")?;
    let deadline = timer::now() + Duration::from_millis(expense.patience_ms);
    let decided = loop {
        select! {
            update = updates::receive("decide") => {
                if let Some(decided) = decide(&expense, update?) {
                    break decided;
                }
            }
            _ = timer::sleep_until(deadline) => {
                break Decided { approved: false, by: "nobody".to_owned(), cents: expense.cents };
            }
        }
    };
    state::publish("stage", "decided")?;
    Ok(decided)
}

/// Takes a decision that counts; rejects any other, which leaves no trace but in the history.
fn decide(expense: &Expense, update: Update) -> Option<Decided> {
    let decision = match update.arguments::<Decision>() {
        Ok(decision) => decision,
        Err(misfit) => {
            update.reject(misfit);
            return None;
        }
    };
    if decision.by == expense.by {
        update.reject(Failure::new("not-allowed", "nobody decides about an expense of their own"));
        return None;
    }
    let decided = Decided { approved: decision.approve, by: decision.by, cents: expense.cents };
    update.respond(Ok(&decided));
    Some(decided)
}
