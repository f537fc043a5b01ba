//! `abide versions`, `abide activate`, `abide rollback`, `abide ramp` and `abide policy`: which version new runs take.

use abide_model::{Label, SwapPolicy};
use abide_runtime::view::{ChangeVersion, ChangeWorkflow, SetRamp, Version, VersionDescription, Workflow};
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format, size};
use crate::when;

/// `abide versions`.
#[derive(Debug, Subcommand)]
pub(crate) enum VersionsCommand {
    /// List the versions of a workflow, newest first
    List(WorkflowArguments),
    /// Show a version, and the runs that are on it
    Describe(VersionArguments),
    /// Give a version a label, which the others lose
    Label(LabelArguments),
    /// Take a label from a version
    Unlabel(LabelArguments),
    /// Let no new run take a version
    Deactivate(VersionArguments),
    /// Let new runs take a version again
    Reactivate(VersionArguments),
    /// Remove a version that nothing uses
    Delete(VersionArguments),
}

/// A workflow.
#[derive(Debug, Args)]
pub(crate) struct WorkflowArguments {
    /// The workflow
    workflow: String,
}

/// A version of a workflow.
#[derive(Debug, Args)]
pub(crate) struct VersionArguments {
    /// The workflow
    workflow: String,
    /// The version: 8 or more of its first digits, or a label
    version: String,
}

/// A label of a version.
#[derive(Debug, Args)]
pub(crate) struct LabelArguments {
    #[command(flatten)]
    version: VersionArguments,
    /// The label
    label: String,
}

/// `abide ramp`.
#[derive(Debug, Args)]
pub(crate) struct RampArguments {
    #[command(flatten)]
    version: VersionArguments,
    /// How many of a hundred new runs take it; 0 ends the ramp
    percent: u8,
}

/// `abide policy`.
#[derive(Debug, Args)]
pub(crate) struct PolicyArguments {
    /// The workflow
    workflow: String,
    /// What happens to open runs on other versions when one becomes active
    #[arg(value_enum)]
    policy: Policy,
}

/// What happens to open runs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    /// They stay, until `abide swap`
    Manual,
    /// Those whose history is identical on it go on with it
    Automatic,
}

pub(crate) async fn run(client: &Client, command: VersionsCommand, format: Format) -> Result<Exit> {
    let change = |deactivated| ChangeVersion { deactivated: Some(deactivated), ..ChangeVersion::default() };
    let (which, change) = match command {
        VersionsCommand::List(which) => return list(&client.workflow(&which.workflow).await?, format),
        VersionsCommand::Describe(which) => {
            return describe(&client.version(&which.workflow, &which.version).await?, format);
        }
        VersionsCommand::Delete(which) => {
            let deleted = client.delete_version(&which.workflow, &which.version).await?;
            match format {
                Format::Json => output::json(&deleted)?,
                Format::Text => output::line(format!("deleted: {} {}", deleted.workflow, deleted.version.short()))?,
            }
            return Ok(Exit::Done);
        }
        VersionsCommand::Deactivate(which) => (which, change(true)),
        VersionsCommand::Reactivate(which) => (which, change(false)),
        VersionsCommand::Label(label) => {
            let add_labels = vec![read_label(&label.label)?];
            (label.version, ChangeVersion { add_labels, ..ChangeVersion::default() })
        }
        VersionsCommand::Unlabel(label) => {
            let remove_labels = vec![read_label(&label.label)?];
            (label.version, ChangeVersion { remove_labels, ..ChangeVersion::default() })
        }
    };
    describe(&client.change_version(&which.workflow, &which.version, &change).await?, format)
}

fn read_label(text: &str) -> Result<Label, Fault> {
    Label::parse(text).map_err(|error| Fault::usage(error.message))
}

pub(crate) async fn activate(client: &Client, which: VersionArguments, format: Format) -> Result<Exit> {
    let change = ChangeWorkflow { activate: Some(which.version), ..ChangeWorkflow::default() };
    changed(&client.change_workflow(&which.workflow, &change).await?, format)
}

pub(crate) async fn rollback(client: &Client, which: WorkflowArguments, format: Format) -> Result<Exit> {
    let change = ChangeWorkflow { rollback: true, ..ChangeWorkflow::default() };
    changed(&client.change_workflow(&which.workflow, &change).await?, format)
}

