//! `abide list` and `abide describe`.

use abide_model::{Clock, Json, Run, RunStatus, SystemClock};
use abide_runtime::view::Description;
use anyhow::Result;
use clap::Args;

use crate::client::{Client, ListFilter};
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};
use crate::when;

/// The largest page that a host gives.
const PAGE: usize = 1000;

/// `abide list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only runs of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only runs in this status: running, parked, completed, failed, cancelled or terminated
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    /// Only runs with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only runs that this means
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// How many runs to show at most
    #[arg(long, value_name = "COUNT", default_value = "100")]
    limit: usize,
}

fn status(text: &str) -> Result<RunStatus, abide_model::Error> {
    RunStatus::parse(text)
}

pub(crate) async fn run(client: &Client, arguments: ListArguments, format: Format) -> Result<Exit> {
    if arguments.limit == 0 {
        return Err(Fault::usage("`--limit 0` shows nothing: give 1 or more").into());
    }
    let filter = ListFilter {
        workflow: arguments.workflow,
        status: arguments.status.map(|status| status.to_string()),
        id: arguments.id,
        filter: arguments.filter,
    };
    let (mut runs, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.runs(&filter, cursor, (arguments.limit - runs.len()).min(PAGE)).await?;
        runs.extend(page.runs);
        cursor = page.next.map(|next| next.to_string());
        if cursor.is_none() || runs.len() >= arguments.limit {
            break;
        }
    }
    if format == Format::Json {
        output::json(&runs)?;
        return Ok(Exit::Done);
    }
    if runs.is_empty() {
        output::note("no such runs: start one with `abide start WORKFLOW`");
        return Ok(Exit::Done);
    }
    let now_ms = SystemClock.now_ms();
    let rows: Vec<_> = runs.iter().map(|run| row(run, now_ms)).collect();
    output::text_out(&output::table(["RUN", "ID", "WORKFLOW", "STATUS", "STARTED", "TOOK"], &rows))?;
    if cursor.is_some() {
        output::note(format!("there are more than {}: see them with `--limit`", arguments.limit));
    }
    Ok(Exit::Done)
}

fn row(run: &Run, now_ms: u64) -> [String; 6] {
    [
        run.run_id.to_string(),
        run.id.to_string(),
        run.workflow.to_string(),
        match &run.parked {
            Some(parked) => format!("{}: {}", run.status, parked.kind.as_str()),
            None => run.status.to_string(),
        },
        when::ago(run.started_ms, now_ms),
        run.closed_ms.map(|closed_ms| when::span(closed_ms.saturating_sub(run.started_ms))).unwrap_or_default(),
    ]
}

/// `abide count`.
#[derive(Debug, Args)]
pub(crate) struct CountArguments {
    /// Only runs that this means
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
}

pub(crate) async fn count(client: &Client, arguments: CountArguments, format: Format) -> Result<Exit> {
    let counts = client.count(arguments.filter.as_deref()).await?;
    match format {
        Format::Json => output::json(&counts)?,
        Format::Text => {
            let all = ("all".to_owned(), counts.total);
            let rows: Vec<_> =
                counts.statuses.into_iter().chain([all]).map(|(name, count)| [name, count.to_string()]).collect();
            output::text_out(&output::table(["STATUS", "RUNS"], &rows))?;
        }
    }
    Ok(Exit::Done)
}

/// `abide describe`.
#[derive(Debug, Args)]
pub(crate) struct DescribeArguments {
    /// The run
    run: String,
}

pub(crate) async fn describe(client: &Client, arguments: DescribeArguments, format: Format) -> Result<Exit> {
    let description = client.describe(&arguments.run).await?;
    match format {
        Format::Json => output::json(&description)?,
        Format::Text => output::text_out(&in_words(&description, SystemClock.now_ms()))?,
    }
    Ok(Exit::Done)
}

fn in_words(description: &Description, now_ms: u64) -> String {
    let run = &description.run;
    let mut lines = vec![
        ("run", run.run_id.to_string()),
        ("id", run.id.to_string()),
        ("workflow", format!("{} {}", run.workflow, run.version.short())),
        ("status", status_in_words(description)),
        ("started", format!("{} ({})", when::date(run.started_ms), when::ago(run.started_ms, now_ms))),
    ];
    if let Some(closed_ms) = run.closed_ms {
        let took = when::span(closed_ms.saturating_sub(run.started_ms));
        lines.push(("closed", format!("{} (took {took})", when::date(closed_ms))));
    }
    match &run.outcome {
        Some(abide_model::Outcome::Ok(result)) => lines.push(("result", result.to_string())),
        Some(abide_model::Outcome::Failed(failure)) => lines.push(("failure", failure.to_string())),
        None => {}
    }
    if let Some(parked) = &run.parked {
        lines.push(("parked", parked.message.clone()));
        lines.extend(parked.backtrace.iter().map(|function| ("", function.clone())));
    }
    if run.is_pinned() {
        lines.push(("pinned", "stays on its version".to_owned()));
    }
    if let Some(held_back) = &run.held_back {
        lines.push(("held back", format!("from {}: {}", held_back.version.short(), held_back.reason.message)));
        lines.extend(held_back.reason.backtrace.iter().map(|function| ("", function.clone())));
    }
    for (name, value) in run.attributes.iter() {
        lines.push(("attribute", format!("{name}: {}", Json::of(value).unwrap_or(Json::null()))));
    }
    lines.push(("history", format!("{} events", description.history_length)));
    for call in &description.open_calls {
        let since = when::span(now_ms.saturating_sub(call.since_ms));
        lines.push(("waits for", format!("#{} {} {} (for {since})", call.call, call.kind, call.summary)));
    }
    for (name, count) in &description.buffered_signals {
        lines.push(("signals", format!("{name}: {count} not received yet")));
    }
    for (name, count) in &description.buffered_updates {
        lines.push(("updates", format!("{name}: {count} not received yet")));
    }
    if let Some(next) = run.continued_as {
        lines.push(("went on as", next.to_string()));
    }
    if let Some(from) = run.forked_from {
        lines.push(("forked", format!("from {} at event {}", from.run_id, from.event)));
    }
    lines.extend(run.fork_race.map(|race| ("race", race.to_string())));
    lines.extend(run.budget_warning.clone().map(|used| ("budget", used)));
    if let Some(parent) = run.parent {
        lines.push(("child of", parent.run_id.to_string()));
    }
    for (name, value) in &description.published {
        lines.push(("published", format!("{name}: {value}")));
    }
    lines.iter().map(|(name, value)| format!("{name:10} {value}").trim_end().to_owned() + "\n").collect()
}

fn status_in_words(description: &Description) -> String {
    let asked =
        if description.run.cancel_requested && description.run.status.is_open() { ", asked to end" } else { "" };
    let place = match (description.run.status.is_open(), description.resident) {
        (true, true) => ", in memory",
        (true, false) => ", not in memory",
        (false, _) => "",
    };
    format!("{}{asked}{place}", description.run.status)
}
