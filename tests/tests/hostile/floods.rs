//! Floods: of requests, calls, timers, values, log lines, children, signals; and what is too large.

use abide_model::{ErrorCode, Json, ParkKind, RunRef, RunStatus};
use abide_runtime::view::{ReplayVerdict, StartRun};
use serde_json::{Value, json};

use crate::support::{Arena, assert_kind, failure, name, result};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused() {
    let arena = Arena::new().await;
    let row = arena.result_of(json!({ "do": "arguments", "bytes": 8 << 20 })).await;
    assert_eq!(result(&row), "too-large");
    let row = arena.result_of(json!({ "do": "result", "bytes": 8 << 20 })).await;
    assert_eq!(failure(&row).code, "too-large");
    assert!(failure(&row).message.contains("limits.result_bytes"), "{row:?}");
    let row = arena.result_of(json!({ "do": "failure", "bytes": 8 << 20 })).await;
    assert_eq!(failure(&row).code, "too-large");
    let row = arena.result_of(json!({ "do": "result", "bytes": 1 << 20 })).await;
    assert_eq!(row.status, RunStatus::Completed);
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines_without_end_fill_nothing() {
    let arena = Arena::with(|config| config.limits.log_bytes = Some(100_000)).await;
    let reason = arena.parked_by(json!({ "do": "log" })).await;
    assert_eq!(reason.kind, ParkKind::FuelExhausted, "{reason:?}");
    let row = arena.result_of(json!({ "do": "log_over_time", "lines": 200, "bytes": 8000 })).await;
    assert_eq!(result(&row), 200);
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_timers_beyond_the_limit_fail() {
    let arena = Arena::with(|config| config.limits.open_calls = 1000).await;
    for flood in ["calls", "timers"] {
        // The run's own call, for somebody who asks it to end, has no place either.
        let row = arena.result_of(json!({ "do": flood, "count": 5000 })).await;
        assert_eq!(failure(&row).code, "too-many-calls");
        let row = arena.result_of(json!({ "do": flood, "count": 900 })).await;
        assert_eq!(result(&row), 0);
    }
    arena.contained(512 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_nobody_waits_for_fill_neither_memory_nor_history() {
    let arena = Arena::with(|config| {
        config.limits.history_events = 5000;
        config.limits.step_fuel = 10_000_000_000;
    })
    .await;
    let reason = arena.parked_by(json!({ "do": "dropped_calls", "bytes": 1 << 20 })).await;
    assert_kind(&reason, ParkKind::StepTooLarge, "limits.step_bytes");
    let reason = arena.parked_by(json!({ "do": "dropped_calls", "bytes": 1 })).await;
    assert_kind(&reason, ParkKind::StepTooLarge, "its history takes no more events");
    arena.contained(384 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_without_end_are_one_of_each_name() {
    let arena = Arena::new().await;
    let reason = arena.parked_by(json!({ "do": "publish" })).await;
    assert_eq!(reason.kind, ParkKind::FuelExhausted, "{reason:?}");
    let reason = arena.parked_by(json!({ "do": "attributes" })).await;
    assert!(matches!(reason.kind, ParkKind::FuelExhausted | ParkKind::StepTooLarge), "{reason:?}");
    let row = arena.result_of(json!({ "do": "names", "count": 100 })).await;
    assert_eq!(result(&row), 36);
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_grows_to_its_limit() {
    let arena = Arena::with(|config| config.limits.history_bytes = Some(200_000)).await;
    let run = arena.attack(json!({ "do": "grow" })).await;
    let reason = arena.local.until(&run, RunStatus::Parked).await.parked.unwrap();
    assert_kind(&reason, ParkKind::HistoryFull, "bytes");
    let report = arena.local.host.replay(&arena.local.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{:?}", report.reason);
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_signals_is_refused_at_the_limit() {
    let arena = Arena::with(|config| config.limits.buffered_signals = 500).await;
    let run = arena.attack(json!({ "do": "wait" })).await;
    let (host, tenant) = (arena.local.host.clone(), arena.local.tenant.clone());
    let mut refused = 0;
    for number in 0..600 {
        let sent = host.signal(&tenant, &run, "other", Json::from(&json!(number)), None).await;
        if let Err(error) = sent {
            assert_eq!(error.code, ErrorCode::LimitExceeded, "{error}");
            refused += 1;
        }
    }
    assert!(refused >= 99, "{refused}");
    // It goes on all the same.
    host.terminate(&tenant, &run, "enough").await.unwrap();
    let large = "x".repeat(64 << 20);
    let error = host.signal(&tenant, &run, "go", Json::from(&Value::from(large)), None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge, "{error}");
    arena.contained(384 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_that_is_nested_without_end_is_nobodys_end() {
    let arena = Arena::new().await;
    let deep = |depth: usize| Json::parse("[".repeat(depth) + &"]".repeat(depth)).unwrap();
    let (host, tenant) = (arena.local.host.clone(), arena.local.tenant.clone());
    for depth in [1000, 1_000_000] {
        let start = StartRun { input: deep(depth), ..StartRun::of(name("hostile")) };
        let run = RunRef::Run(host.start(&tenant, start).await.unwrap().run.run_id);
        assert_eq!(arena.local.result(&run).await.status, RunStatus::Failed);
        let run = arena.attack(json!({ "do": "wait" })).await;
        host.signal(&tenant, &run, "go", deep(depth), None).await.unwrap();
        let row = arena.local.result(&run).await;
        assert_eq!(row.status, RunStatus::Failed, "{:?}", row.parked);
        assert!(!arena.local.history(&run).await.is_empty());
    }
    arena.contained(256 << 20).await;
}
