//! The server of a scripted language model: the little of Chat Completions that needs no model.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::script::{FailFirst, Rule, Script, assistant_turns, text};
use crate::client::IDEMPOTENCY_KEY;
use crate::quote::one_line;

const MAX_BODY_BYTES: usize = 32 << 20;

/// Calls whose failures are counted. When there are more, counting begins anew.
const MAX_COUNTED: usize = 100_000;

/// How much of a message is shown where no rule matches.
const SHOWN_CHARS: usize = 200;

/// Serves `script` until `shutdown` completes.
pub async fn serve(
    script: Script,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let server = Arc::new(Server { script, failures: Mutex::default() });
    let routes = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(server);
    axum::serve(listener, routes).with_graceful_shutdown(shutdown).await
}

struct Server {
    script: Script,
    /// How often a call met `fail_first`, by the place of the rule and the key of the call.
    failures: Mutex<HashMap<(usize, String), u32>>,
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": "scripted", "object": "model", "owned_by": "abide" }] }))
}

async fn complete(State(server): State<Arc<Server>>, headers: HeaderMap, body: Bytes) -> Response {
    let request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, "invalid_json", format!("the body is no JSON: {error}")),
    };
    let messages = match request.get("messages").and_then(Value::as_array) {
        Some(messages) if !messages.is_empty() => messages,
        _ => return refuse(StatusCode::BAD_REQUEST, "invalid_request", "`messages` is empty or missing".to_owned()),
    };
    if request.get("stream").and_then(Value::as_bool) == Some(true) {
        let message = "a scripted model does not stream: leave `stream` out".to_owned();
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", message);
    }
    let Some((place, rule)) = server.script.find(messages) else {
        return refuse(StatusCode::NOT_FOUND, "no_rule", no_rule(messages));
    };
    if let Some(fail) = &rule.fail_first
        && server.fails(place, fail, &headers)
    {
        return failure(fail);
    }
    tokio::time::sleep(Duration::from_millis(rule.delay_ms)).await;
    Json(answer(&request, messages, rule)).into_response()
}

impl Server {
    /// Whether this request is one of the first of its call. Counts it.
    fn fails(&self, place: usize, fail: &FailFirst, headers: &HeaderMap) -> bool {
        let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_COUNTED {
            failures.clear();
        }
        let count = failures.entry((place, key)).or_default();
        if *count >= fail.times {
            return false;
        }
        *count += 1;
        true
    }
}

fn failure(fail: &FailFirst) -> Response {
    let status = StatusCode::from_u16(fail.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = refuse(status, "fail_first", "the script says that this fails at first".to_owned());
    if let Some(seconds) = fail.retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

fn refuse(status: StatusCode, code: &str, message: String) -> Response {
    (status, Json(json!({ "error": { "message": message, "type": code, "code": code } }))).into_response()
}

fn no_rule(messages: &[Value]) -> String {
    let last = messages.last().unwrap_or(&Value::Null);
    let role = last.get("role").and_then(Value::as_str).unwrap_or("nobody");
    format!(
        "no rule matches: the last message is from `{}` after {} turns of the model and says \"{}\": add a rule for it to the script",
        one_line(role, 20),
        assistant_turns(messages),
        one_line(&text(last), SHOWN_CHARS),
    )
}

fn answer(request: &Value, messages: &[Value], rule: &Rule) -> Value {
    let turn = assistant_turns(messages);
    let mut message = json!({ "role": "assistant", "content": rule.answer.text });
    if !rule.answer.tool_calls.is_empty() {
        let calls = rule.answer.tool_calls.iter().enumerate().map(|(place, call)| {
            let function = json!({ "name": call.name, "arguments": call.arguments.as_str() });
            json!({ "id": format!("call_{turn}_{place}"), "type": "function", "function": function })
        });
        message["tool_calls"] = calls.collect();
    }
    let finish_reason = if rule.answer.tool_calls.is_empty() { "stop" } else { "tool_calls" };
    let input: usize = messages.iter().map(|message| words(&text(message))).sum();
    let called = rule.answer.tool_calls.iter().map(|call| 1 + words(call.arguments.as_str()));
    let output: usize = words(rule.answer.text.as_deref().unwrap_or_default()) + called.sum::<usize>();
    json!({
        "id": format!("chatcmpl-scripted-{turn}"),
        "object": "chat.completion",
        "created": 0,
        "model": request.get("model").and_then(Value::as_str).unwrap_or("scripted"),
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
        "usage": { "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output },
    })
}

/// A rough count of tokens.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}
