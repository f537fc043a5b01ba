//! `abide ledger`: what was used.

use abide_model::{Counters, Day};
use abide_runtime::view::{BudgetShare, BudgetState, LedgerEntry};
use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::client::Client;
use crate::exit::Exit;
use crate::output::{self, Format};
use crate::when;

/// `abide ledger`.
#[derive(Debug, Args)]
pub(crate) struct LedgerArguments {
    /// What this run used
    #[arg(long, value_name = "RUN", conflicts_with_all = ["workflow", "from", "to", "by"])]
    run: Option<String>,
    /// Only runs of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// The first day, such as 2026-11-01 (UTC) [default: the last]
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// The last day [default: today]
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
    /// What is told apart
    #[arg(long, value_enum, value_name = "WHAT", default_value = "day")]
    by: By,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Day,
    Workflow,
    Model,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "a day is written as in 2026-11-23".to_owned())
}

pub(crate) async fn run(client: &Client, arguments: LedgerArguments, format: Format) -> Result<Exit> {
    let (rows, total, budgets) = match &arguments.run {
        Some(run) => {
            let report = client.run_ledger(run).await?;
            if format == Format::Json {
                output::json(&report)?;
                return Ok(Exit::Done);
            }
            (report.rows, report.total, report.budgets)
        }
        None => {
            let report = client.ledger(&parameters(&arguments)).await?;
            if format == Format::Json {
                output::json(&report)?;
                return Ok(Exit::Done);
            }
            (report.rows, report.total, report.budgets)
        }
    };
    let mut lines: Vec<_> = rows.iter().map(|entry| row(&about(entry), &entry.counters)).collect();
    lines.push(row("all", &total));
    let heading = ["", "RUNS", "CALLS", "TOKENS IN", "CACHED", "OUT", "COST", "FUEL", "IN MEMORY", "HISTORY"];
    output::text_out(&output::table(heading, &lines))?;
    unknown(&total);
    for BudgetShare { of, used, percent, state } in budgets {
        let state = match state {
            BudgetState::Open => "",
            BudgetState::Warning => ": little is left",
            BudgetState::UsedUp => ": it is used up",
        };
        output::line(format!("budget of {}: {used} ({percent} %){state}", of.as_str()))?;
    }
    Ok(Exit::Done)
}

fn parameters(arguments: &LedgerArguments) -> Vec<(&'static str, String)> {
    let by = match arguments.by {
        By::Day => "day",
        By::Workflow => "workflow",
        By::Model => "model",
    };
    let mut parameters = vec![("group", by.to_owned())];
    parameters.extend(arguments.workflow.clone().map(|name| ("workflow", name)));
    parameters.extend(arguments.from.map(|day| ("from", day.to_string())));
    parameters.extend(arguments.to.map(|day| ("to", day.to_string())));
    parameters
}

/// What is missing in the numbers, beside them.
fn unknown(total: &Counters) {
    if total.unpriced_calls > 0 {
        output::note(format!(
            "{} calls have no known price: add it as `[prices.\"PROVIDER/MODEL\"]`",
            total.unpriced_calls
        ));
    }
    if total.uncounted_attempts > 0 {
        output::note(format!("of {} attempts the provider did not say the tokens", total.uncounted_attempts));
    }
}

fn about(entry: &LedgerEntry) -> String {
    let LedgerEntry { day, workflow, call_kind, provider, model, .. } = entry;
    let day = day.map(|day| day.to_string());
    let workflow = workflow.as_ref().map(ToString::to_string);
    let provider = provider.as_ref().map(|provider| match model {
        Some(model) => format!("{provider}/{}", model.escape_debug()),
        None => provider.clone(),
    });
    day.or(workflow).or_else(|| call_kind.clone()).or(provider).unwrap_or_else(|| "runs".to_owned())
}

fn row(about: &str, counters: &Counters) -> [String; 10] {
    let cost: Vec<_> = counters.cost.iter().map(|(currency, amount)| format!("{amount} {currency}")).collect();
    [
        about.to_owned(),
        counters.runs.to_string(),
        // Of a provider, the outcomes that came back.
        if counters.calls > 0 { counters.calls } else { counters.outcomes }.to_string(),
        counters.input_tokens.to_string(),
        counters.cached_input_tokens.to_string(),
        counters.output_tokens.to_string(),
        cost.join(", "),
        counters.fuel.to_string(),
        when::span(counters.resident_ms),
        output::size(counters.history_bytes),
    ]
}
