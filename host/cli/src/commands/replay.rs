//! `abide replay`: the history again, with no live calls.

use std::path::PathBuf;

use abide_model::ParkKind;
use abide_runtime::view::{ReplayReport, ReplayVerdict};
use anyhow::Result;
use clap::Args;

use crate::building;
use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::when;

/// `abide replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The run
    run: String,
    /// A component to replay on [default: the run's own version]
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Show the log lines that the workflow writes
    #[arg(long)]
    log: bool,
}

pub(crate) async fn run(client: &Client, arguments: ReplayArguments, format: Format) -> Result<Exit> {
    let component = arguments.component.as_deref().map(building::read).transpose()?;
    let report = client.replay(&arguments.run, component).await?;
    match format {
        Format::Json => output::json(&report)?,
        Format::Text => output::text_out(&in_words(&report, arguments.log))?,
    }
    Ok(if report.verdict == ReplayVerdict::Identical { Exit::Done } else { Exit::RunFailed })
}

fn in_words(report: &ReplayReport, with_log: bool) -> String {
    let verdict = match report.verdict {
        ReplayVerdict::Identical => "identical",
        ReplayVerdict::Diverged => "diverged",
        ReplayVerdict::Stopped => "stopped",
    };
    let took = when::span(report.micros.div_ceil(1000));
    let mut text = String::new();
    if with_log {
        report.log.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text.push_str(&format!("{verdict}: {} events on {} in {took}\n", report.events, report.version.short()));
    if let Some(reason) = &report.reason {
        // The sentence of a divergence names the event itself.
        let place = reason.event.filter(|_| reason.kind != ParkKind::Divergence);
        let place = place.map(|event| format!("after event {event}: ")).unwrap_or_default();
        text.push_str(&format!("{place}{}\n", reason.message));
        reason.backtrace.iter().for_each(|function| text.push_str(&format!("  {function}\n")));
    }
    text
}
