//! `abide replay`: the history again, with no live calls; on several engines; up to an event; event by event. Of a run of a host, or of a capsule.

mod at;
mod report;
mod source;
mod stepping;

use std::path::PathBuf;

use abide_model::Seq;
use abide_runtime::view::ReplayVerdict;
use anyhow::Result;
use clap::Args;

use crate::building;
use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format};

use source::Source;

pub(super) use source::read as read_capsule;

/// `abide replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The run, or the file of a capsule
    run: String,
    /// A component to replay on [default: the run's own version]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Show the log lines that the workflow writes
    #[arg(long)]
    log: bool,
    /// Replay on another instruction set too, and compare every call and the guest's memory
    #[arg(long, conflicts_with_all = ["to", "step"])]
    prove: bool,
    /// Show where the run stood after an event
    #[arg(long, value_name = "EVENT", conflicts_with = "step")]
    to: Option<Seq>,
    /// Go through the history event by event, by commands from standard input; `h` shows them
    #[arg(long)]
    step: bool,
    /// The event to begin with [default: 0]
    #[arg(long, value_name = "EVENT", requires = "step")]
    from: Option<Seq>,
}

pub(crate) async fn run(client: &Client, arguments: ReplayArguments, format: Format) -> Result<Exit> {
    let component = arguments.component.as_deref().map(building::read).transpose()?;
    let source = Source::of(client, &arguments.run, component).await?;
    if arguments.step {
        return stepping::step(&source, arguments.from.unwrap_or(0), format).await;
    }
    if let Some(event) = arguments.to {
        let at = source.at(event).await?;
        match format {
            Format::Json => output::json(&at)?,
            Format::Text => output::text_out(&at::in_words(&at))?,
        }
        return Ok(if at.stopped.is_none() { Exit::Done } else { Exit::RunFailed });
    }
    let report = source.replay(arguments.prove).await?;
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => output::text_out(&report::in_words(&report, arguments.log))?,
    }
    let is_equal = report.proof.as_ref().is_none_or(|proof| proof.equal);
    Ok(if is_equal && report.verdict == ReplayVerdict::Identical { Exit::Done } else { Exit::RunFailed })
}
