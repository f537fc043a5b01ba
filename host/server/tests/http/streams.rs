//! Histories as server-sent events.

use std::time::Duration;

use abide_model::{CallerId, Json, Role, RunRef, Tenant, WorkflowName};
use abide_runtime::Host;
use abide_runtime::view::{CreateToken, CreatedToken, StartRun};
use abide_server::{Auth, Options};
use abide_tests::{LocalHost, ScriptedPerformer, guest};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{PATIENCE, Server};

/// One event of a stream.
#[derive(Debug, PartialEq)]
struct Frame {
    id: Option<String>,
    event: String,
    data: Value,
}

/// A stream that is open.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn open(server: &Server, path: &str, last: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, &format!("{path}/history"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self::of(request).await
    }

    async fn of(request: RequestBuilder) -> Self {
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let frame = parse(block);
                self.text = rest.to_owned();
                if frame.is_some() {
                    return frame;
                }
            }
            match timeout(PATIENCE, self.response.chunk()).await.expect("an event in time") {
                Ok(Some(piece)) => self.text.push_str(std::str::from_utf8(&piece).unwrap()),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    async fn rest(mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }
}

fn parse(block: &str) -> Option<Frame> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let data = block.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>().join("\n");
    let data = serde_json::from_str(&data).ok()?;
    Some(Frame { id: field("id: "), event: field("event: ")?, data })
}

#[tokio::test]
async fn a_stream_follows_a_run_to_its_end() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    let mut stream = Stream::open(&server, &path, None).await;
    let first = stream.next().await.unwrap();
    assert_eq!((first.id.as_deref(), first.event.as_str()), (Some("0"), "run-started"));
    assert_eq!(first.data["seq"], 0);
    assert_eq!(stream.next().await.unwrap().event, "call-requested");

    // A payload with line ends, which must not cut the event apart.
    let sent = server.post_text(&format!("{path}/signals/go"), "{\n\"by\":\r\n\"ada\"}").await;
    assert_eq!(sent.status, 202);
    let rest = stream.rest().await;
    let signal = &rest.iter().find(|frame| frame.event == "signal-received").unwrap().data;
    assert_eq!(signal["payload"], json!({"by": "ada"}));
    let end = rest.last().unwrap();
    assert_eq!((end.id.as_deref(), end.event.as_str()), (None, "end"));
    assert_eq!(end.data["status"], "completed");

    // The stream is the history.
    let page = server.get(&format!("{path}/history")).await.body;
    let streamed: Vec<_> = rest[..rest.len() - 1].iter().map(|frame| &frame.data).collect();
    assert_eq!(json!(streamed), json!(page["events"].as_array().unwrap()[2..]));
    assert_eq!(page["ended"], true);
}

#[tokio::test]
async fn a_stream_resumes_after_any_event() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    server.post_text(&format!("{path}/signals/go"), "1").await;
    assert_eq!(server.get(&format!("{path}/result?wait=30s")).await.status, 200);
    let whole = Stream::open(&server, &path, None).await.rest().await;
    for last in 0..whole.len() - 1 {
        let resumed = Stream::open(&server, &path, Some(&last.to_string())).await.rest().await;
        assert_eq!(resumed, whole[last + 1..], "after {last}");
    }
    assert_eq!(Stream::open(&server, &path, Some("")).await.rest().await, whole);
}

#[tokio::test]
async fn a_client_that_goes_is_forgotten() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    for _ in 0..50 {
        let mut stream = Stream::open(&server, &path, None).await;
        stream.next().await.unwrap();
    }
    let waiting = server.request(Method::GET, &format!("{path}/result?wait=10m")).timeout(Duration::from_millis(200));
    assert!(waiting.send().await.unwrap_err().is_timeout());
    assert_eq!(server.get("/readyz").await.status, 200);
    let mut server = server;
    server.stop();
    server.served().await.unwrap();
}

