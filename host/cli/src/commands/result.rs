//! `abide result`: what a run came to.

use abide_model::{Outcome, Run, RunStatus};
use anyhow::Result;
use clap::Args;

use crate::client::{Client, Waiting};
use crate::exit::Exit;
use crate::output::{self, Format};

/// `abide result`.
#[derive(Debug, Args)]
pub(crate) struct ResultArguments {
    /// The run
    run: String,
    /// Wait until the run is closed
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) async fn run(client: &Client, arguments: ResultArguments, format: Format) -> Result<Exit> {
    let closed = if arguments.wait {
        // An id may pass to a later run while this waits.
        let run = client.describe(&arguments.run).await?.run.run_id.to_string();
        client.result(&run, Some(&arguments.waiting)).await?
    } else {
        client.result(&arguments.run, None).await?
    };
    show(&closed, format)
}

/// Prints the result of a closed run. The exit status says whether it succeeded.
pub(super) fn show(run: &Run, format: Format) -> Result<Exit> {
    let exit = exit(run);
    if format == Format::Json {
        output::json(run)?;
        return Ok(exit);
    }
    match &run.outcome {
        Some(Outcome::Ok(result)) => output::line(result.as_str())?,
        Some(Outcome::Failed(failure)) => output::note(format!("abide: the run {}: {failure}", ended(run.status))),
        None => output::note(format!("abide: the run {}", ended(run.status))),
    }
    Ok(exit)
}

/// How a command ends that waited for a run.
pub(super) fn exit(run: &Run) -> Exit {
    if run.status == RunStatus::Completed { Exit::Done } else { Exit::RunFailed }
}

fn ended(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Cancelled => "was cancelled",
        RunStatus::Terminated => "was terminated",
        RunStatus::Completed => "is completed",
        RunStatus::Failed => "failed",
        RunStatus::TimedOut => "timed out",
        RunStatus::Continued => "went on as a new run",
        RunStatus::Running | RunStatus::Parked => "is open",
    }
}
