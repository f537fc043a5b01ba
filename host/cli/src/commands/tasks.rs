//! `abide tasks`, `abide complete` and `abide fail`: task queues, and calls that a person answers.

use abide_model::{Clock, Failure, Json, Outcome, SystemClock};
use anyhow::Result;
use clap::Args;

use crate::client::Client;
use crate::exit::Exit;
use crate::input;
use crate::output::{self, Format};
use crate::when;

/// `abide tasks`.
pub(crate) async fn queues(client: &Client, format: Format) -> Result<Exit> {
    let queues = client.task_queues().await?;
    if format == Format::Json {
        output::json(&queues)?;
        return Ok(Exit::Done);
    }
    if queues.queues.is_empty() {
        output::note("no task queues: configure one as `[workers.NAME]` in abide.toml");
        return Ok(Exit::Done);
    }
    let now_ms = SystemClock.now_ms();
    let rows: Vec<_> = queues
        .queues
        .iter()
        .map(|queue| {
            let workers = queue.workers.iter().map(|worker| {
                let ago = when::ago(worker.last_seen_ms, now_ms);
                format!("{} (has {}, seen {ago})", worker.worker.escape_debug(), worker.leased)
            });
            [
                queue.queue.clone(),
                queue.waiting.to_string(),
                queue.leased.to_string(),
                queue.deferred.to_string(),
                queue.tools.join(", "),
                workers.collect::<Vec<_>>().join(", "),
            ]
        })
        .collect();
    output::text_out(&output::table(["QUEUE", "WAITING", "LEASED", "DEFERRED", "TOOLS", "WORKERS"], &rows))?;
    Ok(Exit::Done)
}

/// `abide complete`.
#[derive(Debug, Args)]
pub(crate) struct CompleteArguments {
    /// The token of the task
    token: String,
    /// The result [default: null]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    result: Option<String>,
}

pub(crate) async fn complete(client: &Client, arguments: CompleteArguments, format: Format) -> Result<Exit> {
    let result = arguments.result.as_deref().map_or_else(|| Ok(Json::null()), input::json)?;
    answer(client, &arguments.token, Outcome::Ok(result), "completed", format).await
}

/// `abide fail`.
#[derive(Debug, Args)]
pub(crate) struct FailArguments {
    /// The token of the task
    token: String,
    /// A code for programs, such as `denied`
    code: String,
    /// A sentence for people
    message: String,
    /// The workflow may try it again: the failure passes
    #[arg(long)]
    retryable: bool,
}

pub(crate) async fn fail(client: &Client, arguments: FailArguments, format: Format) -> Result<Exit> {
    let FailArguments { token, code, message, retryable } = arguments;
    let failure = Failure { retryable, ..Failure::new(code, message) };
    answer(client, &token, Outcome::Failed(failure), "failed", format).await
}

async fn answer(client: &Client, token: &str, outcome: Outcome, done: &str, format: Format) -> Result<Exit> {
    let answered = client.complete_call(token, &outcome).await?;
    match format {
        Format::Json => output::json(&answered)?,
        Format::Text if answered.duplicate => output::line(format!("was answered before: {token}"))?,
        Format::Text => output::line(format!("{done}: {token}"))?,
    }
    Ok(Exit::Done)
}
