//! `abide update`: asks a run for something, and waits for its answer.

use std::time::Duration;

use abide_model::{Json, Outcome};
use abide_runtime::view::{UpdateRun, UpdateStatus, Updated, WaitFor};
use abide_server::parse_duration;
use anyhow::Result;
use clap::Args;

use crate::client::Client;
use crate::exit::Exit;
use crate::input;
use crate::output::{self, Format};

/// `abide update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArguments {
    /// The run
    run: String,
    /// What to ask for
    name: String,
    /// With what [default: null]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    arguments: Option<String>,
    /// What to call the update: the same id with the same request finds the same update
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Wait only until the run says that it will be done
    #[arg(long)]
    accepted: bool,
    /// How long to wait, such as `90s`; 10 minutes at most
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    wait: Duration,
}

pub(crate) async fn run(client: &Client, arguments: UpdateArguments, format: Format) -> Result<Exit> {
    let update = UpdateRun {
        id: arguments.id,
        name: arguments.name,
        arguments: arguments.arguments.as_deref().map_or_else(|| Ok(Json::null()), input::json)?,
        wait_for: if arguments.accepted { WaitFor::Accepted } else { WaitFor::Completed },
    };
    let updated = client.update(&arguments.run, &update, arguments.wait).await?;
    show(&updated, update.wait_for, format)
}

/// Prints the answer. The exit status says whether it came, and whether it is a good one.
fn show(updated: &Updated, wanted: WaitFor, format: Format) -> Result<Exit> {
    let Updated { run_id, update_id, status, .. } = updated;
    if format == Format::Json {
        output::json(updated)?;
    }
    let text = format == Format::Text;
    match (status, &updated.outcome) {
        (UpdateStatus::Completed, Some(Outcome::Ok(answer))) => {
            if text {
                output::line(answer.as_str())?;
            }
            Ok(Exit::Done)
        }
        (UpdateStatus::Accepted, _) if wanted == WaitFor::Accepted => {
            if text {
                output::line(format!("accepted: update {update_id} of {run_id}"))?;
            }
            Ok(Exit::Done)
        }
        (_, Some(Outcome::Failed(failure))) => {
            let what = if *status == UpdateStatus::Rejected { "was rejected" } else { "failed" };
            if text {
                output::note(format!("abide: the update {what}: {failure}"));
            }
            Ok(Exit::RunFailed)
        }
        (status, _) => {
            let how_far = if *status == UpdateStatus::Accepted { "accepted" } else { "received" };
            if text {
                output::note(format!(
                    "abide: the update {update_id} is {how_far}, and {run_id} gave no answer yet: ask again with `--id \
                     {update_id}`, or wait longer with `--wait`"
                ));
            }
            Ok(Exit::StillOpen)
        }
    }
}
