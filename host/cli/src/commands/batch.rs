//! `abide batch`: does something to all runs of a filter, page by page, and tells how it goes.

use std::io::{BufRead, IsTerminal};

use abide_model::{Clock, Digest, Json, SystemClock};
use abide_runtime::view::{Batch, BatchAction, BatchReport, BatchSignal};
use anyhow::Result;
use clap::{Args, Subcommand};

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::input;
use crate::output::{self, Format};

/// What is done.
#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// Ask the runs to end
    Cancel(BecauseArguments),
    /// End the runs without asking them
    Terminate(BecauseArguments),
    /// Send the runs a signal
    Signal(SignalArguments),
    /// Let the runs go on, where they are parked
    Resume(WhichArguments),
    /// Keep the runs on their versions
    Pin(WhichArguments),
    /// Let the runs go on with other versions again
    Unpin(WhichArguments),
    /// Remove the runs, where they have ended
    Delete(WhichArguments),
}

/// To which runs.
#[derive(Debug, Args)]
pub(crate) struct WhichArguments {
    /// Which runs
    #[arg(long, value_name = "FILTER")]
    filter: String,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

/// With a reason.
#[derive(Debug, Args)]
pub(crate) struct BecauseArguments {
    #[command(flatten)]
    which: WhichArguments,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// With a signal.
#[derive(Debug, Args)]
pub(crate) struct SignalArguments {
    /// The name of the signal
    name: String,
    /// What the signal says [default: null]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    payload: Option<String>,
    #[command(flatten)]
    which: WhichArguments,
    /// An idempotency key: the same command with the same key sends each run the signal once [default: one of this command's own]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub(crate) async fn run(client: &Client, command: BatchCommand, format: Format) -> Result<Exit> {
    let (which, action, reason, signal) = match command {
        BatchCommand::Cancel(BecauseArguments { which, reason }) => (which, BatchAction::Cancel, reason, None),
        BatchCommand::Terminate(BecauseArguments { which, reason }) => (which, BatchAction::Terminate, reason, None),
        BatchCommand::Resume(which) => (which, BatchAction::Resume, String::new(), None),
        BatchCommand::Pin(which) => (which, BatchAction::Pin, String::new(), None),
        BatchCommand::Unpin(which) => (which, BatchAction::Unpin, String::new(), None),
        BatchCommand::Delete(which) => (which, BatchAction::Delete, String::new(), None),
        BatchCommand::Signal(SignalArguments { name, payload, which, key }) => {
            let payload = payload.as_deref().map_or_else(|| Ok(Json::null()), input::json)?;
            let key = Some(key.unwrap_or_else(own_key));
            (which, BatchAction::Signal, String::new(), Some(BatchSignal { name, payload, key }))
        }
    };
    let (verb, done) = words(action);
    let counts = client.count(Some(&which.filter)).await?;
    let mut whole = BatchReport::default();
    if counts.total > 0 {
        let by_status: Vec<_> = counts.statuses.iter().map(|(status, count)| format!("{count} {status}")).collect();
        output::note(format!("{} runs: {}", counts.total, by_status.join(", ")));
        if !which.yes {
            confirm(&format!("{verb} them?"))?;
        }
        let mut batch = Batch { filter: which.filter, action, reason, signal, cursor: None, limit: None };
        loop {
            let page = client.batch(&batch).await?;
            batch.cursor = page.next;
            add(&mut whole, page);
            if batch.cursor.is_none() {
                break;
            }
            output::note(format!("{} of about {}", whole.done + whole.skipped + whole.failed, counts.total));
        }
    }
    for failure in &whole.failures {
        output::note(format!("{}: {}", failure.run_id, failure.message));
    }
    match format {
        Format::Json => output::json(&whole)?,
        Format::Text => {
            let reasons: Vec<_> = whole.reasons.iter().map(|(code, count)| format!("{count} {code}")).collect();
            let why = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
            let (count, skipped, failed) = (whole.done, whole.skipped, whole.failed);
            output::line(format!("{done}: {count}, skipped: {skipped}, failed: {failed}{why}"))?;
        }
    }
    Ok(if whole.failed > 0 { Exit::Refused } else { Exit::Done })
}

fn words(action: BatchAction) -> (&'static str, &'static str) {
    match action {
        BatchAction::Cancel => ("cancel", "asked to end"),
        BatchAction::Terminate => ("terminate", "terminated"),
        BatchAction::Signal => ("signal", "sent"),
        BatchAction::Resume => ("resume", "resumed"),
        BatchAction::Pin => ("pin", "pinned"),
        BatchAction::Unpin => ("unpin", "unpinned"),
        BatchAction::Delete => ("delete", "deleted"),
    }
}

/// A key that no other command has: of the time and the process.
fn own_key() -> String {
    let made_of = format!("{} {}", SystemClock.now_ms(), std::process::id());
    format!("batch-{}", Digest::of(made_of.as_bytes()).short())
}

/// Asks a person. Where there is none, nothing is done.
fn confirm(question: &str) -> Result<(), Fault> {
    if !std::io::stdin().is_terminal() {
        return Err(Fault::usage(format!("{question} There is nobody to ask: give `--yes` to do it")));
    }
    output::note(format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Fault::usage("nothing was done")),
    }
}

/// The failures that are shown are those of the first pages.
fn add(whole: &mut BatchReport, page: BatchReport) {
    const SHOWN: usize = 100;
    whole.done += page.done;
    whole.skipped += page.skipped;
    whole.failed += page.failed;
    for (code, count) in page.reasons {
        *whole.reasons.entry(code).or_default() += count;
    }
    let room = SHOWN - whole.failures.len();
    whole.failures.extend(page.failures.into_iter().take(room));
}