pub(crate) async fn ramp(client: &Client, ramp: RampArguments, format: Format) -> Result<Exit> {
    let set = SetRamp { version: ramp.version.version, percent: ramp.percent };
    let change = ChangeWorkflow { ramp: Some(set), ..ChangeWorkflow::default() };
    changed(&client.change_workflow(&ramp.version.workflow, &change).await?, format)
}

pub(crate) async fn policy(client: &Client, policy: PolicyArguments, format: Format) -> Result<Exit> {
    let swap = match policy.policy {
        Policy::Manual => SwapPolicy::Manual,
        Policy::Automatic => SwapPolicy::Automatic,
    };
    let change = ChangeWorkflow { swap: Some(swap), ..ChangeWorkflow::default() };
    changed(&client.change_workflow(&policy.workflow, &change).await?, format)
}

fn changed(workflow: &Workflow, format: Format) -> Result<Exit> {
    if format == Format::Json {
        output::json(workflow)?;
        return Ok(Exit::Done);
    }
    let active = workflow.active.map_or("nothing".to_owned(), |active| active.short());
    let mut text = format!("new runs of {} take {active}", workflow.name);
    if let Some(ramp) = workflow.ramp {
        text.push_str(&format!(", {} % of them {}", ramp.percent, ramp.version.short()));
    }
    text.push_str(match workflow.swap {
        SwapPolicy::Manual => "; open runs stay on theirs until `abide swap`",
        SwapPolicy::Automatic => "; open runs whose history allows it go on with it by themselves",
    });
    output::line(text)?;
    Ok(Exit::Done)
}

fn list(workflow: &Workflow, format: Format) -> Result<Exit> {
    if format == Format::Json {
        output::json(workflow)?;
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = workflow
        .versions
        .iter()
        .rev()
        .map(|version| {
            [
                version.version.short(),
                state(workflow, version),
                version.labels.iter().map(|label| label.as_str()).collect::<Vec<_>>().join(" "),
                when::date(version.uploaded_ms),
                size(version.size_bytes),
            ]
        })
        .collect();
    output::text_out(&output::table(["VERSION", "STATE", "LABELS", "UPLOADED", "SIZE"], &rows))?;
    Ok(Exit::Done)
}

/// How a version stands to new runs.
pub(super) fn state(workflow: &Workflow, version: &Version) -> String {
    match workflow.ramp {
        _ if workflow.active == Some(version.version) => "active".to_owned(),
        Some(ramp) if ramp.version == version.version => format!("{} %", ramp.percent),
        _ if version.deactivated_ms.is_some() => "deactivated".to_owned(),
        _ => String::new(),
    }
}

fn describe(description: &VersionDescription, format: Format) -> Result<Exit> {
    if format == Format::Json {
        output::json(description)?;
        return Ok(Exit::Done);
    }
    let version = &description.version;
    let state = match (description.active, description.ramp_percent, version.deactivated_ms) {
        (true, ..) => "active: new runs take it".to_owned(),
        (_, Some(percent), _) => format!("{percent} % of the new runs take it"),
        (.., Some(ms)) => format!("deactivated {}", when::date(ms)),
        _ => "new runs take it where they name it".to_owned(),
    };
    let mut lines = vec![
        ("version", version.version.to_string()),
        ("workflow", version.workflow.to_string()),
        ("state", state),
        ("uploaded", when::date(version.uploaded_ms)),
        ("size", size(version.size_bytes)),
    ];
    for label in version.labels.iter() {
        lines.push(("label", label.to_string()));
    }
    for import in &version.imports {
        lines.push(("imports", import.clone()));
    }
    for right in version.manifest.iter().flat_map(|manifest| &manifest.asks) {
        lines.push(("asks for", right.to_string()));
    }
    for (status, count) in &description.runs {
        lines.push(("runs", format!("{count} {status}")));
    }
    if description.runs.is_empty() {
        lines.push(("runs", "none".to_owned()));
    }
    if description.held_back > 0 {
        lines.push(("held back", format!("{} open runs could not go on with it", description.held_back)));
    }
    let text: String = lines.iter().map(|(name, value)| format!("{name:10} {value}\n")).collect();
    output::text_out(&text)?;
    Ok(Exit::Done)
}
