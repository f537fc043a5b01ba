//! `abide fork`, `abide forks` and `abide keep`.

use std::collections::BTreeMap;

use abide_model::{CallerId, Failure, Outcome, Run, RunId, Seq};
use abide_runtime::view::{ForkRun, Forks, KeepRun};
use anyhow::Result;
use clap::Args;

use crate::client::Client;
use crate::exit::{Exit, Fault};
use crate::input;
use crate::output::{self, Format};

/// So many forks are shown at most.
const MAX_SHOWN: usize = 10_000;

/// `abide fork`.
#[derive(Debug, Args)]
pub(crate) struct ForkArguments {
    /// The run; it stays as it is, and may be open
    run: String,
    /// The first event that the fork does not share; with an outcome, the event that requested or completed the call
    #[arg(long, value_name = "EVENT")]
    at: Seq,
    /// What the call comes back with in the fork
    #[arg(long, value_name = "JSON", allow_hyphen_values = true, conflicts_with = "set_failure")]
    set_outcome: Option<String>,
    /// What the call fails with in the fork, such as `not-found: no such order`
    #[arg(long, value_name = "CODE:MESSAGE")]
    set_failure: Option<String>,
    /// A version to go on with, by 8 or more of its first digits [default: that of the run then]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// What to call the fork; of several, `-1`, `-2` and so on are added
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Make so many forks, which race: `abide keep` keeps one of them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    times: Option<u32>,
}

/// `abide forks`.
#[derive(Debug, Args)]
pub(crate) struct ForksArguments {
    /// The run
    run: String,
}

/// `abide keep`.
#[derive(Debug, Args)]
pub(crate) struct KeepArguments {
    /// The run to keep
    run: String,
    /// Why the others end; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// End the others without asking them
    #[arg(long)]
    terminate: bool,
}

