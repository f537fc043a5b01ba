//! What a call used: tokens of every attempt that said them, and their price.

use abide_model::{CallUsage, Tokens};
use axum::response::Response;
use serde_json::{Value, json};

use crate::common::{Server, activities, ask, fast, options, response};

const USAGE: &str = r#"{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":200}}"#;
const TOKENS: Tokens = Tokens { input: 1000, cached_input: 200, output: 10 };

fn config(url: &str) -> String {
    format!(
        "[llm.x]\nkind = \"openai\"\nbase_url = \"{url}\"\nmodel = \"m\"\n\
         [prices.\"x/m\"]\ninput_per_million = \"1.25\"\ncached_input_per_million = \"0.125\"\noutput_per_million = \"10\"\ncurrency = \"USD\"\n"
    )
}

/// An answer, with `usage` in it where there is some.
fn answer(usage: Option<&str>) -> Response {
    let message = json!({ "role": "assistant", "content": "hi" });
    let mut body = json!({ "choices": [{ "finish_reason": "stop", "message": message }] });
    if let Some(usage) = usage {
        body["usage"] = serde_json::from_str::<Value>(usage).unwrap();
    }
    response(200, &[("content-type", "application/json")], body.to_string())
}

fn usage(tokens: Option<Tokens>) -> CallUsage {
    CallUsage { model: Some("m".to_owned()), tokens, ..CallUsage::of("llm.x") }
}

async fn used(server: &Server, model: &str) -> CallUsage {
    let activities = activities(&config(&server.url("/v1")));
    ask(&activities, model, fast()).await.usage.unwrap()
}

#[tokio::test]
async fn an_answer_has_its_tokens_and_their_price() {
    let server = Server::start(|_| answer(Some(USAGE))).await;
    let used_by_m = used(&server, "x/m").await;
    // 800 x 1.25 + 200 x 0.125 + 10 x 10 millionths.
    assert_eq!(used_by_m.cost.as_ref().unwrap().to_string(), "0.001125 USD");
    assert_eq!(CallUsage { cost: None, ..used_by_m }, usage(Some(TOKENS)));
    let other = used(&server, "x/other").await;
    assert_eq!((other.tokens, other.cost), (Some(TOKENS), None), "a price that is not known is none");
}

#[tokio::test]
async fn attempts_that_failed_and_cost_count_too() {
    let server = Server::start(|seen| match seen.place {
        // It cannot be used, and is paid for.
        0 => response(200, &[], format!(r#"{{"choices":[],"usage":{USAGE}}}"#)),
        // A refusal costs nothing.
        1 => response(503, &[], "{}".to_owned()),
        // Nobody knows what this was.
        2 => response(200, &[], "nothing".to_owned()),
        _ => answer(Some(USAGE)),
    })
    .await;
    let used = used(&server, "x/m").await;
    let mut both = TOKENS;
    both.add(TOKENS);
    assert_eq!((used.tokens, used.uncounted_attempts), (Some(both), 1));
    assert_eq!(used.cost.unwrap().to_string(), "0.00225 USD");
}

#[tokio::test]
async fn what_nobody_said_is_not_zero() {
    let server = Server::start(|_| answer(None)).await;
    let silent = used(&server, "x/m").await;
    assert_eq!(silent, CallUsage { uncounted_attempts: 1, ..usage(None) });
    // A guest may make up names: one that was refused is not counted by its name.
    let refusing = Server::start(|_| response(404, &[], "{}".to_owned())).await;
    assert_eq!(used(&refusing, "x/made-up").await, CallUsage::of("llm.x"));
}

#[tokio::test]
async fn an_attempt_that_is_given_up_may_have_cost() {
    let once = || options(r#"{"attempt_timeout_ms":200,"retry":{"max_attempts":1}}"#);
    let nobody = activities(&config("http://127.0.0.1:9"));
    let refused = ask(&nobody, "x/m", once()).await;
    assert_eq!(refused.usage.unwrap(), CallUsage::of("llm.x"), "nobody was reached");
    // It takes the request and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let activities = activities(&config(&format!("http://{}", silent.local_addr().unwrap())));
    let given_up = ask(&activities, "x/m", once()).await;
    assert_eq!(given_up.usage.unwrap(), CallUsage { uncounted_attempts: 1, ..usage(None) });
}
