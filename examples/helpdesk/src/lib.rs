//! A help desk: a model understands the message and drafts, a person approves, tools file the ticket and do the work, a model writes the answer.
//!
//! It reads from top to bottom like the procedure that it is. Between two lines may lie a second or a week, a crash or a new release of the host.

mod desk;
mod model;

use std::time::Duration;

use abide::{CallOptions, Failure, RetryPolicy, info, keep, select, signals, state, timer};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Input {
    /// What the customer wrote.
    message: String,
    /// Who wrote it.
    customer: String,
    /// The model, by the names of the configuration; the default one if not said.
    #[serde(default)]
    model: String,
    /// How long a person may take before being reminded.
    #[serde(default = "a_day")]
    reminder_after_ms: u64,
    /// How often they are reminded. After that the request waits quietly.
    #[serde(default = "three")]
    reminders: u32,
}

fn a_day() -> u64 {
    24 * 60 * 60 * 1000
}

fn three() -> u32 {
    3
}

/// The signal `approval`.
#[derive(Deserialize)]
struct Approval {
    approved: bool,
    by: String,
    note: Option<String>,
}

/// How it ended.
#[derive(Serialize)]
struct Output {
    ticket: String,
    category: String,
    approved: bool,
    decided_by: String,
    reminders_sent: u32,
    answer: String,
}

#[abide::workflow]
async fn run(input: Input) -> Result<Output, Failure> {
    show("understanding", None)?;
    let draft = model::classify_and_draft(&input.model, &input.message).await?;
    info!("this is about {}", draft.category; urgency = draft.urgency);

    show("filing", None)?;
    let ticket = desk::file_ticket(&input.customer, &draft).await?;

    show("waiting for approval", Some(&ticket))?;
    let (approval, reminders_sent) = wait_for_approval(&input, &ticket).await?;

    let answer = if approval.approved {
        show("provisioning", Some(&ticket))?;
        let what_was_done = desk::provision(&ticket, &draft, &approval.by).await?;
        model::write_answer(&input.model, &draft, &what_was_done).await?
    } else {
        show("declining", Some(&ticket))?;
        let reason = approval.note.as_deref().unwrap_or("no reason was given");
        model::write_refusal(&input.model, &draft, reason).await?
    };

    show("done", Some(&ticket))?;
    Ok(Output {
        ticket,
        category: draft.category,
        approved: approval.approved,
        decided_by: approval.by,
        reminders_sent,
        answer,
    })
}

/// Waits for a person, and reminds them now and then. However long it takes, nothing but a row in the store is waiting.
async fn wait_for_approval(input: &Input, ticket: &str) -> Result<(Approval, u32), Failure> {
    let mut approval = keep(signals::receive::<Approval>("approval"));
    for reminders_sent in 0..input.reminders {
        select! {
            approval = &mut approval => return Ok((approval?, reminders_sent)),
            _ = timer::sleep(Duration::from_millis(input.reminder_after_ms)) => {
                info!("nobody decided about {ticket} yet");
                desk::remind(ticket, reminders_sent + 1).await?;
            }
        }
    }
    Ok((approval.await?, input.reminders))
}

/// Shows where the request stands: `abide query RUN stage`.
fn show(stage: &str, ticket: Option<&str>) -> Result<(), Failure> {
    state::publish("stage", stage)?;
    state::publish("ticket", &ticket)
}

/// What changes something outside is tried for longer than what only asks.
fn patiently() -> CallOptions {
    CallOptions::new()
        .total_timeout(Duration::from_secs(24 * 60 * 60))
        .retry(RetryPolicy::new().max_attempts(50).max_interval(Duration::from_secs(300)))
}
