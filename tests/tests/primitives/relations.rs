//! Signals, children, and runs that act on each other.

use abide_model::{CallerId, Json, Run, RunRef, RunStatus};
use abide_runtime::view::{IfRunning, StartRun, StartSignal};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::{Value, json};

use crate::{ParseName, SHORT, by_id, failure, host, replays, result, row, until};

#[tokio::test]
async fn signals_that_were_not_received_move_along() {
    let local = host(&["relations"]).await;
    let run = local.start("relations", "c-1", json!({ "do": "count", "so_far": 0 })).await;
    for by in [1, 2, 3, 4, 5, 0] {
        // Some of them come to a run that is about to go on, or that has.
        local.signal(&by_id("c-1"), "add", json!(by)).await;
    }
    let last = until(&local, &by_id("c-1"), |run| !run.status.is_open() && run.status != RunStatus::Continued).await;
    assert_eq!((last.status, result(&last)), (RunStatus::Completed, json!(15)));
    assert!(last.continued_from.is_some());
    replays(&local, &run).await;
}

#[tokio::test]
async fn a_start_may_bring_its_signal() {
    let local = host(&["relations"]).await;
    let start = || StartRun {
        id: Some(CallerId::parse("w-1").unwrap()),
        input: Json::from(&json!({ "do": "wait", "then": "went" })),
        if_running: IfRunning::Use,
        signal: Some(StartSignal { name: "go".to_owned(), payload: Json::null(), key: Some("k".to_owned()) }),
        ..StartRun::of("relations".parse_name())
    };
    let first = local.host.start(&local.tenant, start()).await.unwrap();
    assert!(first.created);
    assert_eq!(result(&local.result(&RunRef::Run(first.run.run_id)).await), json!("went"));

    let waiting = local.start("relations", "w-2", json!({ "do": "wait", "then": "went too" })).await;
    let taken = StartRun { id: Some(CallerId::parse("w-2").unwrap()), ..start() };
    assert!(!local.host.start(&local.tenant, taken).await.unwrap().created);
    assert_eq!(result(&local.result(&waiting).await), json!("went too"));
}

#[tokio::test]
async fn children_give_their_results_and_their_failures_in_a_chain() {
    let local = host(&["relations"]).await;
    let deep =
        json!({ "do": "start", "children": [{ "do": "start", "children": [{ "do": "fail", "code": "no-luck" }] }] });
    let run = local.start("relations", "p-1", deep).await;
    let ended = local.result(&run).await;
    let outer = failure(&ended);
    assert_eq!(outer.code, "child-failed");
    let details: Value = outer.details.as_ref().unwrap().read().unwrap();
    assert_eq!(details["cause"]["code"], "child-failed");
    assert_eq!(details["cause"]["details"]["cause"]["code"], "no-luck");
    replays(&local, &run).await;

    let both = json!({ "do": "start", "children": [{ "do": "give", "value": 1 }, { "do": "give", "value": "two" }] });
    let run = local.start("relations", "p-2", both).await;
    assert_eq!(result(&local.result(&run).await), json!([1, "two"]));
    replays(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_children_are_gathered() {
    let local = LocalHost::with(ScriptedPerformer::echoing(), |config| config.max_resident = 100).await;
    local.deploy("relations").await;
    let run = local.start("relations", "p-1", json!({ "do": "fan_out", "count": 1000 })).await;
    assert_eq!(result(&local.result(&run).await), json!(499_500));
    replays(&local, &run).await;
}

#[tokio::test]
async fn a_child_that_waits_outlives_the_host_and_wakes_its_parent() {
    let local = host(&["survey"]).await;
    let people = json!({ "people": ["ada", "bob"], "patience_ms": 3_600_000 });
    let run = local.start("survey", "s", people).await;
    let waiting = |run: &Run| run.status == RunStatus::Running;
    until(&local, &by_id("s.bob"), waiting).await;
    until(&local, &by_id("s.ada"), waiting).await;
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    assert_eq!(local.host.resident(), 0, "nobody who only waits is brought back");
    local.signal(&by_id("s.bob"), "stars", json!(4)).await;
    local.signal(&by_id("s.ada"), "stars", json!(5)).await;
    let answers = result(&local.result(&run).await);
    assert_eq!(answers, json!([{ "person": "ada", "stars": 5 }, { "person": "bob", "stars": 4 }]));
    replays(&local, &run).await;
}

#[tokio::test]
async fn what_happens_to_a_child_when_its_parent_has_ended() {
    let local = host(&["relations"]).await;
    for (then, status) in
        [("cancel", RunStatus::Cancelled), ("terminate", RunStatus::Terminated), ("abandon", RunStatus::Running)]
    {
        let parent = local.start("relations", then, json!({ "do": "leave", "then": then })).await;
        let child = by_id(&format!("{then}.child"));
        until(&local, &child, |run| run.status == RunStatus::Running).await;
        local.signal(&parent, "end", json!(null)).await;
        local.result(&parent).await;
        let ended = until(&local, &child, |run| run.status == status).await;
        assert_eq!(ended.parent.unwrap().run_id, row(&local, &parent).await.run_id);
    }
    // The one that was left goes on by itself.
    tokio::time::sleep(SHORT).await;
    local.signal(&by_id("abandon.child"), "go", json!(null)).await;
    assert_eq!(result(&local.result(&by_id("abandon.child")).await), json!("went"));
    // A parent that is ended without being asked leaves nobody behind either.
    let parent = local.start("relations", "killed", json!({ "do": "leave", "then": "cancel" })).await;
    until(&local, &by_id("killed.child"), |run| run.status == RunStatus::Running).await;
    local.host.terminate(&local.tenant, &parent, "now").await.unwrap();
    until(&local, &by_id("killed.child"), |run| run.status == RunStatus::Cancelled).await;
}

#[tokio::test]
async fn runs_signal_and_cancel_each_other() {
    let local = host(&["relations"]).await;
    let waiting = local.start("relations", "w", json!({ "do": "wait", "then": 1 })).await;
    let sender = local.start("relations", "s", json!({ "do": "signal", "run": "w", "name": "go" })).await;
    assert_eq!(local.result(&sender).await.status, RunStatus::Completed);
    assert_eq!(result(&local.result(&waiting).await), json!(1));
    let closed = local.start("relations", "s-2", json!({ "do": "signal", "run": "w", "name": "go" })).await;
    assert_eq!(failure(&local.result(&closed).await).code, "run-closed");
    let nobody = local.start("relations", "s-3", json!({ "do": "signal", "run": "nobody", "name": "go" })).await;
    assert_eq!(failure(&local.result(&nobody).await).code, "unknown-run");

    let sleeper = local.start("relations", "z", json!({ "do": "sleep" })).await;
    let canceller = local.start("relations", "c", json!({ "do": "cancel", "run": "z" })).await;
    assert_eq!(local.result(&canceller).await.status, RunStatus::Completed);
    assert_eq!(local.result(&sleeper).await.status, RunStatus::Cancelled);
    for run in [&sender, &closed, &nobody, &canceller, &sleeper] {
        replays(&local, run).await;
    }
}
