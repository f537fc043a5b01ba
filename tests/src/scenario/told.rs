//! What a store tells when a scenario was played: each run with its end and its history, without what is left to chance.

use std::collections::HashMap;
use std::time::Duration;

use abide_history::RunFilter;
use abide_model::{CallKind, Outcome, Run, RunRef, Tenant};
use abide_runtime::Host;
use abide_runtime::view::HistoryEvent;
use serde_json::Value;

/// The runs by id, and those of one id in their order.
async fn runs(host: &Host) -> Vec<Run> {
    let found = host.runs(&Tenant::default(), &RunFilter::default(), None, 1000).await;
    let mut runs = found.expect("a list").runs;
    let before: HashMap<_, _> = runs.iter().map(|run| (run.run_id, run.continued_from)).collect();
    // Runs that go on as others may all begin in one millisecond: then their run ids do not say which came first.
    let depth =
        |run: &Run| std::iter::successors(run.continued_from, |run_id| before.get(run_id).copied().flatten()).count();
    runs.sort_by_cached_key(|run| (run.id.clone(), depth(run), run.started_ms));
    runs
}

/// How each run ended.
pub async fn ends(host: &Host) -> Vec<String> {
    runs(host).await.iter().map(end).collect()
}

/// Each run with its history.
pub async fn told(host: &Host) -> String {
    let mut text = String::new();
    for run in runs(host).await {
        text.push_str(&format!("{}\n", end(&run)));
        let run = RunRef::Run(run.run_id);
        let history = host.history(&Tenant::default(), &run, 0, 1000, Duration::ZERO).await.expect("a history");
        for event in history.events {
            text.push_str(&format!("    {}\n", line(&event)));
        }
        text.push('\n');
    }
    text
}

fn end(run: &Run) -> String {
    let outcome = match &run.outcome {
        Some(Outcome::Ok(json)) => format!(" {json}"),
        Some(Outcome::Failed(failure)) => format!(" {failure}"),
        None => String::new(),
    };
    without_chance(&format!("{} ({}) {}{outcome}", run.id, run.workflow, run.status))
}

fn line(event: &HistoryEvent) -> String {
    let mut words = vec![event.kind.clone()];
    words.extend(event.call.map(|call| format!("#{call}")));
    if let Some(kind) = event.call_kind {
        words.push(kind.to_string());
        let request: Value = event.request.as_ref().and_then(|json| json.read().ok()).unwrap_or_default();
        let word = match kind {
            CallKind::ChildrenStart => request["workflow"].as_str(),
            CallKind::RunsSignal | CallKind::RunsCancel => request["run"].as_str(),
            CallKind::LlmGenerate => None,
            _ => request["name"].as_str(),
        };
        words.extend(word.map(str::to_owned));
    }
    words.extend(event.name.clone());
    match &event.outcome {
        Some(Outcome::Failed(failure)) => words.push(failure.code.clone()),
        Some(Outcome::Ok(json)) if event.kind.starts_with("update-") => words.push(json.to_string()),
        _ => {}
    }
    without_chance(&words.join(" "))
}

/// Run ids are made of time and chance.
fn without_chance(text: &str) -> String {
    let mut parts = text.split("run_");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let id = part.chars().take_while(char::is_ascii_alphanumeric).count();
        if id == 26 {
            shown.push_str("RUN");
            shown.push_str(&part[id..]);
        } else {
            shown.push_str("run_");
            shown.push_str(part);
        }
    }
    shown
}
