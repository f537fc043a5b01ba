//! `replay --to EVENT`: where a run stood, with the guest's functions and lines; and a divergence that names them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use abide_model::{CallKind, ErrorCode, ParkKind, RunRef, RunStatus};
use abide_runtime::view::{ReplayVerdict, RunAt};
use abide_tests::{LocalHost, ScriptedPerformer, compiled_dir, guest};
use serde_json::json;

async fn host() -> LocalHost {
    LocalHost::with(ScriptedPerformer::echoing(), |config| config.cache_dir = compiled_dir()).await
}

async fn at(local: &LocalHost, run: &RunRef, event: u64) -> RunAt {
    local.host.at(&local.tenant, run, event, None).await.unwrap()
}

/// A run of `traced` that waits for its signal. Its history: the start, the request to charge, its outcome, the signal that it waits for, the request
/// to tell, its outcome.
async fn waiting() -> (LocalHost, RunRef) {
    let local = host().await;
    local.deploy("traced").await;
    let run = local.start("traced", "t-1", json!(null)).await;
    local.until_length(&run, 6).await;
    (local, run)
}

#[tokio::test]
async fn it_says_what_was_published_and_where_the_guest_waits() {
    let (local, run) = waiting().await;
    let start = at(&local, &run, 0).await;
    assert_eq!((start.event.kind.as_str(), start.events), ("run-started", 6));
    assert_eq!(start.published["stage"].as_str(), "\"charging\"");
    let [call] = &start.calls[..] else { panic!("{:?}", start.calls) };
    assert_eq!((call.kind, call.event, call.summary.contains("charge")), (CallKind::ToolsCall, Some(1), true));
    let place = call.place.join("\n");
    assert!(place.contains("charge_the_card"), "{place}");
    assert!(place.contains("src/lib.rs:20"), "the line of the call: {place}");

    let charged = at(&local, &run, 2).await;
    assert_eq!(charged.event.kind, "call-completed");
    assert_eq!(charged.published["stage"].as_str(), "\"waiting\"");
    assert_eq!(
        charged.log.iter().map(|line| (line.event, line.message.as_str())).collect::<Vec<_>>(),
        [(2, "charged")]
    );
    assert_eq!(charged.calls.len(), 2);
    let place = charged.calls[0].place.join("\n");
    assert!(place.contains("wait_for_the_customer") && place.contains("src/lib.rs:26"), "{place}");
    assert!(charged.did.iter().any(|did| did.starts_with("made call 1, `signals.receive`")), "{:?}", charged.did);
    assert!(charged.fuel_used > start.fuel_used);
    assert!(charged.memory_bytes >= start.memory_bytes && start.memory_bytes > 0);

    // An output changes nothing: the guest stands where its input left it.
    let requested = at(&local, &run, 1).await;
    assert!(requested.event.request.as_ref().unwrap().as_str().contains("charge"));
    assert_eq!(requested.fuel_used, start.fuel_used);
    assert!(requested.did.is_empty());

    let told = at(&local, &run, 5).await;
    assert_eq!(told.calls.iter().map(|call| call.kind).collect::<Vec<_>>(), [CallKind::SignalsReceive]);
}

#[tokio::test]
async fn the_past_stays_what_it_was_and_the_run_does_not_notice() {
    let (local, run) = waiting().await;
    let before = serde_json::to_value(at(&local, &run, 2).await).unwrap();
    local.signal(&run, "answer", json!("yes")).await;
    assert_eq!(local.result(&run).await.status, RunStatus::Completed);
    let mut after = serde_json::to_value(at(&local, &run, 2).await).unwrap();
    after["events"] = before["events"].clone();
    assert_eq!(after, before);
    let length = local.history(&run).await.len() as u64;
    let end = at(&local, &run, length - 1).await;
    assert_eq!(end.event.kind, "run-completed");
    assert_eq!(end.published["stage"].as_str(), "\"done\"");
    assert!(end.calls.is_empty(), "{:?}", end.calls);
    let error = local.host.at(&local.tenant, &run, length, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
    assert!(error.message.contains(&format!("its last one is {}", length - 1)), "{}", error.message);
}

/// Every place of every run can be gone to, whatever its guest waits in, and watching changes nothing.
#[tokio::test]
async fn every_event_of_every_sort_of_guest_can_be_gone_to() {
    for (name, input, length) in [
        ("determinism", json!(null), 10),
        ("js-determinism", json!(null), 10),
        ("plain", json!({"patience_ms": 3_600_000}), 11),
    ] {
        let local = host().await;
        local.deploy(name).await;
        let run = local.start(name, "r-1", input).await;
        local.until_length(&run, length).await;
        if name != "plain" {
            local.result(&run).await;
        }
        let history = local.history(&run).await;
        let (mut fuel, mut placed) = (Some(0), false);
        for event in &history {
            let at = at(&local, &run, event.seq).await;
            assert_eq!(at.stopped, None, "{name}, event {}", event.seq);
            assert_eq!(at.event.kind, event.kind, "{name}, event {}", event.seq);
            assert!(at.fuel_used >= fuel, "{name}, event {}: {:?} after {fuel:?}", event.seq, at.fuel_used);
            fuel = at.fuel_used;
            placed |= at.calls.iter().any(|call| !call.place.is_empty());
            assert!(at.calls.iter().all(|call| call.event.is_some()), "{name}: {:?}", at.calls);
        }
        assert!(placed, "{name}: no call has a place");
    }
}

#[tokio::test]
async fn messages_that_wait_are_counted() {
    let local = host().await;
    local.deploy_as("order-v1", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    for _ in 0..2 {
        local.signal(&run, "later", json!(1)).await;
    }
    let length = local.history(&run).await.len() as u64;
    assert_eq!(at(&local, &run, length - 1).await.waiting_signals["later"], 2);
    assert!(at(&local, &run, 0).await.waiting_signals.is_empty());
}

#[tokio::test]
async fn a_divergence_names_the_function_that_made_the_call() {
    let local = host().await;
    local.deploy_as("order-v1", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 5).await;
    let report = local.host.replay(&local.tenant, &run, Some(guest("order-v2"))).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Diverged);
    let reason = report.reason.unwrap();
    let backtrace = reason.backtrace.join("\n");
    assert!(backtrace.contains("order_v2") && backtrace.contains("step"), "{backtrace}");
    // The same for who goes to a place that the component does not reach.
    let at = local.host.at(&local.tenant, &run, 4, Some(guest("order-v2"))).await.unwrap();
    let stopped = at.stopped.unwrap();
    assert_eq!((stopped.kind, stopped.event), (ParkKind::Divergence, reason.event));
    assert_eq!(stopped.backtrace, reason.backtrace);
    // An identical replay names nothing.
    assert_eq!(local.host.replay(&local.tenant, &run, None).await.unwrap().reason, None);
}
