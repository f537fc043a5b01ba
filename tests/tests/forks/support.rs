//! What the tests of forks have in common.

use std::time::Duration;

use abide_model::{Error, Json, Outcome, Run, RunRef, Seq};
use abide_runtime::view::{ForkRun, Forked, HistoryEvent, ReplayVerdict};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::{Value, json};

pub(crate) async fn host(performer: &ScriptedPerformer) -> LocalHost {
    let local = LocalHost::new(performer.clone()).await;
    for guest in ["teller", "relations", "waiter"] {
        local.deploy(guest).await;
    }
    local
}

/// A fork at an event, with all else left to the host.
pub(crate) fn at(event: Seq) -> ForkRun {
    ForkRun { event, outcome: None, version: None, id: None, times: None }
}

pub(crate) async fn try_fork(local: &LocalHost, run: &RunRef, fork: ForkRun) -> Result<Forked, Error> {
    local.host.fork(&local.tenant, run, fork).await
}

/// Makes one fork.
pub(crate) async fn fork(local: &LocalHost, run: &RunRef, fork: ForkRun) -> RunRef {
    let forked = try_fork(local, run, fork).await.unwrap();
    RunRef::Run(forked.forks[0].run.run_id)
}

pub(crate) fn ok(value: &Value) -> Outcome {
    Outcome::Ok(Json::from(value))
}

/// What a run gave.
pub(crate) async fn result(local: &LocalHost, run: &RunRef) -> Value {
    match local.result(run).await.outcome {
        Some(Outcome::Ok(value)) => value.read().unwrap(),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn row(local: &LocalHost, run: &RunRef) -> Run {
    local.host.describe(&local.tenant, run).await.unwrap().run
}

pub(crate) async fn published(local: &LocalHost, run: &RunRef, name: &str) -> Option<Value> {
    let described = local.host.describe(&local.tenant, run).await.unwrap();
    described.published.get(name).map(|value| value.read().unwrap())
}

/// Panics where the run's component does not do what its history says.
pub(crate) async fn replays(local: &LocalHost, run: &RunRef) {
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
}

/// The arguments of each call of a tool.
pub(crate) fn asked(history: &[HistoryEvent]) -> Vec<Value> {
    let requests = history.iter().filter_map(|event| event.request.as_ref());
    requests.map(|request| request.read::<Value>().unwrap()["arguments"].clone()).collect()
}

/// How often each call was performed for a run.
pub(crate) fn performed(performer: &ScriptedPerformer, run: &Run) -> Vec<(String, u32)> {
    let own = format!("{}:", run.run_id);
    let seen = performer.seen().into_iter();
    let mut seen: Vec<_> = seen.filter_map(|(key, count)| Some((key.strip_prefix(&own)?.to_owned(), count))).collect();
    seen.sort();
    seen
}

pub(crate) fn once(calls: &[u32]) -> Vec<(String, u32)> {
    calls.iter().map(|call| (call.to_string(), 1)).collect()
}

pub(crate) async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// The input of the guest `teller`.
pub(crate) fn tale(steps: u64, then: &str) -> Value {
    json!({ "steps": steps, "then": then })
}
