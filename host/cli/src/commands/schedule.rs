//! `abide schedule`: has runs started when it is time.

use abide_model::{Clock, Interval, Json, OverlapPolicy, ScheduleId, ScheduleSpec, SystemClock, WorkflowName};
use abide_runtime::view::{
    BackfillSchedule, CreateSchedule, ScheduleDescription, TriggerOutcome, TriggerSchedule, Triggered,
};
use abide_runtime::{format_time, parse_time};
use abide_server::parse_duration;
use anyhow::Result;
use clap::{Args, Subcommand};

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::input;
use crate::output::{self, Format};
use crate::when;

/// The largest page that a host gives.
const PAGE: usize = 1000;

/// `abide schedule`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Make a schedule
    Create(CreateArguments),
    /// List the schedules
    List(ListArguments),
    /// Show a schedule: when it is due, and what became of its runs
    Describe(IdArguments),
    /// Change a schedule: what is not given stays
    Update(UpdateArguments),
    /// Delete a schedule; its runs go on
    Delete(IdArguments),
    /// Let due times pass a schedule by
    Pause(NoteArguments),
    /// Let a paused schedule be due again
    Unpause(NoteArguments),
    /// Start a run of a schedule now
    Trigger(TriggerArguments),
    /// Start the runs that were due in a range of the past
    Backfill(BackfillArguments),
}

/// What to start, and when.
#[derive(Debug, Args)]
struct SpecArguments {
    /// A cron expression, such as `0 3 * * MON-FRI`; may be given more than once
    #[arg(long, value_name = "EXPRESSION")]
    cron: Vec<String>,
    /// An interval with its offset, such as `1h` or `1h+5m`; may be given more than once
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    every: Vec<Interval>,
    /// The time zone of the cron expressions, such as `Europe/Zurich` [default: UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// The input of each run [default: null]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    input: Option<String>,
    /// A version, by 8 or more of its first digits [default: the one that is active when a run starts]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// What to do while an earlier run is open: skip, buffer_one, allow_all, cancel_other or terminate_other [default: skip]
    #[arg(long, value_name = "POLICY", value_parser = OverlapPolicy::parse)]
    overlap: Option<OverlapPolicy>,
    /// Start each run up to so much later than it is due [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    jitter: Option<u64>,
    /// Start what was missed while the host was down, if it is no later than this [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = duration_ms)]
    catchup_window: Option<u64>,
    /// Not due before this, such as `2026-11-22T10:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start_at: Option<u64>,
    /// Not due after this
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end_at: Option<u64>,
}

fn duration_ms(text: &str) -> Result<u64, abide_model::Error> {
    parse_duration(text).map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn interval(text: &str) -> Result<Interval, abide_model::Error> {
    let (every, offset) = text.split_once('+').unwrap_or((text, "0s"));
    Ok(Interval { every_ms: duration_ms(every)?, offset_ms: duration_ms(offset)? })
}

impl SpecArguments {
    /// Puts what was given into `spec`.
    fn apply(self, spec: &mut ScheduleSpec) -> Result<(), Fault> {
        if !self.cron.is_empty() || !self.every.is_empty() {
            (spec.cron, spec.intervals) = (self.cron, self.every);
        }
        if let Some(input) = self.input {
            spec.input = input::json(&input)?;
        }
        spec.time_zone = self.time_zone.unwrap_or(std::mem::take(&mut spec.time_zone));
        spec.version = self.version.or(spec.version.take());
        spec.overlap = self.overlap.unwrap_or(spec.overlap);
        spec.jitter_ms = self.jitter.unwrap_or(spec.jitter_ms);
        spec.catchup_window_ms = self.catchup_window.unwrap_or(spec.catchup_window_ms);
        spec.start_at_ms = self.start_at.or(spec.start_at_ms);
        spec.end_at_ms = self.end_at.or(spec.end_at_ms);
        Ok(())
    }
}

/// `abide schedule create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArguments {
    /// What to call the schedule; the ids of its runs begin with it
    id: String,
    /// The workflow
    workflow: String,
    #[command(flatten)]
    spec: SpecArguments,
    /// Make it paused
    #[arg(long)]
    paused: bool,
    /// What to say about it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `abide schedule update`.
#[derive(Debug, Args)]
pub(crate) struct UpdateArguments {
    /// The schedule
    id: String,
    /// Another workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    #[command(flatten)]
    spec: SpecArguments,
}

/// `abide schedule list`.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// How many schedules to show at most
    #[arg(long, value_name = "COUNT", default_value = "100")]
    limit: usize,
}

