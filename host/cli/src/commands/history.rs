//! `abide history`: what happened in a run.

use anyhow::Result;
use clap::Args;

use crate::client::{Client, Waiting};
use crate::commands::result;
use crate::exit::Exit;
use crate::output::{self, Format, wants_color};
use crate::timeline::{Look, Timeline};

/// `abide history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The run
    run: String,
    /// Show what happens until the run is closed, as it happens; with `-o json`, one line an event
    #[arg(long)]
    follow: bool,
    /// Show payloads whole
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) async fn run(client: &Client, arguments: HistoryArguments, format: Format) -> Result<Exit> {
    // An id may pass to a later run while this reads.
    let run = client.describe(&arguments.run).await?.run.run_id.to_string();
    if arguments.follow {
        follow(client, &run, &arguments.waiting, format, arguments.full).await?;
        return Ok(Exit::Done);
    }
    let mut timeline = Timeline::new(look(arguments.full));
    let mut events = Vec::new();
    client
        .history(&run, |told| match format {
            Format::Json => {
                events.push(told.json);
                Ok(())
            }
            Format::Text => output::text_out(&timeline.show(&told.event)),
        })
        .await?;
    if format == Format::Json {
        output::json(&events)?;
    }
    Ok(Exit::Done)
}

/// Shows every event until the run is closed. The exit status is that of the run.
pub(super) async fn follow(client: &Client, run: &str, waiting: &Waiting, format: Format, full: bool) -> Result<Exit> {
    let mut timeline = Timeline::new(look(full));
    let closed = client
        .follow(run, waiting, |told| match format {
            Format::Json => output::json(&told.json),
            Format::Text => output::text_out(&timeline.show(&told.event)),
        })
        .await?;
    Ok(result::exit(&closed))
}

fn look(full: bool) -> Look {
    const WIDTH: usize = 120;
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH);
    Look { width: (!full).then_some(width), color: wants_color() }
}
