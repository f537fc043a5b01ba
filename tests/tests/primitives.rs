//! What a run may do beside calling activities: each test is one promise, on a host in this process over a real store.

#![expect(clippy::unwrap_used, reason = "a test fails where something is not there")]

use std::time::Duration;

use abide_model::{CallerId, ErrorCode, Failure, Json, Outcome, Run, RunRef, RunStatus};
use abide_runtime::view::{IfRunning, ResetRun, StartRun, StartSignal, UpdateRun, UpdateStatus, Updated, WaitFor};
use abide_tests::{LocalHost, ScriptedPerformer, echo};
use serde_json::{Value, json};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

async fn host(guests: &[&str]) -> LocalHost {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    for guest in guests {
        local.deploy(guest).await;
    }
    local
}

fn update(id: &str, name: &str, arguments: Value, wait_for: WaitFor) -> UpdateRun {
    UpdateRun { id: Some(id.to_owned()), name: name.to_owned(), arguments: Json::from(&arguments), wait_for }
}

async fn send(local: &LocalHost, run: &RunRef, update: UpdateRun, wait: Duration) -> Updated {
    local.host.update(&local.tenant, run, update, wait).await.unwrap()
}

fn result(run: &Run) -> Value {
    match run.outcome.as_ref().unwrap() {
        Outcome::Ok(json) => json.read().unwrap(),
        Outcome::Failed(failure) => panic!("it failed: {failure}"),
    }
}

fn failure(run: &Run) -> &Failure {
    match run.outcome.as_ref().unwrap() {
        Outcome::Failed(failure) => failure,
        Outcome::Ok(json) => panic!("it gave {json}"),
    }
}

fn by_id(id: &str) -> RunRef {
    RunRef::Caller(CallerId::parse(id).unwrap())
}

async fn row(local: &LocalHost, run: &RunRef) -> Run {
    local.host.describe(&local.tenant, run).await.unwrap().run
}

/// Waits until a run is as `ready` says.
async fn until(local: &LocalHost, run: &RunRef, ready: impl Fn(&Run) -> bool) -> Run {
    for _ in 0..600 {
        if let Ok(description) = local.host.describe(&local.tenant, run).await
            && ready(&description.run)
        {
            return description.run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the run did not come there: {:?}", local.host.describe(&local.tenant, run).await);
}

async fn replays(local: &LocalHost, run: &RunRef) {
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.reason, None, "{report:?}");
}

#[tokio::test]
async fn an_update_is_rejected_or_answered_and_the_same_one_comes_once() {
    let local = host(&["approval"]).await;
    let run = local.start("approval", "e-1", json!({ "cents": 500, "by": "bob", "patience_ms": 3_600_000 })).await;
    let own = update("u-1", "decide", json!({ "approve": true, "by": "bob" }), WaitFor::Completed);
    let answer = send(&local, &run, own, LONG).await;
    assert_eq!(answer.status, UpdateStatus::Rejected);
    assert!(matches!(&answer.outcome, Some(Outcome::Failed(failure)) if failure.code == "not-allowed"), "{answer:?}");
    let misfit = send(&local, &run, update("u-2", "decide", json!(7), WaitFor::Accepted), LONG).await;
    assert!(matches!(&misfit.outcome, Some(Outcome::Failed(failure)) if failure.code == "invalid-update"));

    let decision = || update("u-3", "decide", json!({ "approve": true, "by": "ada" }), WaitFor::Completed);
    let answer = send(&local, &run, decision(), LONG).await;
    assert_eq!(answer.status, UpdateStatus::Completed);
    assert_eq!(answer.outcome, Some(Outcome::Ok(Json::from(&json!({"approved": true, "by": "ada", "cents": 500})))));
    let ended = local.result(&run).await;
    assert_eq!(result(&ended)["approved"], true);

    // The run has ended: a caller that reconnects is given the same answer, and one that asks for something else is told so.
    let again = send(&local, &run, decision(), LONG).await;
    assert_eq!(again, answer);
    let shown = local.host.update_status(&local.tenant, &run, "u-3", WaitFor::Completed, SHORT).await.unwrap();
    assert_eq!(shown, answer);
    let other = update("u-3", "decide", json!({ "approve": false, "by": "ada" }), WaitFor::Completed);
    let error = local.host.update(&local.tenant, &run, other, SHORT).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::IdempotencyConflict);
    let error = local.host.update_status(&local.tenant, &run, "u-9", WaitFor::Completed, SHORT).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::UpdateNotFound);
    replays(&local, &run).await;
}

#[tokio::test]
async fn nobody_decides_in_time() {
    let local = host(&["approval"]).await;
    let run = local.start("approval", "e-1", json!({ "cents": 500, "by": "bob", "patience_ms": 50 })).await;
    assert_eq!(result(&local.result(&run).await)["by"], "nobody");
    let late = update("u-1", "decide", json!({ "approve": true, "by": "ada" }), WaitFor::Completed);
    let error = local.host.update(&local.tenant, &run, late, SHORT).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunClosed);
    replays(&local, &run).await;
}

