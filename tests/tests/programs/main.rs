//! Ordinary programs, which know nothing of abide, on a host: Rust (`examples/ordinary`), Python and JavaScript (`tests/programs`). That they
//! outlive a host which dies at any commit is in `scenarios.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod determinism;
mod ends;
mod http;
mod surroundings;

use abide_activities::{Activity, Performer};
use abide_model::{Failure, Json, Outcome, Run, RunRef};
use abide_runtime::view::{ReplayReport, ReplayVerdict};
use abide_tests::{LocalHost, ScriptedPerformer, compiled_dir};
use serde_json::{Value, json};

const URL: &str = "http://models.example/v1/chat/completions";

/// The three, each of which asks a model twice.
const PROGRAMS: [&str; 3] = ["ordinary", "program-python", "program-javascript"];

/// A host that keeps what it compiles: for an interpreter that takes longer than the tests.
async fn host(performer: impl Performer) -> LocalHost {
    LocalHost::with(performer, |config| config.cache_dir = compiled_dir()).await
}

/// A model that says how many characters it was asked.
fn model() -> ScriptedPerformer {
    ScriptedPerformer::new(
        |activity| async move { said(&format!("that had {} characters", question(&activity).len())) },
    )
}

/// What a model was asked in a request of `http.fetch`.
fn question(activity: &Activity) -> String {
    let request: Value = activity.request.to_json().read().unwrap();
    let body: Value = serde_json::from_str(request["body"]["text"].as_str().unwrap()).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

fn said(words: &str) -> Outcome {
    let text = json!({ "choices": [{ "message": { "role": "assistant", "content": words } }] }).to_string();
    let headers = json!([["content-type", "application/json"]]);
    Outcome::Ok(Json::from(&json!({ "status": 200, "headers": headers, "body": { "text": text } })))
}

fn talk(url: &str) -> Value {
    json!({ "question": "why", "url": url, "pause_ms": 1 })
}

fn given(row: &Run) -> Value {
    match &row.outcome {
        Some(Outcome::Ok(result)) => result.read().unwrap(),
        other => panic!("the run came to {other:?}: {row:?}"),
    }
}

fn failed(row: &Run) -> &Failure {
    match &row.outcome {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("the run came to {other:?}: {row:?}"),
    }
}

async fn identical(local: &LocalHost, run: &RunRef) -> ReplayReport {
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
    report
}