/// Names a schedule.
#[derive(Debug, Args)]
pub(crate) struct IdArguments {
    /// The schedule
    id: String,
}

/// `abide schedule pause` and `abide schedule unpause`.
#[derive(Debug, Args)]
pub(crate) struct NoteArguments {
    /// The schedule
    id: String,
    /// Why; it is shown with the schedule
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// `abide schedule trigger`.
#[derive(Debug, Args)]
pub(crate) struct TriggerArguments {
    /// The schedule
    id: String,
    /// What to do while an earlier run is open [default: what the schedule does]
    #[arg(long, value_name = "POLICY", value_parser = OverlapPolicy::parse)]
    overlap: Option<OverlapPolicy>,
}

/// `abide schedule backfill`.
#[derive(Debug, Args)]
pub(crate) struct BackfillArguments {
    /// The schedule
    id: String,
    /// The first moment, such as `2026-11-22T10:00:00Z`
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: u64,
    /// The last moment
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: u64,
    /// What to do while an earlier run is open: allow_all, skip, or buffer_one for one after the other [default: allow_all]
    #[arg(long, value_name = "POLICY", value_parser = OverlapPolicy::parse)]
    overlap: Option<OverlapPolicy>,
}

pub(crate) async fn run(client: &Client, command: ScheduleCommand, format: Format) -> Result<Exit> {
    match command {
        ScheduleCommand::Create(create) => said("created", &created(client, create).await?, format),
        ScheduleCommand::List(list) => listed(client, &list, format).await,
        ScheduleCommand::Describe(describe) => {
            let found = client.schedule(&describe.id).await?;
            match format {
                Format::Json => output::json(&found)?,
                Format::Text => output::text_out(&in_words(&found, SystemClock.now_ms()))?,
            }
            Ok(Exit::Done)
        }
        ScheduleCommand::Update(update) => said("updated", &updated(client, update).await?, format),
        ScheduleCommand::Delete(delete) => {
            let deleted = client.delete_schedule(&delete.id).await?;
            match format {
                Format::Json => output::json(&deleted)?,
                Format::Text => output::line(format!("deleted {}", deleted.id))?,
            }
            Ok(Exit::Done)
        }
        ScheduleCommand::Pause(pause) => {
            let paused = client.pause_schedule(&pause.id, "pause", pause.note.as_deref()).await?;
            said("paused", &paused, format)
        }
        ScheduleCommand::Unpause(pause) => {
            let unpaused = client.pause_schedule(&pause.id, "unpause", pause.note.as_deref()).await?;
            said("unpaused", &unpaused, format)
        }
        ScheduleCommand::Trigger(trigger) => {
            let asked = TriggerSchedule { overlap: trigger.overlap };
            triggered(&trigger.id, &client.trigger_schedule(&trigger.id, &asked).await?, format)
        }
        ScheduleCommand::Backfill(backfill) => {
            let range = BackfillSchedule { from_ms: backfill.from, to_ms: backfill.to, overlap: backfill.overlap };
            said("takes up the range", &client.backfill_schedule(&backfill.id, &range).await?, format)
        }
    }
}

fn checked(error: abide_model::Error) -> Fault {
    Fault::usage(error.message)
}

async fn created(client: &Client, arguments: CreateArguments) -> Result<ScheduleDescription> {
    let mut spec = ScheduleSpec::new(WorkflowName::parse(&arguments.workflow).map_err(checked)?);
    arguments.spec.apply(&mut spec)?;
    let id = ScheduleId::parse(&arguments.id).map_err(checked)?;
    client.create_schedule(&CreateSchedule { id, spec, paused: arguments.paused, note: arguments.note }).await
}

async fn updated(client: &Client, arguments: UpdateArguments) -> Result<ScheduleDescription> {
    let mut spec = client.schedule(&arguments.id).await?.spec;
    if let Some(workflow) = &arguments.workflow {
        spec.workflow = WorkflowName::parse(workflow).map_err(checked)?;
    }
    arguments.spec.apply(&mut spec)?;
    client.update_schedule(&arguments.id, &spec).await
}

async fn listed(client: &Client, arguments: &ListArguments, format: Format) -> Result<Exit> {
    let (mut schedules, mut cursor) = (Vec::new(), None::<String>);
    while schedules.len() < arguments.limit {
        let page = client.schedules(cursor.as_deref(), (arguments.limit - schedules.len()).min(PAGE)).await?;
        schedules.extend(page.schedules);
        cursor = page.next.map(|next| next.to_string());
        if cursor.is_none() {
            break;
        }
    }
    if format == Format::Json {
        output::json(&schedules)?;
        return Ok(Exit::Done);
    }
    if schedules.is_empty() {
        output::note("no schedules: make one with `abide schedule create`");
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = schedules
        .iter()
        .map(|schedule| {
            [
                schedule.id.to_string(),
                schedule.workflow.to_string(),
                if schedule.paused { "paused" } else { "active" }.to_owned(),
                schedule.next_due_ms.map(format_time).unwrap_or_default(),
                schedule.counts.started.to_string(),
                schedule.note.clone().unwrap_or_default(),
            ]
        })
        .collect();
    output::text_out(&output::table(["SCHEDULE", "WORKFLOW", "STATE", "NEXT", "STARTED", "NOTE"], &rows))?;
    if cursor.is_some() {
        output::note(format!("there are more than {}: see them with `--limit`", arguments.limit));
    }
    Ok(Exit::Done)
}

fn triggered(id: &str, triggered: &Triggered, format: Format) -> Result<Exit> {
    let said = match (&triggered.run, triggered.outcome) {
        (Some(run), _) => format!("started {} ({} {})", run.run_id, run.workflow, run.id),
        (None, TriggerOutcome::Buffered) => format!("a run of {id} starts when the open one has ended"),
        (None, _) => format!("no run of {id} starts: one is open, and the policy is to skip"),
    };
    match format {
        Format::Json => output::json(triggered)?,
        Format::Text => output::line(said)?,
    }
    Ok(Exit::Done)
}

fn said(done: &str, schedule: &ScheduleDescription, format: Format) -> Result<Exit> {
    match (format, schedule.next_due_ms.first()) {
        (Format::Json, _) => output::json(schedule)?,
        (Format::Text, Some(next_ms)) => {
            output::line(format!("{done}: {} is due next at {}", schedule.id, format_time(*next_ms)))?;
        }
        (Format::Text, None) => output::line(format!("{done}: {} is not due", schedule.id))?,
    }
    Ok(Exit::Done)
}

fn in_words(schedule: &ScheduleDescription, now_ms: u64) -> String {
    let (spec, counts) = (&schedule.spec, &schedule.counts);
    let ms = |ms: &u64| format_time(*ms);
    let note = schedule.note.iter().map(|note| format!(": {note}")).collect::<String>();
    let mut lines = vec![
        ("schedule", schedule.id.to_string()),
        ("workflow", spec.workflow.to_string()),
        ("state", format!("{}{note}", if schedule.paused { "paused" } else { "active" })),
    ];
    lines.extend(spec.cron.iter().map(|cron| ("cron", format!("{cron} ({})", spec.time_zone))));
    lines.extend(spec.intervals.iter().map(|interval| {
        let Interval { every_ms, offset_ms } = *interval;
        let offset = if offset_ms == 0 { String::new() } else { format!(" and {} after", when::span(offset_ms)) };
        ("every", format!("{}{offset}", when::span(every_ms)))
    }));
    lines.extend(spec.start_at_ms.iter().map(|at| ("from", ms(at))));
    lines.extend(spec.end_at_ms.iter().map(|at| ("to", ms(at))));
    if spec.jitter_ms > 0 {
        lines.push(("jitter", when::span(spec.jitter_ms)));
    }
    lines.push(("overlap", spec.overlap.as_str().to_owned()));
    if spec.input != Json::null() {
        lines.push(("input", spec.input.to_string()));
    }
    lines.extend(schedule.next_due_ms.iter().map(|due| ("due", ms(due))));
    lines.extend(schedule.buffered_due_ms.iter().map(|due| ("waiting", ms(due))));
    lines.extend(
        schedule
            .backfills
            .iter()
            .map(|range| ("backfill", format!("{} to {}", format_time(range.from_ms), format_time(range.to_ms)))),
    );
    lines.push((
        "counts",
        format!(
            "{} started, {} skipped, {} missed, {} failed",
            counts.started, counts.skipped, counts.missed, counts.failed
        ),
    ));
    lines.extend(schedule.recent.iter().map(|run| {
        let ago = when::ago(run.started_ms, now_ms);
        ("run", format!("{} {} {} (started {ago})", run.run_id, run.id, run.status))
    }));
    if let Some(failure) = &schedule.last_failure {
        lines.push(("failure", format!("{}: {}", format_time(failure.due_ms), failure.message)));
    }
    lines.iter().map(|(name, value)| format!("{name:10} {value}").trim_end().to_owned() + "\n").collect()
}
