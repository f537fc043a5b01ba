//! The scripted language model, over real HTTP like any other.

use std::time::Duration;

use abide_activities::Activities;
use abide_activities::scripted::{Script, serve};
use abide_model::CallKind;
use serde_json::{Value, json};

use crate::common::{activities_in, answer, ask, failure, fast, perform, verdict};

const SCRIPT: &str = r#"{"rules":[
    {"when":{"last_role":"tool"},"answer":{"text":"It is sunny."}},
    {"when":{"contains":"weather"},"answer":{"text":"I look.","tool_calls":[{"name":"look","arguments":{"at":"sky"}}]}},
    {"when":{"last_contains":"limited"},"answer":{"text":"done"},"fail_first":{"status":429,"retry_after_s":1,"times":1}},
    {"when":{"last_contains":"slow"},"answer":{"text":"at last"},"delay_ms":300}]}"#;

fn scripted() -> (Activities, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("answers.json"), SCRIPT).unwrap();
    let toml = "[llm.script]\nkind = \"scripted\"\nfile = \"answers.json\"";
    (activities_in(toml, folder.path()), folder)
}

async fn say(activities: &Activities, messages: &[Value]) -> abide_activities::Performed {
    perform(activities, CallKind::LlmGenerate, &json!({ "model": "script/any" }), messages, fast()).await
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": [{ "type": "text", "text": text }] })
}

#[tokio::test]
async fn a_conversation_with_a_tool() {
    let (activities, _folder) = scripted();
    let first = answer(&say(&activities, &[user("how is the weather?")]).await);
    let expected = json!({
        "message": { "text": "I look.", "tool_calls": [{ "id": "call_0_0", "name": "look", "arguments": { "at": "sky" } }] },
        "finish_reason": "tool_calls",
        "usage": { "input_tokens": 4, "output_tokens": 4, "cached_input_tokens": 0 },
        "model": "any",
    });
    assert_eq!(first, expected);
    let mut said = first["message"].clone();
    said["role"] = json!("assistant");
    let tool = json!({ "role": "tool", "call_id": "call_0_0", "content": [{ "type": "text", "text": "sun" }], "is_error": false });
    let second = answer(&say(&activities, &[user("how is the weather?"), said, tool]).await);
    assert_eq!(second["message"], json!({ "text": "It is sunny." }));
    assert_eq!(second["finish_reason"], "stop");
}

#[tokio::test]
async fn faults_and_delays_happen_as_written() {
    let (activities, _folder) = scripted();
    let begun = tokio::time::Instant::now();
    let performed = say(&activities, &[user("I am limited")]).await;
    assert_eq!((answer(&performed)["message"]["text"].clone(), performed.attempts), (json!("done"), 2));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let begun = tokio::time::Instant::now();
    answer(&say(&activities, &[user("slow")]).await);
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn what_no_rule_matches_is_named() {
    let (activities, _folder) = scripted();
    let performed = ask(&activities, "", fast()).await;
    assert_eq!(verdict(&performed), ("provider-error", false, 1));
    let message = &failure(&performed).message;
    assert!(
        message.contains("the last message is from `user` after 0 turns of the model and says \"hello\""),
        "{message}"
    );
    assert!(message.ends_with("add a rule for it to the script"), "{message}");
}

#[tokio::test]
async fn it_runs_by_itself_and_stops() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(Script::parse(SCRIPT).unwrap(), listener, async { drop(stopped.await) }));
    let toml = format!("[llm.x]\nkind = \"openai\"\nbase_url = \"http://{address}/v1\"\nmodel = \"m\"");
    let activities = crate::common::activities(&toml);
    assert_eq!(answer(&say_to(&activities, "weather").await)["model"], "m");
    drop(activities);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
}

async fn say_to(activities: &Activities, text: &str) -> abide_activities::Performed {
    perform(activities, CallKind::LlmGenerate, &json!({ "model": "" }), &[user(text)], fast()).await
}
