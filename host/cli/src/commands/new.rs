//! `abide new`: a project to begin with.

use std::path::PathBuf;

use abide_model::WorkflowName;
use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::exit::{Exit, Fault};
use crate::output::{self, Format};
use crate::scaffolding::{Language, Project};

/// `abide new`.
#[derive(Debug, Args)]
pub(crate) struct NewArguments {
    /// The name of the workflow, and of the folder that is made
    name: String,
    /// The language
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// For Rust: the folder of the SDK, instead of its release
    #[arg(long, value_name = "DIR")]
    sdk_path: Option<PathBuf>,
}

pub(crate) fn run(arguments: NewArguments, format: Format) -> Result<Exit> {
    let name = WorkflowName::parse(&arguments.name).map_err(|error| Fault::usage(error.message))?;
    let project = Project { name: name.as_str().to_owned(), language: arguments.lang, sdk_path: arguments.sdk_path };
    let files = project.write(&PathBuf::from(name.as_str()))?;
    match format {
        Format::Json => output::json(&json!({"folder": name, "files": files}))?,
        Format::Text => {
            for file in &files {
                output::line(format!("  {name}/{file}"))?;
            }
            let source = project.source();
            output::line(format!(
                "\nnow:\n  cd {name}\n  abide dev                      # a host, in a terminal of its own\n  abide deploy {source}\n  abide start {name} \
                 --id first --input '{{\"name\": \"Ada\"}}' --follow"
            ))?;
        }
    }
    Ok(Exit::Done)
}
