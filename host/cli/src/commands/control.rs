//! `abide cancel`, `abide terminate`, `abide resume`, `abide reset` and `abide delete`.

use abide_model::{Run, Seq};
use abide_runtime::view::ResetRun;
use anyhow::Result;
use clap::Args;

use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format};

/// `abide cancel` and `abide terminate`.
#[derive(Debug, Args)]
pub(crate) struct BecauseArguments {
    /// The run
    run: String,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// `abide resume`.
#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The run
    run: String,
    /// A version to go on with, by 8 or more of its first digits [default: that of the run]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// `abide delete`.
#[derive(Debug, Args)]
pub(crate) struct DeleteArguments {
    /// The run
    run: String,
}

pub(crate) async fn delete(client: &Client, arguments: DeleteArguments, format: Format) -> Result<Exit> {
    let deleted = client.delete(&arguments.run).await?;
    match format {
        Format::Json => output::json(&deleted)?,
        Format::Text => output::line(format!("deleted: {}", deleted.run_id))?,
    }
    Ok(Exit::Done)
}

pub(crate) async fn cancel(client: &Client, arguments: BecauseArguments, format: Format) -> Result<Exit> {
    let reason = arguments.reason.as_deref().map(|reason| ("reason", reason));
    show(&client.control(&arguments.run, "cancel", reason).await?, "asked to end", format)
}

pub(crate) async fn terminate(client: &Client, arguments: BecauseArguments, format: Format) -> Result<Exit> {
    let reason = arguments.reason.as_deref().map(|reason| ("reason", reason));
    show(&client.control(&arguments.run, "terminate", reason).await?, "terminated", format)
}

pub(crate) async fn resume(client: &Client, arguments: ResumeArguments, format: Format) -> Result<Exit> {
    let version = arguments.version.as_deref().map(|version| ("version", version));
    show(&client.control(&arguments.run, "resume", version).await?, "resumed", format)
}

/// `abide pin` and `abide unpin`.
#[derive(Debug, Args)]
pub(crate) struct PinArguments {
    /// The run
    run: String,
}

pub(crate) async fn pin(client: &Client, arguments: PinArguments, pinned: bool, format: Format) -> Result<Exit> {
    let run = client.pin(&arguments.run, pinned).await?;
    let done = if pinned { "stays on its version" } else { "may go on with other versions" };
    show(&run, done, format)
}

/// `abide reset`.
#[derive(Debug, Args)]
pub(crate) struct ResetArguments {
    /// The run; if it is open, it is terminated
    run: String,
    /// The first event that the new run does not have
    #[arg(long, value_name = "EVENT")]
    event: Seq,
    /// A version to go on with, by 8 or more of its first digits [default: that of the run then]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

pub(crate) async fn reset(client: &Client, arguments: ResetArguments, format: Format) -> Result<Exit> {
    let reset = ResetRun { event: arguments.event, version: arguments.version };
    let started = client.reset(&arguments.run, &reset).await?;
    match format {
        Format::Json => output::json(&started)?,
        Format::Text => output::line(format!("goes on as {}", started.run.run_id))?,
    }
    Ok(Exit::Done)
}

fn show(run: &Run, done: &str, format: Format) -> Result<Exit> {
    match format {
        Format::Json => output::json(run)?,
        Format::Text => {
            output::line(format!("{done}: {} ({} {}) is {}", run.run_id, run.workflow, run.id, run.status))?
        }
    }
    Ok(Exit::Done)
}
