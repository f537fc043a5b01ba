//! `llm.generate` against servers that behave well, badly, and worse.

use std::time::Duration;

use abide_model::CallKind;
use axum::response::Response;
use serde_json::{Value, json};

use crate::common::{Server, activities, answer, ask, failure, fast, options, perform, raw, response, verdict};

fn good() -> Response {
    let body = json!({
        "model": "m-2026",
        "choices": [{ "finish_reason": "stop", "message": { "role": "assistant", "content": "hi" } }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 1 },
    });
    response(200, &[("content-type", "application/json")], body.to_string())
}

fn config(url: &str) -> String {
    format!(
        "[llm.x]\nkind = \"openai\"\nbase_url = \"{url}\"\napi_key = \"sk-very-secret\"\nmodel = \"m\"\n\
         headers = {{ x-team = \"team-secret\" }}"
    )
}

#[tokio::test]
async fn a_whole_request_and_its_answer() {
    let server = Server::start(|_| good()).await;
    let activities = activities(&config(&server.url("/v1/")));
    let head = json!({
        "model": "x/other",
        "tools": [{ "name": "look", "description": "Looks.", "parameters": { "type": "object" } }],
        "tool_choice": "auto",
        "response_format": { "type": "json_schema", "name": "r", "schema": { "type": "object" }, "strict": true },
        "max_output_tokens": 9,
        "seed": 1,
    });
    let messages = [
        json!({ "role": "system", "text": "be brief" }),
        json!({ "role": "user", "content": [
            { "type": "text", "text": "what is this?" },
            { "type": "image", "media_type": "image/png", "base64": "AAAA" },
            { "type": "image", "media_type": "image/png", "url": "https://a.example/b.png" }] }),
        json!({ "role": "assistant", "tool_calls": [{ "id": "1", "name": "look", "arguments": { "at": "it" } }] }),
        json!({ "role": "tool", "call_id": "1", "content": [{ "type": "text", "text": "a cat" }], "is_error": false }),
    ];
    let performed = perform(&activities, CallKind::LlmGenerate, &head, &messages, fast()).await;
    let expected = json!({
        "message": { "text": "hi" },
        "finish_reason": "stop",
        "usage": { "input_tokens": 5, "output_tokens": 1, "cached_input_tokens": 0 },
        "model": "m-2026",
    });
    assert_eq!(answer(&performed), expected);
    assert_eq!(performed.attempts, 1);

    let seen = server.seen();
    assert_eq!(seen[0].uri.path(), "/v1/chat/completions");
    assert_eq!(seen[0].header("authorization"), "Bearer sk-very-secret");
    assert_eq!(seen[0].header("x-team"), "team-secret");
    assert_eq!(seen[0].header("content-type"), "application/json");
    let expected = json!({
        "model": "other",
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": [
                { "type": "text", "text": "what is this?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                { "type": "image_url", "image_url": { "url": "https://a.example/b.png" } }] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "1", "type": "function", "function": { "name": "look", "arguments": r#"{"at":"it"}"# } }] },
            { "role": "tool", "tool_call_id": "1", "content": "a cat" },
        ],
        "tools": [{ "type": "function", "function":
            { "name": "look", "description": "Looks.", "parameters": { "type": "object" } } }],
        "tool_choice": "auto",
        "response_format": { "type": "json_schema", "json_schema":
            { "name": "r", "schema": { "type": "object" }, "strict": true } },
        "max_tokens": 9,
        "seed": 1,
    });
    assert_eq!(seen[0].json(), expected);
}