#[tokio::test]
async fn an_update_waits_for_a_run_that_does_not_ask_and_outlives_the_host() {
    let local = host(&["relations"]).await;
    let run = local.start("relations", "w-1", json!({ "do": "wait", "then": 1 })).await;
    let waiting = send(&local, &run, update("u-1", "nothing", json!(null), WaitFor::Accepted), SHORT).await;
    assert_eq!((waiting.status, waiting.outcome), (UpdateStatus::Received, None));
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    local.signal(&run, "go", json!(null)).await;
    assert_eq!(result(&local.result(&run).await), json!(1));
    let told = send(&local, &run, update("u-1", "nothing", json!(null), WaitFor::Accepted), LONG).await;
    assert!(matches!(&told.outcome, Some(Outcome::Failed(failure)) if failure.code == "run-closed"), "{told:?}");
}

#[tokio::test]
async fn a_chat_goes_on_as_new_runs_and_who_writes_does_not_notice() {
    let performer = ScriptedPerformer::new(|activity| async move {
        let request = activity.request.to_json().read::<Value>().unwrap();
        let said = request["messages"].as_array().unwrap().len();
        Outcome::Ok(Json::from(&json!({
            "message": { "text": format!("{said} messages"), "tool_calls": [] },
            "finish_reason": "stop", "model": "m",
        })))
    });
    let local = LocalHost::new(performer).await;
    local.deploy("chat").await;
    let first = local.start("chat", "ada", json!({ "keep": 3, "turns_a_run": 2 })).await;
    let mut answers = Vec::new();
    for turn in 0..5 {
        let say = update(&format!("say-{turn}"), "say", json!(format!("turn {turn}")), WaitFor::Completed);
        let answer = send(&local, &by_id("ada"), say, LONG).await;
        match answer.outcome {
            Some(Outcome::Ok(json)) => answers.push(json.read::<String>().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    // A system message and the question, then two more for each turn that is remembered.
    assert_eq!(answers, ["2 messages", "4 messages", "6 messages", "8 messages", "8 messages"]);
    let RunRef::Run(first_id) = first else { panic!("started by run id") };
    let old = row(&local, &first).await;
    assert_eq!(old.status, RunStatus::Continued);
    let next = row(&local, &RunRef::Run(old.continued_as.unwrap())).await;
    assert_eq!((next.continued_from, next.id.as_str()), (Some(first_id), "ada"));
    replays(&local, &first).await;
    replays(&local, &by_id("ada")).await;
    local.host.cancel(&local.tenant, &by_id("ada"), "bye").await.unwrap();
    assert_eq!(result(&local.result(&by_id("ada")).await), json!(5));
}

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

#[tokio::test]
async fn a_run_that_takes_too_long_times_out() {
    let local = host(&["relations"]).await;
    let start = StartRun {
        input: Json::from(&json!({ "do": "sleep" })),
        run_timeout_ms: Some(100),
        ..StartRun::of("relations".parse_name())
    };
    let run = RunRef::Run(local.host.start(&local.tenant, start).await.unwrap().run.run_id);
    let ended = local.result(&run).await;
    assert_eq!((ended.status, failure(&ended).code.as_str()), (RunStatus::TimedOut, "timed-out"));
    assert_eq!(local.outline(&run).await.last().unwrap(), "run-timed-out");
    replays(&local, &run).await;
}

#[tokio::test]
async fn a_saga_undoes_what_was_done_in_reverse_order() {
    let refuse = |name: &'static str| {
        LocalHost::new(ScriptedPerformer::new(move |activity| async move {
            let request: Value = activity.request.head.read().unwrap();
            if request["name"] == name {
                return Outcome::Failed(Failure::new("sold-out", "nothing is left"));
            }
            if name == "none" && request["name"] == "book-car" {
                return std::future::pending().await;
            }
            Outcome::Ok(Json::from(&json!({ "content": [{ "type": "text", "text": request["name"] }] })))
        }))
    };
    let tools = async |local: &LocalHost, run: &RunRef| -> Vec<String> {
        let requests = local.history(run).await.into_iter().filter_map(|event| event.request);
        let name = |request: Json| request.read::<Value>().unwrap()["name"].as_str().map(str::to_owned);
        requests.filter_map(name).filter(|name| name.contains('-')).collect()
    };
    let trip = json!({ "traveller": "ada", "city": "Lisbon" });
    let local = refuse("book-car").await;
    local.deploy("trip").await;
    let run = local.start("trip", "t-1", trip.clone()).await;
    let ended = local.result(&run).await;
    assert_eq!((ended.status, failure(&ended).code.as_str()), (RunStatus::Failed, "sold-out"));
    let booked = ["book-flight", "book-hotel", "book-car", "cancel-car", "cancel-hotel", "cancel-flight"];
    assert_eq!(tools(&local, &run).await, booked);
    replays(&local, &run).await;

    let local = refuse("none").await;
    local.deploy("trip").await;
    let run = local.start("trip", "t-2", trip).await;
    local.until_length(&run, 7).await;
    local.host.cancel(&local.tenant, &run, "the trip is off").await.unwrap();
    let ended = local.result(&run).await;
    assert_eq!(ended.status, RunStatus::Cancelled, "{ended:?}");
    assert_eq!(tools(&local, &run).await, booked);
    assert!(local.outline(&run).await.iter().any(|line| line.starts_with("call-cancelled")));
    replays(&local, &run).await;
}

#[tokio::test]
async fn a_recorded_value_stays_and_a_patch_counts_from_where_it_was_met() {
    let local = host(&["relations"]).await;
    let run = local.start("relations", "r", json!({ "do": "record" })).await;
    assert_eq!(result(&local.result(&run).await), json!([true, true, true]));
    replays(&local, &run).await;

    let old = local.deploy_as("patched-v1", "patched").await;
    let before = local.start("patched", "before", json!(null)).await;
    local.until_length(&before, 4).await;
    let new = local.deploy_as("patched-v2", "patched").await;
    assert_ne!(old, new);
    let after = local.start("patched", "after", json!(null)).await;
    local.until_length(&after, 7).await;
    // The old run goes on with the new code: by a reset to its present end.
    let event = local.outline(&before).await.len() as u64;
    let reset = ResetRun { event, version: Some(new) };
    let moved = RunRef::Run(local.host.reset(&local.tenant, &before, reset).await.unwrap().run.run_id);
    for run in [&moved, &after] {
        local.signal(run, "go", json!(null)).await;
        assert_eq!(result(&local.result(run).await), json!({ "was": "done" }));
        replays(&local, run).await;
    }
    let names = async |run: &RunRef| -> Vec<String> {
        let markers = local.history(run).await.into_iter().filter(|event| event.kind == "marker-recorded");
        markers.filter_map(|event| event.name).collect()
    };
    assert_eq!(names(&moved).await, ["check-again"]);
    assert_eq!(names(&after).await, ["check", "check-again"]);
}

#[tokio::test]
async fn a_reset_goes_on_with_what_was_before() {
    let performer = ScriptedPerformer::new(|activity| async move { echo(&activity) });
    let local = LocalHost::new(performer.clone()).await;
    local.deploy("steps").await;
    let run = local.start("steps", "s", json!({ "steps": 4, "provider": "t", "tool": "echo" })).await;
    local.result(&run).await;
    // Event 5 is the request of the third call: its step begins with the outcome of the second.
    let reset = ResetRun { event: 5, version: None };
    let started = local.host.reset(&local.tenant, &run, reset).await.unwrap();
    let again = RunRef::Run(started.run.run_id);
    assert_eq!(result(&local.result(&again).await), json!(4));
    let outline = local.outline(&again).await;
    assert_eq!(outline[4..7], ["call-completed 1", "run-reset", "call-requested 2"], "{outline:?}");
    let own = |count: &(String, u32)| count.0.starts_with(&started.run.run_id.to_string());
    assert_eq!(performer.seen().into_iter().filter(own).count(), 2, "two calls were made again");
    replays(&local, &again).await;
    for event in [0, 99] {
        let error = local.host.reset(&local.tenant, &run, ResetRun { event, version: None }).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "{error}");
    }

    // One that waits is ended by it, and its signals come along.
    local.deploy("relations").await;
    let waiting = local.start("relations", "w", json!({ "do": "wait", "then": 1 })).await;
    local.until_length(&waiting, 2).await;
    local.signal(&waiting, "other", json!(1)).await;
    let started = local.host.reset(&local.tenant, &waiting, ResetRun { event: 1, version: None }).await.unwrap();
    assert_eq!(row(&local, &waiting).await.status, RunStatus::Terminated);
    let again = RunRef::Run(started.run.run_id);
    local.signal(&again, "go", json!(null)).await;
    assert_eq!(result(&local.result(&again).await), json!(1));
    assert!(local.outline(&again).await.contains(&"signal-received".to_owned()));
    replays(&local, &again).await;
}

#[tokio::test]
async fn a_parked_run_is_reset_onto_a_version_that_works() {
    let local = host(&[]).await;
    local.deploy_as("faulty", "w").await;
    let run = local.start("w", "w-1", json!({ "mode": "panic" })).await;
    until(&local, &run, |run| run.status == RunStatus::Parked).await;
    let version = local.deploy_as("waiter", "w").await;
    let reset = ResetRun { event: 1, version: Some(version.clone()) };
    let started = local.host.reset(&local.tenant, &run, reset).await.unwrap();
    assert_eq!(row(&local, &run).await.status, RunStatus::Terminated);
    assert_eq!(started.run.version.to_string(), version);
    local.signal(&by_id("w-1"), "go", json!("went")).await;
    assert_eq!(result(&local.result(&RunRef::Run(started.run.run_id)).await), json!("went"));
}

/// A name of a workflow, in a test.
trait ParseName {
    fn parse_name(self) -> abide_model::WorkflowName;
}

impl ParseName for &str {
    fn parse_name(self) -> abide_model::WorkflowName {
        abide_model::WorkflowName::parse(self).unwrap()
    }
}
