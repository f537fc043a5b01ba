//! Workflows in TypeScript, on a host: they come to their end, replay to the same bytes, leave memory and come back, and fail in words that
//! help. That they outlive a host that dies at any commit is in `scenarios.rs` and `kill.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use abide_model::{Failure, Json, Outcome, ParkKind, Run, RunStatus};
use abide_runtime::view::{HistoryEvent, ReplayVerdict};
use abide_tests::{LocalHost, ScriptedPerformer, echo};
use serde_json::{Value, json};

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
        let local = LocalHost::new(ScriptedPerformer::jittering(salt)).await;
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
        let headers = json!([["Content-Type", "application/json"]]);
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
    assert!(details["stack"].as_str().unwrap().contains("js-faulty.ts:15:"), "{details}");
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
    assert_eq!(value(&ended("floating").await), "went on");
}

#[tokio::test]
async fn what_does_not_end_parks() {
    for (how, kinds) in [
        ("spin", &[ParkKind::FuelExhausted][..]),
        ("hog", &[ParkKind::MemoryExceeded]),
        ("recursion", &[ParkKind::StackExhausted]),
    ] {
        let row = ended(how).await;
        let reason = row.parked.unwrap_or_else(|| panic!("`{how}` is {}: {:?}", row.status, row.outcome));
        assert!(kinds.contains(&reason.kind), "{how}: {reason:?}");
    }
}

/// Answers the researcher: its tools have schemas and results whose members stand in no order, and the model asks for one that is not there.
fn library() -> ScriptedPerformer {
    ScriptedPerformer::new(|activity| async move {
        let request: Value = activity.request.to_json().read().unwrap();
        if let Some(messages) = request["messages"].as_array() {
            return Outcome::Ok(Json::parse(model(messages.len())).unwrap());
        }
        let answer = match (request["name"].as_str(), request["provider"].as_str()) {
            (Some("list_directory"), _) => {
                tokio::time::sleep(Duration::from_millis(40)).await;
                r#"{"structured":{"files":["b","a"],"count":2,"of":{"y":1.5,"x":"ü\u2028\"\u0007"}}}"#
            }
            (Some(_), _) => r#"{"content":[{"text":"Lake"},{"text":"dry"}],"is_error":true}"#,
            (None, Some("files")) => FILES,
            _ => return Outcome::Failed(Failure::new("unknown-provider", "there is none")),
        };
        Outcome::Ok(Json::parse(answer).unwrap())
    })
}

const FILES: &str = r#"[
    {"provider":"files","name":"list_allowed_directories","input_schema":{"type":"object","properties":{}}},
    {"provider":"files","name":"list_directory","description":"Lists","input_schema":{"type":"object","required":["path"],"properties":{"path":{"type":"string","minLength":1},"depth":{"maximum":2.5,"type":"number"}}}},
    {"provider":"files","name":"read_text_file","description":"Reads \"it\"","input_schema":{"$schema":"x","type":"object","additionalProperties":false}},
    {"provider":"files","name":"search_files","input_schema":{"type":"object"},"output_schema":{"type":"object"}},
    {"provider":"files","name":"write_file","input_schema":{"type":"object"}}
]"#;

fn model(messages: usize) -> &'static str {
    match messages {
        2 => {
            r#"{"message":{"text":"I look.","tool_calls":[
                {"id":"c1","name":"files__list_directory","arguments":{"path":".","depth":1}},
                {"id":"c2","name":"files__read_text_file","arguments":{ "zeta": {"b": [1, 2.5], "a": "ü"}, "path": "x" }},
                {"id":"c3","name":"files__write_file","arguments":{}},
                {"id":"c4","name":"files__search_files","arguments":[1]}
            ]},"finish_reason":"tool_calls","usage":{"input_tokens":10,"output_tokens":4,"cached_input_tokens":3},"model":"m"}"#
        }
        _ => {
            r#"{"message":{"text":"The lake is dry.","tool_calls":[]},"finish_reason":"stop","usage":{"input_tokens":20,"output_tokens":5},"model":"m"}"#
        }
    }
}

#[tokio::test]
async fn an_agent_in_typescript_has_the_history_of_the_one_in_rust() {
    let mut histories = Vec::new();
    for name in ["researcher", "researcher-js"] {
        let local = LocalHost::new(library()).await;
        local.deploy_as(name, "researcher").await;
        let run = local.start("researcher", "r-1", json!({ "question": "Which lake is dry?", "max_turns": 3 })).await;
        let seen = value(&local.result(&run).await);
        assert_eq!((&seen["turns"], &seen["usage"]["input_tokens"]), (&json!(2), &json!(30)), "{seen}");
        let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
        assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
        let published = local.host.query(&local.tenant, &run, "agent", Json::null()).await.unwrap();
        histories.push((local.history(&run).await.iter().map(without_chance).collect::<Vec<_>>(), published));
    }
    let (rust, typescript) = (&histories[0], &histories[1]);
    for (rust, typescript) in rust.0.iter().zip(&typescript.0) {
        assert_eq!(rust, typescript);
    }
    assert_eq!(rust.0.len(), typescript.0.len());
    assert_eq!(rust.1, typescript.1);
    assert!(rust.0.len() > 15, "the agent did too little to show anything: {rust:?}");
}

/// An event as the text of its JSON, without times, ids and the version.
fn without_chance(event: &HistoryEvent) -> String {
    let mut event = serde_json::to_value(event).unwrap();
    let members = event.as_object_mut().unwrap();
    for chance in ["time_ms", "run_id", "version", "seed", "random_seed"] {
        members.remove(chance);
    }
    event.to_string()
}
