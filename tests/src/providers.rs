//! What the examples call, in the test's own process: a model and a ticket desk over real HTTP, which count each idempotency key and can hold
//! a request back, so that a host can be killed while it is in flight.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abide_activities::scripted::{self, Script};
use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// What was asked, and of whom.
#[derive(Clone, Default)]
pub struct Requests(Arc<Inner>);

#[derive(Default)]
struct Inner {
    seen: Mutex<Seen>,
    never: Notify,
}

#[derive(Default)]
struct Seen {
    /// How often each idempotency key came.
    keys: BTreeMap<String, u32>,
    total: u32,
    /// The request that is held back for ever, by its number from 1.
    hold: Option<(u32, oneshot::Sender<()>)>,
}

impl Requests {
    /// How often each idempotency key came.
    pub fn keys(&self) -> BTreeMap<String, u32> {
        self.lock().keys.clone()
    }

    /// Forgets what was counted.
    pub fn clear(&self) {
        *self.lock() = Seen::default();
    }

    /// The `number`-th request from here on is never answered; the receiver hears when it came.
    pub fn hold(&self, number: u32) -> oneshot::Receiver<()> {
        let (came, hears) = oneshot::channel();
        let mut seen = self.lock();
        let total = seen.total;
        seen.hold = Some((total + number, came));
        hears
    }

    async fn count(&self, headers: &HeaderMap) {
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none").to_owned();
        let held = {
            let mut seen = self.lock();
            *seen.keys.entry(key).or_default() += 1;
            seen.total += 1;
            let total = seen.total;
            seen.hold.take_if(|(number, _)| *number == total)
        };
        if let Some((_, came)) = held {
            // The test may have ended.
            let _ = came.send(());
            self.0.never.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The providers of the examples.
pub struct Providers {
    /// What they were asked.
    pub requests: Requests,
    /// The model's base URL.
    pub model_url: String,
    /// The desk's base URL.
    pub desk_url: String,
}

impl Providers {
    /// A model that answers from `script`, and a ticket desk.
    pub async fn start(script: &Path) -> Result<Self> {
        let requests = Requests::default();
        // Outages are another test's subject: here each request that comes is a call of the run.
        let mut script: Value = serde_json::from_slice(&std::fs::read(script)?)?;
        for rule in script["rules"].as_array_mut().context("`rules` is missing")? {
            rule.as_object_mut()
                .context("a rule is an object")?
                .retain(|key, _| key != "fail_first" && key != "delay_ms");
        }
        let script = Script::parse(&script.to_string())?;
        let model = serve_script(script).await?;
        let forward =
            Forward { to: format!("http://{model}"), requests: requests.clone(), client: crate::process::client()? };
        let proxy = Router::new().route("/v1/chat/completions", post(ask_model)).with_state(forward);
        let desk = Router::new()
            .route("/tickets", post(|state, headers, body| answer_desk("ticket", state, headers, body)))
            .route("/reminders", post(|state, headers, body| answer_desk("reminder", state, headers, body)))
            .route("/provisions", post(|state, headers, body| answer_desk("provision", state, headers, body)))
            .with_state(requests.clone());
        Ok(Self {
            requests,
            model_url: format!("http://{}/v1", serve(proxy).await?),
            desk_url: format!("http://{}", serve(desk).await?),
        })
    }
}

async fn serve_script(script: Script) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(scripted::serve(script, listener, std::future::pending()));
    Ok(address)
}

async fn serve(router: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

#[derive(Clone)]
struct Forward {
    to: String,
    requests: Requests,
    client: reqwest::Client,
}

async fn ask_model(State(forward): State<Forward>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    forward.requests.count(&parts.headers).await;
    let body = axum::body::to_bytes(body, 16 << 20).await.unwrap_or_default();
    let url = format!("{}{}", forward.to, parts.uri.path());
    let answer = forward.client.post(url).header("content-type", "application/json").body(body).send().await;
    match answer {
        Ok(answer) => {
            let status = answer.status();
            (status, answer.bytes().await.unwrap_or_default()).into_response()
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// The desk names what it made after the key, so that a request that comes twice makes one thing.
async fn answer_desk(
    what: &str,
    State(requests): State<Requests>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    requests.count(&headers).await;
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    axum::Json(match what {
        "ticket" => json!({ "ticket": "DESK-1" }),
        "provision" => json!({ "done": asked["action"] }),
        _ => json!({ "reminded": true }),
    })
}
