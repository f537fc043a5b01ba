//! Workflows in TypeScript, on a host: they come to their end, replay to the same bytes, leave memory and come back, and fail in words that
//! help. That they outlive a host that dies at any commit is in `scenarios.rs` and `kill.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use abide_model::{Failure, Json, Outcome, ParkKind, Run, RunStatus};
use abide_runtime::view::ReplayVerdict;
use abide_tests::{LocalHost, ScriptedPerformer, echo};
use serde_json::{Value, json};

/// Answers after a time that differs from call to call and from run to run.
fn jittering(salt: u64) -> ScriptedPerformer {
    ScriptedPerformer::new(move |activity| {
        let key = activity.idempotency_key();
        let mixed = key.bytes().fold(salt, |mixed, byte| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        async move {
            tokio::time::sleep(Duration::from_micros(mixed % 5_000)).await;
            echo(&activity)
        }
    })
}

fn value(run: &Run) -> Value {
    match &run.outcome {
        Some(Outcome::Ok(value)) => value.read().unwrap(),
        other => panic!("the run ended with {other:?}: {run:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_gives_the_same_bytes_again_and_again() {
    let mut orders = std::collections::BTreeSet::new();
    let mut chances = std::collections::BTreeSet::new();
    for salt in 0..4 {
        let local = LocalHost::new(jittering(salt)).await;
        local.deploy("js-determinism").await;
        let run = local.start("js-determinism", "d-1", json!(null)).await;
        let seen = value(&local.result(&run).await);
        orders.insert(seen["completed"].to_string());
        chances.insert(seen["random"].to_string());
        let first = local.host.replay(&local.tenant, &run, None).await.unwrap();
        for turn in 0..50 {
            let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
            assert_eq!(report.verdict, ReplayVerdict::Identical, "replay {turn}: {:?}", report.reason);
            assert_eq!(report.trace, first.trace, "replay {turn} did something else");
        }
        // The present is that of the run, wherever it is asked for, and moves with it.
        let now: Vec<u64> = serde_json::from_value(seen["now"].clone()).unwrap();
        let started = seen["info"]["startedMs"].as_u64().unwrap();
        assert_eq!(now[..3], [started; 3], "{seen}");
        assert!(now[3..].iter().all(|time| *time >= started), "{seen}");
        assert_eq!(seen["timers"], json!(["microtask", "0", "10", "tick 1", "tick 2"]), "{seen}");
        assert_eq!(seen["maps"], json!([["9", 4], ["10", 3], ["z", 1], ["a", 2]]), "{seen}");
        assert_eq!(seen["date"][1], "2026-01-01T12:00:00.000Z", "{seen}");
    }
    assert!(orders.len() > 1, "the test shows nothing if the calls always complete in one order: {orders:?}");
    assert_eq!(chances.len(), 4, "each run has chances of its own: {chances:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_runs_leave_memory_and_come_back() {
    const SEATS: usize = 4;
    let local = LocalHost::with(ScriptedPerformer::echoing(), |config| config.max_resident = SEATS).await;
    local.deploy("js-waiter").await;
    let mut runs = Vec::new();
    for number in 0..40 {
        runs.push(local.start("js-waiter", &format!("w-{number}"), json!(null)).await);
    }
    for run in &runs {
        local.until_length(run, 3).await;
    }
    assert!(local.host.resident() <= SEATS, "{} guests are in memory", local.host.resident());
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    // The first were dropped long ago; a query brings one back, and leaves no trace.
    let answer = local.host.query(&local.tenant, &runs[0], "spoil", Json::from(&json!([1]))).await.unwrap();
    assert_eq!(answer.read::<Value>().unwrap(), json!({ "name": "spoil", "args": [1], "waiting": "spoiled" }));
    let answer = local.host.query(&local.tenant, &runs[0], "look", Json::null()).await.unwrap();
    assert_eq!(answer.read::<Value>().unwrap()["waiting"], "go");
    for (number, run) in runs.iter().enumerate() {
        local.signal(run, "go", json!({ "number": number })).await;
        assert_eq!(value(&local.result(run).await), json!({ "number": number }));
        let report = local.host.replay(&local.tenant, run, None).await.unwrap();
        assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
    }
}

#[tokio::test]
async fn the_usual_globals_are_there() {
    let performer = ScriptedPerformer::new(|activity| async move {
        let request: Value = activity.request.to_json().read().unwrap();
        assert_eq!(request["method"], "POST", "{request}");
        let headers = json!([{ "name": "Content-Type", "value": "application/json" }]);
        Outcome::Ok(Json::from(&json!({ "status": 201, "headers": headers, "body": request["body"] })))
    });
    let local = LocalHost::new(performer).await;
    local.deploy("js-globals").await;
    let run = local.start("js-globals", "g-1", json!(null)).await;
    let seen = value(&local.result(&run).await);
    let bytes: Vec<u8> = serde_json::from_value(seen["encoded"].clone()).unwrap();
    assert_eq!(bytes, "aß水🙂".as_bytes());
    assert_eq!(seen["decoded"], "aß\u{fffd}🙂");
    assert_eq!(seen["url"], "https://Ada:pw@example.com/b/c%20d?x=1&y=a+b&z=%C3%BC%26#end");
    assert_eq!(seen["host"], "example.com");
    assert_eq!(seen["query"], json!([["x", "1"], ["y", "a b"], ["z", "ü&"]]));
    assert_eq!(seen["base64"], json!(["SGVsbG8sIHf2cmxk", "Hello"]));
    assert_eq!(seen["cloned"], true);
    assert_eq!(seen["doubled"], json!({ "value": 42 }));
    assert_eq!(seen["response"], json!([true, 201, "application/json", { "text": "grüße" }]));
    assert_eq!(seen["instance"], true);
}

async fn ended(how: &str) -> Run {
    let performer = ScriptedPerformer::new(|activity| async move {
        let request: Value = activity.request.head.read().unwrap_or_default();
        match request["name"].as_str() {
            Some("fail") => Outcome::Failed(Failure::new("denied", "not you")),
            _ => echo(&activity),
        }
    });
    let local = LocalHost::with(performer, |config| {
        config.limits.step_fuel = 2_000_000_000;
        config.limits.memory_bytes = 32 << 20;
    })
    .await;
    local.deploy("js-faulty").await;
    let run = local.start("js-faulty", "f-1", json!({ "how": how })).await;
    let began = std::time::Instant::now();
    loop {
        let row = local.host.describe(&local.tenant, &run).await.unwrap().run;
        if row.status != RunStatus::Running {
            return row;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "`{how}` does not end: {row:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn failure(how: &str) -> Failure {
    let row = ended(how).await;
    match row.outcome {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("`{how}` ended with {other:?}: {:?}", row.parked),
    }
}

#[tokio::test]
async fn what_is_thrown_is_the_runs_failure() {
    let thrown = failure("throw").await;
    assert_eq!((thrown.code.as_str(), thrown.message.as_str()), ("failed", "TypeError: the printer is on fire"));
    let details: Value = thrown.details.unwrap().read().unwrap();
    assert!(details["stack"].as_str().unwrap().contains("js-faulty.ts:10:"), "{details}");
    let given = failure("failure").await;
    assert_eq!((given.code.as_str(), given.retryable), ("no-paper", true));
    assert_eq!(given.details.unwrap().read::<Value>().unwrap(), json!({ "tray": 2 }));
    assert_eq!(failure("text").await.message, "just a text");
    assert_eq!(failure("class").await.message, "Error: none left");
    let tool = failure("tool").await;
    assert_eq!((tool.code.as_str(), tool.message.as_str()), ("denied", "not you"));
    assert_eq!(failure("callback").await.message, "RangeError: in a callback");
    assert_eq!(failure("unwritable").await.code, "invalid-json");
    assert_eq!(value(&ended("nothing").await), Value::Null);
}

#[tokio::test]
async fn what_does_not_end_parks() {
    for (how, kinds) in [
        ("spin", &[ParkKind::FuelExhausted][..]),
        ("hog", &[ParkKind::MemoryExceeded]),
        ("never", &[ParkKind::GuestError, ParkKind::Trap]),
    ] {
        let row = ended(how).await;
        let reason = row.parked.unwrap_or_else(|| panic!("`{how}` is {}: {:?}", row.status, row.outcome));
        assert!(kinds.contains(&reason.kind), "{how}: {reason:?}");
    }
    // The engine has a limit of its own, which programs can catch.
    assert!(failure("recursion").await.message.contains("stack"), "{:?}", failure("recursion").await);
}
