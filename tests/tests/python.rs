//! Workflows in Python: what they see is the same in each replay, what they raise is told, and the same agent makes the same history as in Rust.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use abide_model::{Failure, Json, Outcome, Run, RunRef, RunStatus};
use abide_runtime::view::{HistoryEvent, ReplayVerdict};
use abide_tests::{LocalHost, ScriptedPerformer, compiled_dir, echo};
use serde_json::{Value, json};

/// An interpreter is much to replay; the guests in Rust do it a thousand times.
const REPLAYS: usize = 50;
/// So many runs are open in the test of residency, of which so few fit into memory.
const RUNS: usize = 30;
const SEATS: usize = 4;

/// A host that keeps what it compiled for the next test: that takes longer than the tests.
async fn host(performer: ScriptedPerformer, seats: Option<usize>) -> LocalHost {
    LocalHost::with(performer, |config| {
        config.cache_dir = compiled_dir();
        config.max_resident = seats.unwrap_or(config.max_resident);
    })
    .await
}

/// Answers after a time that differs from call to call.
fn jittering() -> ScriptedPerformer {
    let count = Arc::new(AtomicU32::new(7));
    ScriptedPerformer::new(move |activity| {
        let salt = count.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9) >> 19;
        async move {
            tokio::time::sleep(Duration::from_micros(u64::from(salt))).await;
            echo(&activity)
        }
    })
}

async fn identical(local: &LocalHost, run: &RunRef) -> Value {
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
    json!(report.trace)
}

fn given(row: &Run) -> Value {
    match &row.outcome {
        Some(Outcome::Ok(result)) => result.read().unwrap(),
        other => panic!("the run came to {other:?}"),
    }
}

