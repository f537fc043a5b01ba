//! `abide deploy`: uploads a component, which is built first where it is given as source.

use std::path::{Path, PathBuf};

use abide_model::{Configuration, Label, Manifest, WorkflowName};
use abide_runtime::view::Upload;
use anyhow::Result;
use clap::Args;
use tokio::time::Instant;

use super::uploading;
use crate::building::Source;
use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format, size};
use crate::when;

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
    /// A JSON file that says what the version asks for, such as `{"asks": ["llm:openai/*"]}` [default: all that its tenant has]
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
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
    let manifest = arguments.manifest.as_deref().map(manifest).transpose()?;
    let upload = Upload { configuration, labels, activate: !arguments.no_activate, manifest };
    let file = source.build(arguments.again).await?;
    let began = Instant::now();
    let uploading =
        uploading::upload(name.as_str(), file, |body, bytes| client.upload(name.as_str(), &upload, body, bytes));
    let deployed = uploading.await?;
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

/// The manifest in a file.
fn manifest(path: &Path) -> Result<Manifest, Fault> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::usage(format!("`{}` cannot be read: {error}", path.display())))?;
    Manifest::parse(&text).map_err(|error| Fault::usage(format!("`{}`: {}", path.display(), error.message)))
}

/// `NAME=VALUE`.
pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
