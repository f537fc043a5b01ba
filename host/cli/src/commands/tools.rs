//! `abide tools`: tool components, which perform tools and typed activities in a sandbox.

use std::fmt::Write;
use std::path::PathBuf;

use abide_activities::ToolSettings;
use abide_runtime::view::{PutTool, ToolComponent, ToolSource};
use anyhow::Result;
use clap::{Args, Subcommand};
use tokio::time::Instant;

use super::deploy::variable;
use super::uploading::upload;
use crate::building;
use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::input;
use crate::output::{self, Format, size};
use crate::when;

/// `abide tools`.
#[derive(Debug, Args)]
pub(crate) struct ToolsArguments {
    #[command(subcommand)]
    command: Option<ToolsCommand>,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum ToolsCommand {
    /// Upload a tool component
    Deploy(DeployArguments),
    /// List the tool components
    List,
    /// Show a tool component
    Describe(NameArguments),
    /// Remove a tool component that was uploaded
    Delete(NameArguments),
}

/// `abide tools deploy`.
#[derive(Debug, Args)]
struct DeployArguments {
    /// The component
    file: PathBuf,
    /// Its name [default: the name of the file, with `-` for `_`]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How it is run, as the fields of `[components.NAME]`; the options below change it
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// A host that it may send requests to; may be given more than once
    #[arg(long, value_name = "HOST")]
    allow: Vec<String>,
    /// An environment variable that it sees; not for secrets, it is shown
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// A variable of the host's environment that it is given, such as a key; the host has to allow it in `[tool_uploads]`
    #[arg(long, value_name = "NAME")]
    pass_env: Vec<String>,
    /// An interface that it performs [default: all that it exports]
    #[arg(long, value_name = "INTERFACE")]
    interface: Vec<String>,
    /// A WIT file whose comments describe its functions
    #[arg(long, value_name = "FILE")]
    wit: Option<PathBuf>,
}

/// Which one.
#[derive(Debug, Args)]
struct NameArguments {
    /// The tool component
    name: String,
}

pub(crate) async fn run(client: &Client, arguments: ToolsArguments, format: Format) -> Result<Exit> {
    match arguments.command.unwrap_or(ToolsCommand::List) {
        ToolsCommand::Deploy(arguments) => deploy(client, arguments, format).await,
        ToolsCommand::List => list(client, format).await,
        ToolsCommand::Describe(NameArguments { name }) => {
            let tool = client.tool(&name).await?;
            match format {
                Format::Json => output::json(&tool)?,
                Format::Text => output::text_out(&in_words(&tool))?,
            }
            Ok(Exit::Done)
        }
        ToolsCommand::Delete(NameArguments { name }) => {
            let deleted = client.delete_tool(&name).await?;
            match format {
                Format::Json => output::json(&deleted)?,
                Format::Text => output::line(format!("deleted {}", deleted.name))?,
            }
            Ok(Exit::Done)
        }
    }
}

async fn deploy(client: &Client, arguments: DeployArguments, format: Format) -> Result<Exit> {
    let settings = settings(&arguments)?;
    let name = match arguments.name {
        Some(name) => name,
        None => {
            let stem = arguments.file.file_stem().unwrap_or_default().to_string_lossy();
            stem.replace('_', "-")
        }
    };
    let file = building::read(&arguments.file)?;
    let began = Instant::now();
    let put = upload(&name, file, |body, bytes| client.put_tool(&name, &settings, body, bytes)).await?;
    if format == Format::Json {
        output::json(&put)?;
        return Ok(Exit::Done);
    }
    let PutTool { tool, created } = put;
    let what = if created { "deployed" } else { "replaced" };
    let took = when::span(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let performs = if tool.performs.is_empty() { "no interface".to_owned() } else { tool.performs.join(", ") };
    let bytes = size(tool.size_bytes.unwrap_or_default());
    output::line(format!("{what} {} ({bytes}, {took}): performs {performs}", tool.name))?;
    Ok(Exit::Done)
}

fn settings(arguments: &DeployArguments) -> Result<ToolSettings, Fault> {
    let mut settings = match &arguments.settings {
        Some(text) => {
            input::json(text)?.read::<ToolSettings>().map_err(|error| Fault::usage(format!("`--settings`: {error}")))?
        }
        None => ToolSettings::default(),
    };
    settings.http.allow.extend(arguments.allow.iter().cloned());
    settings.env.extend(arguments.env.iter().cloned());
    settings.pass_env.extend(arguments.pass_env.iter().cloned());
    if !arguments.interface.is_empty() {
        settings.interfaces.get_or_insert_default().extend(arguments.interface.iter().cloned());
    }
    if let Some(path) = &arguments.wit {
        let read = std::fs::read_to_string(path);
        settings.wit = Some(read.map_err(|error| Fault::usage(format!("cannot read `{}`: {error}", path.display())))?);
    }
    Ok(settings)
}

async fn list(client: &Client, format: Format) -> Result<Exit> {
    let answer = client.tools().await?;
    if format == Format::Json {
        output::json(&answer)?;
        return Ok(Exit::Done);
    }
    if answer.tools.is_empty() {
        output::note("no tool components yet: upload one with `abide tools deploy FILE`");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = answer
        .tools
        .iter()
        .map(|tool| {
            [
                tool.name.clone(),
                source(tool).to_owned(),
                if tool.problem.is_some() { "broken" } else { "ready" }.to_owned(),
                tool.uploaded_ms.map(when::date).unwrap_or_default(),
                tool.exports.join(" "),
            ]
        })
        .collect();
    output::text_out(&output::table(["NAME", "SOURCE", "STATE", "UPLOADED", "EXPORTS"], &rows))?;
    Ok(Exit::Done)
}

fn source(tool: &ToolComponent) -> &'static str {
    match tool.source {
        ToolSource::Configuration => "configuration",
        ToolSource::Upload => "upload",
    }
}

fn in_words(tool: &ToolComponent) -> String {
    let mut text = String::new();
    let mut row = |what: &str, told: &str| writeln!(text, "{what:<10}{told}").expect("writing to a string cannot fail");
    row("tool", &format!("{}, {}", tool.name, source(tool)));
    if let Some(problem) = &tool.problem {
        row("problem", problem);
    }
    if let Some(version) = &tool.version {
        let uploaded = tool.uploaded_ms.map(when::date).unwrap_or_default();
        row("version", &format!("{}, {}, {uploaded}", version.short(), size(tool.size_bytes.unwrap_or_default())));
    }
    for (what, names) in [("exports", &tool.exports), ("performs", &tool.performs), ("tools", &tool.tools)] {
        if !names.is_empty() {
            row(what, &names.join(" "));
        }
    }
    if let Some(settings) = &tool.settings {
        row("settings", settings.as_str());
    }
    text
}
