//! How runs end, and go on after an end: timeouts, sagas, patches and resets.

use abide_model::{ErrorCode, Failure, Json, Outcome, RunRef, RunStatus};
use abide_runtime::view::{ResetRun, StartRun};
use abide_tests::{LocalHost, ScriptedPerformer, echo};
use serde_json::{Value, json};

use crate::{ParseName, by_id, failure, host, replays, result, row, until};

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
