//! A run whose component fails, or does something else than its history says, is parked with the reason; it loses nothing, and goes
//! on with a component that fits.

use abide_model::{Json, Outcome, ParkKind, RunStatus};
use abide_runtime::view::ReplayVerdict;
use abide_tests::{LocalHost, ScriptedPerformer, guest};
use serde_json::json;

async fn parked_by(mode: &str) -> (LocalHost, abide_model::RunRef, abide_model::ParkReason) {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::with(performer, |config| {
        config.limits.step_fuel = 200_000_000;
        config.limits.memory_bytes = 32 << 20;
    })
    .await;
    local.deploy("faulty").await;
    let run = local.start("faulty", "f-1", json!({ "mode": mode, "after": 2 })).await;
    let row = local.until(&run, RunStatus::Parked).await;
    let reason = row.parked.expect("a parked run has a reason");
    (local, run, reason)
}

#[tokio::test]
async fn a_panic_parks_with_a_backtrace_of_the_guests_functions() {
    let (local, run, reason) = parked_by("panic").await;
    assert_eq!(reason.kind, ParkKind::Trap, "{reason:?}");
    let backtrace = reason.backtrace.join("\n");
    assert!(backtrace.contains("look_up_the_price"), "{backtrace}");
    assert!(backtrace.contains("check_the_order"), "{backtrace}");
    // Both calls and their outcomes are kept.
    let outline = local.outline(&run).await;
    assert_eq!(outline.len(), 7, "{outline:?}");
    assert_eq!(outline[5..], ["call-completed 2", "run-parked"]);
    // The same again: it is in the component.
    local.host.resume(&local.tenant, &run, None).await.unwrap();
    local.until_length(&run, 9).await;
    let row = local.until(&run, RunStatus::Parked).await;
    assert_eq!(row.parked.unwrap().kind, ParkKind::Trap);
}

#[tokio::test]
async fn an_endless_loop_parks_when_its_fuel_is_used() {
    let (_local, _run, reason) = parked_by("loop").await;
    assert_eq!(reason.kind, ParkKind::FuelExhausted, "{reason:?}");
    assert!(reason.backtrace.join("\n").contains("loop_for_ever"), "{reason:?}");
}

#[tokio::test]
async fn a_memory_hog_parks_at_its_limit() {
    let (_local, _run, reason) = parked_by("memory").await;
    assert_eq!(reason.kind, ParkKind::MemoryExceeded, "{reason:?}");
    assert!(reason.message.contains("limits.memory_bytes"), "{reason:?}");
}

#[tokio::test]
async fn an_endless_recursion_parks() {
    let (_local, _run, reason) = parked_by("overflow").await;
    // Rust keeps its stack in linear memory, below everything else: it ends in a trap before the engine's own limit.
    assert!(matches!(reason.kind, ParkKind::StackExhausted | ParkKind::Trap), "{reason:?}");
    assert!(reason.backtrace.join("\n").contains("recurse_without_end"), "{reason:?}");
}

#[tokio::test]
async fn a_parked_run_goes_on_with_a_component_that_fits() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    let broken = local.deploy_as("order-broken", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 7).await;
    local.signal(&run, "go", json!({ "to": "ada" })).await;
    let row = local.until(&run, RunStatus::Parked).await;
    let reason = row.parked.unwrap();
    assert_eq!(reason.kind, ParkKind::Trap);
    assert!(reason.backtrace.join("\n").contains("print_the_label"), "{reason:?}");

    // Another component: the difference is named, and the run stays.
    let other = local.deploy_as("order-v2", "order").await;
    local.host.resume(&local.tenant, &run, Some(&other)).await.unwrap();
    local.until_length(&run, 12).await;
    let reason = local.until(&run, RunStatus::Parked).await.parked.unwrap();
    assert_eq!(reason.kind, ParkKind::Divergence, "{reason:?}");
    assert!(reason.event.is_some(), "{reason:?}");
    for word in ["reserve", "charge", "at event", "tools.call"] {
        assert!(reason.message.contains(word), "`{word}` is missing: {}", reason.message);
    }

    // Signals are taken meanwhile, over a restart too.
    local.signal(&run, "later", json!(1)).await;
    let local = local.reopen(performer.clone()).await;
    assert_eq!(local.until(&run, RunStatus::Parked).await.version.to_string(), other);

    // The repaired one.
    let fixed = local.deploy_as("order-v1", "order").await;
    local.host.resume(&local.tenant, &run, Some(&fixed)).await.unwrap();
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Completed, "{row:?}");
    let Some(Outcome::Ok(result)) = row.outcome else { panic!("no result") };
    assert_eq!(result.read::<serde_json::Value>().unwrap()["go"], json!({ "to": "ada" }));
    // No call was made twice, whatever was tried in between.
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
    let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{:?}", report.reason);
    assert_ne!(broken, fixed);
}

#[tokio::test]
async fn a_replay_on_another_component_names_the_first_difference() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy_as("order-v1", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 7).await;

    let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical);
    // Up to here the third version does the same.
    let report = local.host.replay(&local.tenant, &run, Some(guest("order-v3"))).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{:?}", report.reason);
    let report = local.host.replay(&local.tenant, &run, Some(guest("order-v2"))).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Diverged);
    let message = report.reason.unwrap().message;
    assert!(message.contains(r#""op":"reserve""#) && message.contains(r#""op":"charge""#), "{message}");

    local.signal(&run, "go", json!(null)).await;
    local.result(&run).await;
    let report = local.host.replay(&local.tenant, &run, Some(guest("order-v3"))).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Diverged);
    let message = report.reason.unwrap().message;
    assert!(message.contains("ship") && message.contains("notify"), "{message}");
}

#[tokio::test]
async fn a_terminated_run_takes_nothing_more() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy("waiter").await;
    let run = local.start("waiter", "w-1", json!(null)).await;
    local.host.terminate(&local.tenant, &run, "enough").await.unwrap();
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Terminated);
    let error = local.host.signal(&local.tenant, &run, "go", Json::null(), None).await.unwrap_err();
    assert_eq!(error.code.as_str(), "run-closed", "{error}");
}
