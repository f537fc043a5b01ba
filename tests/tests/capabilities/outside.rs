//! What stands outside: a model, an HTTP tool and a server, over real HTTP, which keep every byte that reaches them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::routing::{any, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The servers.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) address: SocketAddr,
    heard: Heard,
}

/// What reached them: path, headers and body of each request.
type Heard = Arc<Mutex<Vec<String>>>;

impl Outside {
    pub(crate) async fn start() -> Self {
        let heard = Heard::default();
        let router =
            Router::new().route("/v1/chat/completions", post(model)).fallback(any(echo)).with_state(heard.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, heard }
    }

    /// A configuration with two providers of models, an HTTP tool, and this server for `http.fetch`.
    pub(crate) fn config(&self) -> String {
        let address = self.address;
        format!(
            r#"
            default_llm = "house"
            [llm.house]
            kind = "openai"
            base_url = "http://{address}/v1"
            model = "small"
            [llm.other]
            kind = "openai"
            base_url = "http://{address}/v1"
            [tools.crm]
            kind = "http"
            base_url = "http://{address}/crm"
            [[tools.crm.tool]]
            name = "lookup"
            method = "POST"
            path = "/lookup"
            [[tools.crm.tool]]
            name = "remove"
            method = "POST"
            path = "/remove"
            [http]
            allow = ["{address}"]
            "#
        )
    }

    /// Everything that reached it.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bodies that reached the model.
    pub(crate) fn asked(&self) -> Vec<Value> {
        let heard = self.heard();
        let asked = heard.iter().filter(|request| request.starts_with("/v1/chat/completions"));
        asked.map(|request| serde_json::from_str(request.rsplit_once("\n\n").unwrap().1).unwrap()).collect()
    }
}

async fn hear(heard: &Heard, request: Request) -> Bytes {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
    let mut text = format!("{}\n", parts.uri);
    for (name, value) in &parts.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    text.push_str(&format!("\n{}", String::from_utf8_lossy(&body)));
    heard.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    body
}

/// Says what it was told, and something of its own.
async fn model(State(heard): State<Heard>, request: Request) -> impl IntoResponse {
    let body: Value = serde_json::from_slice(&hear(&heard, request).await).unwrap();
    let said = body["messages"].as_array().and_then(|messages| messages.last()).map(|message| &message["content"]);
    let text = format!("You said: {}. Ask root@secret.example.", said.and_then(Value::as_str).unwrap_or_default());
    axum::Json(json!({
        "model": body["model"],
        "choices": [{ "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2 },
    }))
}

/// Gives the body back, or the path where there is none.
async fn echo(State(heard): State<Heard>, request: Request) -> impl IntoResponse {
    let path = request.uri().to_string();
    let body = hear(&heard, request).await;
    if body.is_empty() { path.into_bytes() } else { body.to_vec() }
}