fn failed(row: &Run) -> &Failure {
    match &row.outcome {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("the run came to {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_sees_the_same_clocks_random_numbers_hashes_and_orders() {
    let local = host(jittering(), None).await;
    local.deploy("python-kitchen").await;
    let run = local.start("python-kitchen", "p-1", json!({"part": "surroundings"})).await;
    let result = given(&local.result(&run).await);
    let first = identical(&local, &run).await;
    for _ in 0..REPLAYS {
        assert_eq!(identical(&local, &run).await, first);
    }
    // Another run has another seed: what is the same each time was not simply the same always.
    let other = local.start("python-kitchen", "p-2", json!({"part": "surroundings"})).await;
    assert_ne!(given(&local.result(&other).await)["digest"], result["digest"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_raised_is_the_failure_of_the_run() {
    let local = host(ScriptedPerformer::echoing(), None).await;
    local.deploy("python-kitchen").await;

    let run = local.start("python-kitchen", "broken", json!({"part": "broken"})).await;
    let row = local.result(&run).await;
    let failure = failed(&row);
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("exception", "KeyError: 'missing'"));
    let details: Value = failure.details.as_ref().unwrap().read().unwrap();
    assert_eq!(details["type"], "KeyError");
    let traceback = details["traceback"].as_str().unwrap();
    assert!(traceback.contains("python_kitchen.py") && traceback.contains("in broken"), "{traceback}");

    let run = local.start("python-kitchen", "refused", json!({"part": "refused"})).await;
    let row = local.result(&run).await;
    let failure = failed(&row);
    assert_eq!((failure.code.as_str(), failure.retryable), ("sold-out", true));
    assert_eq!(failure.details, Some(Json::parse(r#"{"left":0}"#).unwrap()));

    let run = local.start("python-kitchen", "no-json", json!({"part": "no-json"})).await;
    assert_eq!(failed(&local.result(&run).await).code, "invalid-json");

    let run = local.start("python-kitchen", "input", json!({"no": "part"})).await;
    assert_eq!(failed(&local.result(&run).await).code, "exception");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_at_the_same_time_keep_their_places() {
    let local = host(jittering(), None).await;
    local.deploy("python-kitchen").await;
    let run = local.start("python-kitchen", "f-1", json!({"part": "fan-out"})).await;
    assert_eq!(given(&local.result(&run).await), json!([0, 1, 2, 3, 4, 5, 6, 7]));
    let history = local.history(&run).await;
    let first_outcome = history.iter().position(|event| event.kind == "call-completed").unwrap();
    let requested = history[..first_outcome].iter().filter(|event| event.kind == "call-requested").count();
    // The eight, and the one that listens for a request to end.
    assert_eq!(requested, 9);
    identical(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_were_put_out_of_memory_come_back() {
    let local = host(ScriptedPerformer::echoing(), Some(SEATS)).await;
    local.deploy("python-kitchen").await;
    let mut runs = Vec::new();
    for number in 0..RUNS {
        let input = json!({"part": "deadline", "patience_s": 3600});
        runs.push(local.start("python-kitchen", &format!("w-{number}"), input).await);
    }
    for run in &runs {
        local.until_length(run, 4).await;
    }
    assert!(local.host.resident() <= SEATS, "{} guests are in memory", local.host.resident());
    for (number, run) in runs.iter().enumerate() {
        local.signal(run, "go", json!(number)).await;
    }
    for (number, run) in runs.iter().enumerate() {
        let row = local.result(run).await;
        assert_eq!(row.status, RunStatus::Completed, "{row:?}");
        assert_eq!(given(&row), json!({ "came": number }));
    }
}

/// Answers as the example's script and the files of its folder do.
fn stations() -> ScriptedPerformer {
    let script = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/researcher/answers.json"));
    let script: Value = serde_json::from_str(&script.unwrap()).unwrap();
    ScriptedPerformer::new(move |activity| {
        let request: Value = activity.request.to_json().read().unwrap();
        let answer = if let Some(messages) = request["messages"].as_array() {
            let turn = messages.iter().filter(|message| message["role"] == "assistant").count();
            answer_of(&script["rules"][turn]["answer"], turn)
        } else if request["arguments"].is_null() {
            tools_of(&request["provider"])
        } else {
            // A tool that says what it was asked for, so that a request which differs makes all that follows differ.
            let asked = request["arguments"].to_string();
            Outcome::Ok(Json::from(
                &json!({"content": [{"type": "text", "text": asked}], "is_error": asked.contains("harbour")}),
            ))
        };
        async move { answer }
    })
}

fn answer_of(answer: &Value, turn: usize) -> Outcome {
    let asked = answer["tool_calls"].as_array().cloned().unwrap_or_default();
    let calls: Vec<Value> = asked
        .iter()
        .enumerate()
        .map(|(number, call)| json!({"id": format!("call_{turn}_{number}"), "name": call["name"], "arguments": call["arguments"]}))
        .collect();
    Outcome::Ok(Json::from(&json!({
        "message": {"text": answer["text"], "tool_calls": calls},
        "finish_reason": if calls.is_empty() { "stop" } else { "tool_calls" },
        "usage": {"input_tokens": 100 + turn, "output_tokens": 10, "cached_input_tokens": 1},
        "model": "scripted",
    })))
}

fn tools_of(provider: &Value) -> Outcome {
    if provider != "files" {
        return Outcome::Failed(Failure::new("unknown-provider", "there is none of that name"));
    }
    let tool = |name: &str| {
        // The keys are not in their order, and a number is no integer: both SDKs have to write the schema in the same way.
        json!({"provider": "files", "name": name, "description": "Ö", "input_schema":
            {"type": "object", "properties": {"path": {"type": "string", "z": 1.5, "a": [true, null]}}, "required": ["path"]}})
    };
    let names = ["list_allowed_directories", "list_directory", "read_text_file", "search_files", "write_file"];
    Outcome::Ok(Json::from(&json!(names.map(tool))))
}

/// What a history says, but for what differs between any two runs: times, ids, the version and the seed, and the order of outcomes that come at
/// the same time.
fn told(events: Vec<HistoryEvent>) -> Vec<Value> {
    let strip = |event: HistoryEvent| {
        let mut event = json!(event);
        for name in ["seq", "time_ms", "version", "seed", "workflow", "id", "run_id", "limits"] {
            event.as_object_mut().unwrap().remove(name);
        }
        event
    };
    let mut told: Vec<Value> = events.into_iter().map(strip).collect();
    let is_outcome = |event: &Value| event["type"] == "call-completed";
    for together in told.chunk_by_mut(|one, other| is_outcome(one) && is_outcome(other)) {
        together.sort_by_key(|event| event["call"].as_u64());
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_agent_makes_the_same_history_as_in_rust() {
    let local = host(stations(), None).await;
    let input = json!({"question": "Which station should be repaired first, and why?"});
    let mut histories = Vec::new();
    for guest in ["researcher", "researcher-python"] {
        local.deploy(guest).await;
        let run = local.start(guest, guest, input.clone()).await;
        let row = local.result(&run).await;
        assert_eq!(row.status, RunStatus::Completed, "{row:?}");
        identical(&local, &run).await;
        histories.push(told(local.history(&run).await));
    }
    assert!(histories[0].len() > 20, "{:?}", histories[0]);
    for (rust, python) in histories[0].iter().zip(&histories[1]) {
        assert_eq!(rust, python);
    }
    assert_eq!(histories[0].len(), histories[1].len());
}
