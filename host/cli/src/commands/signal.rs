//! `abide signal` and `abide query`: to speak with a run.

use abide_model::Json;
use anyhow::Result;
use clap::Args;

use crate::client::Client;
use crate::exit::Exit;
use crate::input;
use crate::output::{self, Format};

/// `abide signal`.
#[derive(Debug, Args)]
pub(crate) struct SignalArguments {
    /// The run
    run: String,
    /// The name of the signal
    name: String,
    /// What the signal says [default: null]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    payload: Option<String>,
    /// An idempotency key: the same key with the same signal sends it once
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub(crate) async fn signal(client: &Client, arguments: SignalArguments, format: Format) -> Result<Exit> {
    let payload = arguments.payload.as_deref().map_or_else(|| Ok(Json::null()), input::json)?;
    let signalled = client.signal(&arguments.run, &arguments.name, &payload, arguments.key.as_deref()).await?;
    match format {
        Format::Json => output::json(&signalled)?,
        Format::Text => {
            let what = if signalled.duplicate { "was sent before" } else { "sent" };
            output::line(format!("{what}: event {} of {}", signalled.event, signalled.run_id))?;
        }
    }
    Ok(Exit::Done)
}

/// `abide query`.
#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// The run
    run: String,
    /// What to ask for: the name of a published value, or what the workflow's own `query` knows
    name: String,
    /// Arguments for the workflow's own `query` [default: null]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    arguments: Option<String>,
}

/// The answer is JSON in either format.
pub(crate) async fn query(client: &Client, arguments: QueryArguments) -> Result<Exit> {
    let given = arguments.arguments.as_deref().map_or_else(|| Ok(Json::null()), input::json)?;
    let answer = client.query(&arguments.run, &arguments.name, &given).await?;
    output::line(answer.as_str())?;
    Ok(Exit::Done)
}