#[tokio::test]
async fn retry_after_is_waited_for_and_the_key_stays() {
    let server = Server::start(|seen| match seen.place {
        0 => response(429, &[("retry-after", "1")], r#"{"error":{"message":"slow down"}}"#),
        1 => response(500, &[], "oops"),
        _ => good(),
    })
    .await;
    let performed = ask(&activities(&config(&server.url("/v1"))), "", fast()).await;
    assert_eq!(answer(&performed)["message"]["text"], "hi");
    assert_eq!(performed.attempts, 3);
    let seen = server.seen();
    let waits: Vec<_> = seen.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(waits[0] >= Duration::from_millis(1000), "{waits:?}");
    assert!(waits[1] < Duration::from_millis(900), "{waits:?}");
    let key = format!("{}:3", abide_model::RunId::new(1_700_000_000_000, 7));
    assert!(seen.iter().all(|request| request.header("idempotency-key") == key));
    assert_eq!(seen[0].body, seen[2].body);
}

#[tokio::test]
async fn a_wait_beyond_the_total_timeout_is_not_begun() {
    let server = Server::start(|_| response(429, &[("retry-after", "3600")], "{}")).await;
    let performed = ask(&activities(&config(&server.url("/v1"))), "", fast()).await;
    assert_eq!(verdict(&performed), ("rate-limited", true, 1));
    let message = &failure(&performed).message;
    assert!(message.contains("the provider asks to wait 3600000 ms, and the call has"), "{message}");
    let details: Value = failure(&performed).details.as_ref().unwrap().read().unwrap();
    assert_eq!(details, json!({ "status": 429, "retry_after_ms": 3_600_000 }));
}

#[tokio::test]
async fn refusals_that_do_not_pass_are_not_tried_again() {
    for (status, body, code) in [
        (401, r#"{"error":{"message":"bad key sk-very-secret"}}"#, "denied"),
        (403, r#"{"error":{"message":"key sk-very-secret of team-secret may not"}}"#, "denied"),
        (404, r#"{"error":{"message":"no model"}}"#, "provider-error"),
        (400, r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#, "context-too-long"),
        (400, r#"{"error":{"message":"bad"}}"#, "invalid-request"),
        (429, r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#, "rate-limited"),
        (307, "", "provider-error"),
    ] {
        let server = Server::start(move |_| response(status, &[("location", "/elsewhere")], body)).await;
        let performed = ask(&activities(&config(&server.url("/v1"))), "", fast()).await;
        assert_eq!(verdict(&performed), (code, false, 1), "{status}");
        let shown = format!("{:?}", failure(&performed));
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(server.seen().len(), 1, "a redirect is not followed");
    }
}

#[tokio::test]
async fn hostile_answers_are_tried_again_and_then_named() {
    let long = "x".repeat(9 << 20);
    for (answer, problem) in [
        ("<html><body>Welcome</body></html>".to_owned(), "an HTML page"),
        ("hello".to_owned(), "no JSON"),
        (r#"{"choices":["#.to_owned(), "breaks off"),
        (r#"{"choices":[]}"#.to_owned(), "no `choices`"),
        (long, "larger than 8388608 bytes"),
    ] {
        let server = Server::start(move |_| response(200, &[], answer.clone())).await;
        let options = options(r#"{"retry":{"initial_interval_ms":10,"max_attempts":2}}"#);
        let performed = ask(&activities(&config(&server.url("/v1"))), "", options).await;
        assert_eq!(verdict(&performed), ("invalid-response", true, 2), "{problem}");
        let message = &failure(&performed).message;
        assert!(
            message.contains(problem) && message.ends_with("gave up after 2 attempts: the attempts are used up"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let address = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"choices\":").await;
    let options = options(r#"{"retry":{"initial_interval_ms":10,"max_attempts":2}}"#);
    let performed = ask(&activities(&config(&format!("http://{address}/v1"))), "", options.clone()).await;
    assert_eq!(verdict(&performed), ("invalid-response", true, 2));
    assert!(failure(&performed).message.contains("broke off after 11 bytes"), "{}", failure(&performed).message);

    let address = raw(b"this is no HTTP\r\n\r\n").await;
    let performed = ask(&activities(&config(&format!("http://{address}/v1"))), "", options.clone()).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 2));

    let port = crate::common::free_port();
    let performed = ask(&activities(&config(&format!("http://127.0.0.1:{port}/v1"))), "", options).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 2));
    assert!(failure(&performed).message.contains("cannot connect to"), "{}", failure(&performed).message);
}

#[tokio::test]
async fn a_model_is_found_by_its_name() {
    let server = Server::start(|_| good()).await;
    let url = server.url("/v1");
    let activities = activities(&format!(
        "default_llm = \"a\"\n\
         [llm.a]\nkind = \"openai\"\nbase_url = \"{url}\"\nmodel = \"org/own\"\nmodels = [\"small\"]\n\
         [llm.b]\nkind = \"openai\"\nbase_url = \"{url}\""
    ));
    for (name, sent) in [
        ("", "org/own"),
        ("org/own", "org/own"),
        ("small", "small"),
        ("a/", "org/own"),
        ("a/small", "small"),
        ("b/x/y", "x/y"),
    ] {
        answer(&ask(&activities, name, fast()).await);
        assert_eq!(server.seen().last().unwrap().json()["model"], sent, "{name}");
    }
    for (name, code, advice) in [
        (
            "c/x",
            "unknown-provider",
            "there is no provider `c` of language models, but `a`, `b`: configure it as `[llm.c]`",
        ),
        ("large", "denied", "the model `large` is not allowed: add it to `models` of `[llm.a]`"),
        ("b/", "invalid-request", "set `model` of `[llm.b]`"),
    ] {
        let performed = ask(&activities, name, fast()).await;
        assert_eq!(verdict(&performed), (code, false, 0), "{name}");
        assert!(failure(&performed).message.contains(advice), "{}", failure(&performed).message);
    }
}

#[tokio::test]
async fn openai_is_given_the_newer_name_of_the_limit() {
    let server = Server::start(|_| good()).await;
    let more = "max_tokens_field = \"max_completion_tokens\"";
    let activities = activities(&format!("{}\n{more}", config(&server.url("/v1")).replace("headers", "#headers")));
    let user = json!({ "role": "user", "content": [{ "type": "text", "text": "hello" }] });
    let head = json!({ "model": "", "max_output_tokens": 5 });
    answer(&perform(&activities, CallKind::LlmGenerate, &head, &[user], fast()).await);
    assert_eq!(server.seen()[0].json()["max_completion_tokens"], 5);
}
