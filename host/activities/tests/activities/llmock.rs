//! A mock of OpenAI that others wrote, with faults, and its verdict on this client: <https://pypi.org/project/llmock>.

use std::process::Stdio;

use abide_activities::Activities;
use abide_model::CallKind;
use serde_json::{Value, json};

use crate::common::{activities, answer, ask, free_port, options, parts, perform, verdict, wait_for};

struct Mock {
    url: String,
    client: reqwest::Client,
    _process: tokio::process::Child,
}

impl Mock {
    async fn start() -> Self {
        let port = free_port();
        let process = tokio::process::Command::new(parts().join("python/bin/llmock"))
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "error"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        wait_for(port).await;
        let url = format!("http://127.0.0.1:{port}");
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { url, client: reqwest::Client::new(), _process: process }
    }

    fn activities(&self) -> Activities {
        let url = &self.url;
        activities(&format!(
            "[llm.mock]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\napi_key = \"anything\"\nmodel = \"gpt-4o\"\n\
             retry = {{ initial_interval_ms = 100 }}"
        ))
    }

    async fn behave(&self, behaviors: Value) {
        let body = json!({ "behaviors": behaviors }).to_string();
        let request =
            self.client.post(format!("{}/_llmock/scenario", self.url)).header("content-type", "application/json");
        request.body(body).send().await.unwrap().error_for_status().unwrap();
    }

    async fn verdict(&self) -> Value {
        let response = self.client.get(format!("{}/_llmock/verdict", self.url)).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn it_finds_nothing_to_blame() {
    let mock = Mock::start().await;
    let activities = mock.activities();
    mock.behave(json!([
        { "type": "fail", "status": 429, "retry_after": 1, "times": 2 },
        { "type": "fail", "status": 503, "times": 1 },
    ]))
    .await;
    let performed = ask(&activities, "", options("{}")).await;
    assert_eq!(performed.attempts, 4);
    assert!(answer(&performed)["usage"]["output_tokens"].as_u64().unwrap() > 0);
    let verdict = mock.verdict().await;
    assert_eq!((&verdict["passed"], &verdict["findings"]), (&json!(true), &json!([])), "{verdict}");
}

#[tokio::test]
async fn faults_become_failures_with_the_right_codes() {
    let mock = Mock::start().await;
    let activities = mock.activities();
    for (status, code) in [(400, "invalid-request"), (401, "denied"), (403, "denied"), (404, "provider-error")] {
        mock.behave(json!([{ "type": "fail", "status": status, "times": 1 }])).await;
        assert_eq!(verdict(&ask(&activities, "", options("{}")).await), (code, false, 1), "{status}");
    }
    mock.behave(json!([{ "type": "fail", "status": 500, "times": 3 }])).await;
    let twice = options(r#"{"retry":{"max_attempts":2}}"#);
    assert_eq!(verdict(&ask(&activities, "", twice).await), ("unavailable", true, 2));
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let mock = Mock::start().await;
    mock.behave(json!([{ "type": "delay", "seconds": 30, "times": 1 }])).await;
    let hasty = options(r#"{"attempt_timeout_ms":500}"#);
    let performed = ask(&mock.activities(), "", hasty).await;
    answer(&performed);
    assert_eq!(performed.attempts, 2);
}

#[tokio::test]
async fn an_agent_that_calls_a_tool() {
    let mock = Mock::start().await;
    let activities = mock.activities();
    let tool = json!({ "name": "get_weather", "description": "The weather in a city.", "parameters":
        { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] } });
    let head = json!({ "model": "mock/gpt-4o", "tools": [tool] });
    let user = json!({ "role": "user", "content": [{ "type": "text", "text": "get weather for Paris" }] });
    let (activities, head) = (&activities, &head);
    let generate = |messages: Vec<Value>| async move {
        perform(activities, CallKind::LlmGenerate, head, &messages, options("{}")).await
    };

    let first = answer(&generate(vec![user.clone()]).await);
    assert_eq!(first["finish_reason"], "tool_calls");
    let call = &first["message"]["tool_calls"][0];
    assert_eq!(call["name"], "get_weather");
    assert!(call["arguments"]["city"].is_string(), "{call}");

    let mut assistant = first["message"].clone();
    assistant["role"] = json!("assistant");
    let content = json!([{ "type": "text", "text": "21 degrees" }]);
    let tool = json!({ "role": "tool", "call_id": call["id"], "content": content, "is_error": false });
    let second = answer(&generate(vec![user.clone(), assistant, tool]).await);
    assert_eq!(second["finish_reason"], "stop");
    assert!(second["message"]["text"].is_string());

    mock.behave(json!([{ "type": "tool_fault", "kind": "malformed_arguments", "times": 1 }])).await;
    let broken = answer(&generate(vec![user]).await);
    assert!(broken["message"]["tool_calls"][0]["arguments"].is_string(), "what is no JSON stays a text: {broken}");
}
