//! `abide swap`: runs go on with another version; page by page, and tells how it goes.

use std::collections::BTreeMap;

use abide_model::Digest;
use abide_runtime::view::{SwapRuns, SwapVerdict, SwappedRun};
use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format};

/// `abide swap`.
#[derive(Debug, Args)]
pub(crate) struct SwapArguments {
    /// The workflow
    workflow: String,
    /// The version to go on with: 8 or more of its first digits, or a label
    #[arg(long, value_name = "VERSION")]
    to: String,
    /// Only runs that this means
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Replay, tell what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a swap came to.
#[derive(Debug, Serialize)]
struct Whole {
    version: Digest,
    counts: BTreeMap<String, u64>,
    /// Those that stay where they are, though they were asked.
    held_back: Vec<SwappedRun>,
}

pub(crate) async fn run(client: &Client, arguments: SwapArguments, format: Format) -> Result<Exit> {
    let SwapArguments { workflow, to, filter, dry_run } = arguments;
    let mut asked = SwapRuns { to, filter, dry_run, cursor: None, limit: None };
    let mut whole: Option<Whole> = None;
    loop {
        let page = client.swap(&workflow, &asked).await?;
        let whole = whole.get_or_insert_with(|| Whole {
            version: page.version,
            counts: BTreeMap::new(),
            held_back: Vec::new(),
        });
        for (verdict, count) in page.counts {
            *whole.counts.entry(verdict).or_default() += count;
        }
        let stays = |run: &SwappedRun| matches!(run.verdict, SwapVerdict::Diverges | SwapVerdict::Stops);
        let held_back: Vec<_> = page.runs.into_iter().filter(stays).collect();
        if format == Format::Text {
            held_back.iter().try_for_each(|run| output::text_out(&in_words(run)))?;
        } else {
            whole.held_back.extend(held_back);
        }
        // The version that a label names may change between two pages.
        asked.to = page.version.hex();
        asked.cursor = page.next;
        if asked.cursor.is_none() {
            break;
        }
    }
    let Some(whole) = whole else { return Ok(Exit::Done) };
    match format {
        Format::Json => output::json(&whole)?,
        Format::Text => {
            let counts: Vec<_> =
                whole.counts.iter().map(|(verdict, count)| format!("{count} {}", verdict.replace('_', " "))).collect();
            let counts = if counts.is_empty() { "no open runs".to_owned() } else { counts.join(", ") };
            output::line(format!("{workflow} to {}: {counts}", whole.version.short()))?;
        }
    }
    let stays = |verdict: &str| whole.counts.contains_key(verdict);
    Ok(if stays("diverges") || stays("stops") { Exit::RunFailed } else { Exit::Done })
}

fn in_words(run: &SwappedRun) -> String {
    let verdict = run.verdict.as_str();
    let mut text = format!("{} ({}) on {}: {verdict}\n", run.run_id, run.id, run.from.short());
    if let Some(reason) = &run.reason {
        text.push_str(&format!("  {}\n", reason.message));
        reason.backtrace.iter().for_each(|function| text.push_str(&format!("    {function}\n")));
    }
    text
}