pub(crate) async fn fork(client: &Client, arguments: ForkArguments, format: Format) -> Result<Exit> {
    let outcome = match (&arguments.set_outcome, &arguments.set_failure) {
        (Some(value), _) => Some(Outcome::Ok(input::json(value)?)),
        (None, Some(text)) => Some(Outcome::Failed(failure(text)?)),
        (None, None) => None,
    };
    let id = arguments.id.as_deref().map(CallerId::parse).transpose();
    let fork = ForkRun {
        event: arguments.at,
        outcome,
        version: arguments.version,
        id: id.map_err(|error| Fault::usage(error.message))?,
        times: arguments.times,
    };
    let forked = client.fork(&arguments.run, &fork).await?;
    match format {
        Format::Json => output::json(&forked)?,
        Format::Text => {
            for started in &forked.forks {
                let what = if started.created { "forked" } else { "is there already" };
                let run = &started.run;
                output::line(format!(
                    "{what}: {} ({} {}) at event {}",
                    run.run_id, run.workflow, run.id, forked.event
                ))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// Reads `CODE:MESSAGE`.
fn failure(text: &str) -> Result<Failure, Fault> {
    match text.split_once(':') {
        Some((code, message)) if !code.trim().is_empty() => Ok(Failure::new(code.trim(), message.trim())),
        _ => {
            Err(Fault::usage(format!("`{text}` is no failure: give CODE:MESSAGE, such as `not-found: no such order`")))
        }
    }
}

pub(crate) async fn forks(client: &Client, arguments: ForksArguments, format: Format) -> Result<Exit> {
    let mut all = client.forks(&arguments.run, None).await?;
    while let Some(cursor) = all.next.filter(|_| all.forks.len() < MAX_SHOWN) {
        let page = client.forks(&arguments.run, Some(cursor)).await?;
        all.forks.extend(page.forks);
        all.next = page.next;
    }
    match format {
        Format::Json => output::json(&all)?,
        Format::Text => output::text_out(&tree(&all))?,
    }
    if all.next.is_some() {
        output::note(format!("these are the newest {}: there are more", all.forks.len()));
    }
    Ok(Exit::Done)
}

pub(crate) async fn keep(client: &Client, arguments: KeepArguments, format: Format) -> Result<Exit> {
    let keep = KeepRun { reason: arguments.reason, terminate: arguments.terminate };
    let kept = client.keep(&arguments.run, &keep).await?;
    match format {
        Format::Json => output::json(&kept)?,
        Format::Text => {
            output::line(format!("kept: {}", kept.run_id))?;
            let what = if keep.terminate { "terminated" } else { "asked to end" };
            for run in &kept.ended {
                output::line(format!("{what}: {run}"))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// A line for each fork, below the run that it was forked from. Forks of a run that was deleted stand below a line that says so.
fn tree(all: &Forks) -> String {
    let known: BTreeMap<RunId, &Run> = all.root_run.iter().chain(&all.forks).map(|run| (run.run_id, run)).collect();
    let mut below: BTreeMap<RunId, Vec<RunId>> = BTreeMap::new();
    for run in known.values() {
        let Some(from) = run.forked_from else { continue };
        if from.run_id != all.root && !known.contains_key(&from.run_id) {
            let gone = below.entry(all.root).or_default();
            if !gone.contains(&from.run_id) {
                gone.push(from.run_id);
            }
        }
        below.entry(from.run_id).or_default().push(run.run_id);
    }
    let mut text = String::new();
    // A stack, since forks of forks may be many: what stands before the line, what before those below it, and the run.
    let mut left = vec![(String::new(), String::new(), all.root)];
    while let Some((before, indent, run_id)) = left.pop() {
        let mark = if run_id == all.run_id { "  <" } else { "" };
        text.push_str(&format!("{before}{}{mark}\n", line(run_id, known.get(&run_id).copied())));
        let mut forks = below.remove(&run_id).unwrap_or_default();
        // In the order in which they were made; those of one moment by their ids.
        forks.sort_by_key(|fork| known.get(fork).map(|run| (run.started_ms, run.id.to_string())));
        for (number, fork) in forks.iter().enumerate().rev() {
            let (branch, stem) = if number + 1 == forks.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            left.push((format!("{indent}{branch}"), format!("{indent}{stem}"), *fork));
        }
    }
    text
}

fn line(run_id: RunId, run: Option<&Run>) -> String {
    let Some(run) = run else { return format!("{run_id}  (deleted)") };
    let at = run.forked_from.map(|from| format!("  at {}", from.event)).unwrap_or_default();
    format!("{run_id}  {}{at}  {}  {}", run.id, run.status, run.version.short())
}

#[cfg(test)]
mod tests {
    use abide_model::{Digest, ForkedFrom, RunStatus, WorkflowName};

    use super::*;

    fn run(number: u128, from: Option<(u128, Seq)>) -> Run {
        let root = RunId::new(1, 1);
        let forked_from = from.map(|(of, event)| ForkedFrom { run_id: RunId::new(1, of), event, root });
        let run_id = RunId::new(1, number);
        Run {
            run_id,
            id: CallerId::parse(&format!("r-{number}")).unwrap(),
            workflow: WorkflowName::parse("chat").unwrap(),
            version: Digest::of(b"v"),
            status: RunStatus::Running,
            started_ms: 1,
            closed_ms: None,
            outcome: None,
            parked: None,
            cancel_requested: false,
            parent: None,
            continued_as: None,
            continued_from: None,
            has_children: None,
            pinned: None,
            held_back: None,
            attributes: Default::default(),
            forked_from,
            fork_race: None,
            budget_warning: None,
            parked_for_day: None,
        }
    }

    #[test]
    fn forks_stand_below_what_they_were_forked_from() {
        let forks = [(5, (4, 9)), (3, (1, 4)), (2, (1, 4)), (6, (2, 7)), (7, (6, 7))];
        let all = Forks {
            run_id: RunId::new(1, 6),
            root: RunId::new(1, 1),
            root_run: Some(run(1, None)),
            forks: forks.into_iter().map(|(number, from)| run(number, Some(from))).collect(),
            next: None,
        };
        // The first columns, without the run ids and the version.
        let shown: Vec<_> = tree(&all)
            .lines()
            .map(|line| {
                let (before, rest) = line.split_once("run_").unwrap();
                let rest = rest.split_once("  ").unwrap().1;
                format!("{before}{}", rest.replace(&format!("  running  {}", Digest::of(b"v").short()), ""))
            })
            .collect();
        let expected = [
            "r-1",
            "├─ (deleted)",
            "│  └─ r-5  at 9",
            "├─ r-2  at 4",
            "│  └─ r-6  at 7  <",
            "│     └─ r-7  at 7",
            "└─ r-3  at 4",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn failures_are_read() {
        let read = failure("not-found: no such order: 7").unwrap();
        assert_eq!((read.code.as_str(), read.message.as_str()), ("not-found", "no such order: 7"));
        assert!(failure("no").is_err() && failure(": no").is_err());
    }
}
