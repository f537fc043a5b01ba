//! `abide check`: what a component would do to all histories that there are. A step of a build: its exit code says whether all are
//! identical.

use std::path::{Path, PathBuf};

use abide_model::{Tenant, WorkflowName};
use abide_runtime::view::{CheckSummary, CheckVerdict, CheckedRun};
use abide_server::Config;
use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use serde::Serialize;

use crate::building::Source;
use crate::client::{CheckAsked, Client, Connection};
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};
use crate::when;

/// `abide check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The component, or its source: `agent.py`, `agent.ts`, `agent.js`, the folder of a crate
    file: PathBuf,
    /// The data folder of a host that is not running, or the URL of one that is [default: the host of --server]
    #[arg(long, value_name = "DATA_OR_SERVER")]
    against: Option<String>,
    /// The workflow whose histories are replayed [default: the name of the file or the crate, with `-` for `_`]
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only runs that this means
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Compare the fuel that the histories take with that on their own versions; two more replays of each
    #[arg(long)]
    fuel: bool,
    /// Tell of each run, not only of those that are not identical
    #[arg(long)]
    all: bool,
}

/// What a check came to, as JSON.
#[derive(Debug, Serialize)]
struct Report {
    workflow: WorkflowName,
    #[serde(flatten)]
    summary: CheckSummary,
    /// All events that were replayed.
    events: u64,
    /// How long the replays took together, in microseconds.
    micros: u64,
    runs: Vec<CheckedRun>,
}

pub(crate) async fn run(connection: &Connection, arguments: CheckArguments, format: Format) -> Result<Exit> {
    let source = Source::of(&arguments.file)?;
    let workflow = match &arguments.workflow {
        Some(name) => WorkflowName::parse(name).map_err(|error| Fault::usage(error.message))?,
        None => source.name()?,
    };
    let component = source.build(false).await?;
    let mut told = Told { all: arguments.all, format, events: 0, micros: 0, runs: Vec::new() };
    let asked = CheckAsked { filter: arguments.filter, fuel: arguments.fuel };
    let against = arguments.against.as_deref().unwrap_or(&connection.server);
    let summary = if against.starts_with("http://") || against.starts_with("https://") {
        let client = Client::new(&connection.at(against))?;
        client.check(workflow.as_str(), &asked, component, |checked| told.take(checked)).await?
    } else {
        offline(Path::new(against), &tenant_of(connection)?, &workflow, asked, component, |checked| told.take(checked))
            .await?
    };
    let clean = summary.is_clean();
    match format {
        Format::Json => {
            let Told { events, micros, runs, .. } = told;
            output::json(&Report { workflow, summary, events, micros, runs })?;
        }
        Format::Text => {
            let counts: Vec<_> = summary.counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
            let counts = if counts.is_empty() { "no histories".to_owned() } else { counts.join(", ") };
            let took = when::span(told.micros.div_ceil(1000));
            output::line(format!(
                "{workflow} on {}: {counts} ({} events, {took})",
                summary.version.short(),
                told.events
            ))?;
        }
    }
    Ok(if clean { Exit::Done } else { Exit::RunFailed })
}

/// Whose histories are meant in a data folder.
fn tenant_of(connection: &Connection) -> Result<Tenant, Fault> {
    let tenant = connection.tenant.as_deref().map_or_else(|| Ok(Tenant::default()), Tenant::parse);
    tenant.map_err(|error| Fault::usage(error.message))
}

/// Looks into the data of a host that is not running.
async fn offline(
    data: &Path,
    tenant: &Tenant,
    workflow: &WorkflowName,
    asked: CheckAsked,
    component: Bytes,
    mut show: impl FnMut(CheckedRun) -> Result<()>,
) -> Result<CheckSummary> {
    if !data.is_dir() {
        let shown = data.display();
        return Err(
            Fault::usage(format!("`{shown}` is neither a folder nor a URL: give the data folder of a host")).into()
        );
    }
    let host =
        abide_server::open_to_look(&Config { data: data.to_owned(), ..Config::default() }).map_err(Fault::of_host)?;
    let check = abide_runtime::Check {
        workflow: workflow.clone(),
        filter: asked.filter,
        component: Some(component),
        version: None,
        fuel: asked.fuel,
    };
    let mut checking = host.check(tenant, check).await.map_err(Fault::of_host)?;
    let mut summary = CheckSummary { version: checking.version(), total: 0, counts: Default::default() };
    while let Some(page) = checking.next().await.map_err(Fault::of_host)? {
        for checked in page {
            summary.add(&checked);
            show(checked)?;
        }
    }
    host.shutdown().await;
    Ok(summary)
}

/// What was told so far.
struct Told {
    all: bool,
    format: Format,
    events: u64,
    micros: u64,
    runs: Vec<CheckedRun>,
}

impl Told {
    fn take(&mut self, checked: CheckedRun) -> Result<()> {
        self.events += checked.events;
        self.micros += checked.micros;
        if checked.verdict == CheckVerdict::Identical && !self.all {
            return Ok(());
        }
        match self.format {
            Format::Json => self.runs.push(checked),
            Format::Text => output::text_out(&in_words(&checked)).context("the report stops here")?,
        }
        Ok(())
    }
}

fn in_words(checked: &CheckedRun) -> String {
    let took = when::span(checked.micros.div_ceil(1000));
    let mut text = format!(
        "{} ({}, {}) on {}: {}, {} events in {took}\n",
        checked.run_id,
        checked.id,
        checked.status,
        checked.version.short(),
        checked.verdict.as_str(),
        checked.events
    );
    if let (Some(fuel), Some(own)) = (checked.fuel, checked.own_fuel) {
        let change = (fuel as f64 / own.max(1) as f64 - 1.0) * 100.0;
        text.push_str(&format!("  {fuel} units of fuel instead of {own} ({change:+.1} %)\n"));
    }
    if let Some(reason) = &checked.reason {
        text.push_str(&format!("  {}\n", reason.message));
        reason.backtrace.iter().for_each(|function| text.push_str(&format!("    {function}\n")));
    }
    text
}
