//! `abide start`: starts a run, and may wait for it.

use std::time::Duration;

use abide_model::{Attributes, CallerId, IdReuse, Json, WorkflowName};
use abide_runtime::view::{IfRunning, StartRun, StartSignal};
use abide_server::parse_duration;
use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::client::{Client, Waiting};
use crate::commands::{history, result};
use crate::exit::{Exit, Fault};
use crate::input;
use crate::output::{self, Format};

/// `abide start`.
#[derive(Debug, Args)]
pub(crate) struct StartArguments {
    /// The workflow
    workflow: String,
    /// What to call the run; of the runs with one id at most one is open
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The input of the run [default: null]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    input: Option<String>,
    /// A version, by 8 or more of its first digits [default: the active one]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// What to do while a run of that id is open
    #[arg(long, value_enum, value_name = "WHAT", default_value = "reject")]
    if_running: WhileRunning,
    /// Whether to take the id of a run that has ended
    #[arg(long, value_enum, value_name = "WHEN", default_value = "allow")]
    id_reuse: Reuse,
    /// How long the run may take, such as `30d`; then it ends as `timed_out`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,
    /// A signal that is there when the run begins, such as `order={"id":1}`; a run that is taken is sent it
    #[arg(long, value_name = "NAME[=JSON]")]
    signal: Option<String>,
    /// What the run can be found by with `--filter`: a flat JSON object [default: {}]
    #[arg(long, value_name = "JSON")]
    attributes: Option<String>,
    /// Wait for the result and print it
    #[arg(long)]
    wait: bool,
    /// Show what happens until the run is closed
    #[arg(long, conflicts_with = "wait")]
    follow: bool,
    #[command(flatten)]
    waiting: Waiting,
}

/// See [`IfRunning`].
#[derive(Debug, Clone, Copy, ValueEnum)]
enum WhileRunning {
    /// Refuse
    Reject,
    /// Take the open run
    Use,
    /// Terminate the open run, and start the new one in its place
    Terminate,
}

/// See [`IdReuse`].
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reuse {
    /// Always
    Allow,
    /// Only if that run did not complete
    AllowAfterFailure,
    /// Never, as long as a run with the id is stored
    Reject,
}

/// Reads `NAME` or `NAME=JSON`.
fn signal(argument: &str) -> Result<StartSignal, Fault> {
    let (name, payload) = match argument.split_once('=') {
        Some((name, payload)) => (name, input::json(payload)?),
        None => (argument, Json::null()),
    };
    Ok(StartSignal { name: name.to_owned(), payload, key: None })
}

pub(crate) async fn run(client: &Client, arguments: StartArguments, format: Format) -> Result<Exit> {
    let checked = |error: abide_model::Error| Fault::usage(error.message);
    let start = StartRun {
        workflow: WorkflowName::parse(&arguments.workflow).map_err(checked)?,
        id: arguments.id.as_deref().map(CallerId::parse).transpose().map_err(checked)?,
        input: arguments.input.as_deref().map_or_else(|| Ok(Json::null()), input::json)?,
        version: arguments.version,
        if_running: match arguments.if_running {
            WhileRunning::Reject => IfRunning::Reject,
            WhileRunning::Use => IfRunning::Use,
            WhileRunning::Terminate => IfRunning::Terminate,
        },
        id_reuse: match arguments.id_reuse {
            Reuse::Allow => IdReuse::Allow,
            Reuse::AllowAfterFailure => IdReuse::AllowAfterFailure,
            Reuse::Reject => IdReuse::Reject,
        },
        run_timeout_ms: arguments.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        signal: arguments.signal.as_deref().map(signal).transpose()?,
        attributes: match arguments.attributes.as_deref() {
            Some(attributes) => {
                input::json(attributes)?.read().map_err(|error| Fault::usage(format!("`--attributes`: {error}")))?
            }
            None => Attributes::default(),
        },
    };
    let started = client.start(&start).await?;
    let run = started.run.run_id.to_string();
    let waits = arguments.wait || arguments.follow;
    let what = if started.created { "started" } else { "took the open run" };
    let said = format!("{what} {run} ({} {})", started.run.workflow, started.run.id);
    match (format, waits) {
        (Format::Json, false) => output::json(&started)?,
        (Format::Text, false) => output::line(said)?,
        // Standard output is for the result.
        (_, true) => output::note(said),
    }
    if arguments.follow {
        history::follow(client, &run, &arguments.waiting, format, false).await
    } else if arguments.wait {
        let closed = client.result(&run, Some(&arguments.waiting)).await?;
        result::show(&closed, format)
    } else {
        Ok(Exit::Done)
    }
}