/// A long history comes whole and in order, whatever the size of the pages inside.
#[tokio::test]
async fn a_long_history_comes_whole() {
    let server = Server::start().await;
    server.deploy("steps").await;
    let input = json!({"steps": 400, "provider": "bench", "tool": "echo"});
    let started = server.post("/v1/runs", &json!({"workflow": "steps", "id": "s", "input": input})).await;
    assert_eq!(started.status, 201, "{started:?}");
    let frames = Stream::open(&server, "/v1/runs/s", None).await.rest().await;
    assert_eq!(frames.len(), 803, "the start, 400 calls and their outcomes, the result, and `end`");
    for (place, frame) in frames[..802].iter().enumerate() {
        assert_eq!(frame.id.as_deref(), Some(place.to_string().as_str()));
    }
    let mut events = Vec::new();
    while events.len() < 802 {
        let page = server.get(&format!("/v1/runs/s/history?from={}&limit=300", events.len())).await.body;
        events.extend(page["events"].as_array().unwrap().clone());
    }
    assert_eq!(events, frames[..802].iter().map(|frame| frame.data.clone()).collect::<Vec<_>>());
}

fn tenant() -> Tenant {
    Tenant::parse("acme").unwrap()
}

async fn create(host: &Host, expires_in_s: Option<u64>) -> CreatedToken {
    let create = CreateToken { name: "watcher".to_owned(), role: Role::Viewer, host: false, expires_in_s };
    host.create_token(Some(&tenant()), create, "the test").await.unwrap()
}

fn bearer(token: &CreatedToken) -> String {
    format!("Bearer {}", token.text)
}

/// A stream of a run that waits, opened by somebody with this token.
async fn watched(server: &Server, token: &CreatedToken) -> Stream {
    let request = server.request(Method::GET, "/v1/runs/w/history").header(AUTHORIZATION, bearer(token));
    let mut stream = Stream::of(request).await;
    // It waits for a signal, or to be cancelled.
    for event in ["run-started", "call-requested", "call-requested"] {
        assert_eq!(stream.next().await.unwrap().event, event);
    }
    stream
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let host = local.host.clone();
    host.create_tenant(&tenant()).await.unwrap();
    let workflow = WorkflowName::parse("waiter").unwrap();
    host.deploy(&tenant(), &workflow, guest("waiter")).await.unwrap();
    let id = CallerId::parse("w").ok();
    host.start(&tenant(), StartRun { id, ..StartRun::of(workflow) }).await.unwrap();
    let server = Server::over(local, Options { auth: Auth::Tokens, ..Options::default() }).await;

    let mut goes_on = watched(&server, &create(&host, None).await).await;
    let token = create(&host, None).await;
    let revoked = watched(&server, &token).await;
    let expired = watched(&server, &create(&host, Some(2)).await).await;
    host.revoke_token(Some(&tenant()), &token.token.id).await.unwrap();
    for stream in [revoked, expired] {
        let rest = stream.rest().await;
        assert_eq!(rest.len(), 1, "{rest:?}");
        assert_eq!((rest[0].event.as_str(), &rest[0].data["code"]), ("error", &json!("unauthenticated")));
    }
    // Who waits for a result is somebody who looks, too.
    let waiting = create(&host, None).await;
    let waits = server.request(Method::GET, "/v1/runs/w/result?wait=1m").header(AUTHORIZATION, bearer(&waiting));
    let waits = tokio::spawn(waits.send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    host.revoke_token(Some(&tenant()), &waiting.token.id).await.unwrap();
    assert_eq!(timeout(PATIENCE, waits).await.expect("an answer in time").unwrap().unwrap().status(), 401);
    let run = RunRef::parse("w").unwrap();
    host.signal(&tenant(), &run, "go", Json::from(&json!(1)), None).await.unwrap();
    assert_eq!(goes_on.next().await.unwrap().event, "signal-received");
}
