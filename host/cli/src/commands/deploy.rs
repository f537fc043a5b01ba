//! `abide deploy`: uploads a component, which is built first where it is given as source.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use abide_model::{Configuration, Label, WorkflowName};
use abide_runtime::view::Upload;
use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use futures_util::stream;
use reqwest::Body;
use tokio::time::{Instant, interval};

use crate::building::Source;
use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format, size};
use crate::when;

/// The pieces in which a file is sent.
const PIECE_BYTES: usize = 256 << 10;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// `abide deploy`.
#[derive(Debug, Args)]
pub(crate) struct DeployArguments {
    /// The component, or its source: `agent.py`, `agent.ts`, `agent.js`, the folder of a crate
    file: PathBuf,
    /// The name of the workflow [default: the name of the file or the crate, with `-` for `_`]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// An environment variable that runs of this version see; not for secrets, it stands in histories
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// An argument of the program
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    arg: Vec<String>,
    /// A label for this version, which the others lose
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Upload only: new runs go on to take the version that is active
    #[arg(long)]
    no_activate: bool,
    /// Build even if nothing has changed
    #[arg(long)]
    again: bool,
}

pub(crate) async fn run(client: &Client, arguments: DeployArguments, format: Format) -> Result<Exit> {
    let source = Source::of(&arguments.file)?;
    let name = match &arguments.name {
        Some(name) => WorkflowName::parse(name).map_err(|error| Fault::usage(error.message))?,
        None => source.name()?,
    };
    let configuration = Configuration { environment: arguments.env.into_iter().collect(), arguments: arguments.arg };
    configuration.check().map_err(|error| Fault::usage(error.message))?;
    let labels = arguments.label.iter().map(|label| Label::parse(label)).collect::<Result<_, _>>();
    let labels = labels.map_err(|error| Fault::usage(error.message))?;
    let upload = Upload { configuration, labels, activate: !arguments.no_activate };
    let file = source.build(arguments.again).await?;
    let began = Instant::now();
    let sent = Arc::new(AtomicU64::new(0));
    let total = file.len() as u64;
    let uploading = client.upload(name.as_str(), &upload, pieces(file, sent.clone()), total);
    let deployed = tokio::select! {
        deployed = uploading => deployed,
        () = progress(&name, &sent, total) => unreachable!("progress is shown until the upload ends"),
    };
    clear_progress();
    let deployed = deployed?;
    if format == Format::Json {
        output::json(&deployed)?;
        return Ok(Exit::Done);
    }
    let version = &deployed.version;
    let what = match (deployed.created, upload.activate) {
        (true, true) => "deployed",
        (false, true) => "activated (it was there before)",
        (true, false) => "uploaded (new runs do not take it)",
        (false, false) => "unchanged (it was there before)",
    };
    let took = when::span(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    output::line(format!("{what} {name} {} ({}, {took})", version.version.short(), size(version.size_bytes)))?;
    Ok(Exit::Done)
}

/// `NAME=VALUE`.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The file in pieces; `sent` counts those that went out.
fn pieces(file: Bytes, sent: Arc<AtomicU64>) -> Body {
    Body::wrap_stream(stream::unfold(file, move |mut rest| {
        let sent = sent.clone();
        async move {
            if rest.is_empty() {
                return None;
            }
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Some((Ok::<_, std::io::Error>(piece), rest))
        }
    }))
}

/// Shows how far the upload is, on a terminal. Never completes.
async fn progress(name: &WorkflowName, sent: &AtomicU64, total: u64) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let began = Instant::now();
    let mut ticks = interval(TICK);
    loop {
        ticks.tick().await;
        let sent = sent.load(Ordering::Relaxed);
        let state = if sent < total {
            format!("uploading {name}: {} of {}", size(sent), size(total))
        } else {
            format!("compiling {name} ({} s)", began.elapsed().as_secs())
        };
        eprint!("\r\x1b[2K{state}");
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}
