//! What the tests share: a server that does what a test says, and short ways to make a call.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use abide_activities::{Activities, ActivitiesConfig, Activity, Performed, Performer as _, Secrets};
use abide_model::{CallKind, CallOptions, Clock as _, Failure, Json, Outcome, Request, RunId, SystemClock, Tenant};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A request that a server got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// How many came before it.
    pub(crate) place: usize,
    pub(crate) at: tokio::time::Instant,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

type Answer = Arc<dyn Fn(&Seen) -> Response + Send + Sync>;

/// A server that answers as a test says and remembers what it was asked.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let answer: Answer = Arc::new(answer);
        let routes = axum::Router::new().fallback(handle).with_state((answer, seen.clone()));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, seen, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn handle(
    State((answer, seen)): State<(Answer, Arc<Mutex<Vec<Seen>>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = {
        let mut seen = seen.lock().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let request = Seen { method, uri, headers, body, place: seen.len(), at: tokio::time::Instant::now() };
        seen.push(request.clone());
        request
    };
    answer(&request)
}

/// A server that sends these bytes to whoever connects and asks, and closes the connection.
pub(crate) async fn raw(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                // One read has the whole of the small requests that come here.
                let mut request = [0; 65536];
                if socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    drop(socket.write_all(answer).await);
                    drop(socket.shutdown().await);
                }
            });
        }
    });
    address
}

pub(crate) fn response(status: u16, headers: &[(&str, &str)], body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// Activities of a configuration as it stands in `abide.toml`.
pub(crate) fn activities(toml: &str) -> Activities {
    activities_in(toml, Path::new("."))
}

pub(crate) fn activities_in(toml: &str, base_dir: &Path) -> Activities {
    let config: ActivitiesConfig = toml::from_str(toml).unwrap();
    Activities::new(config, base_dir, Arc::new(SystemClock)).unwrap()
}

/// Options that wait for milliseconds where the defaults wait for seconds.
pub(crate) fn fast() -> CallOptions {
    options(r#"{"retry":{"initial_interval_ms":10,"max_interval_ms":50}}"#)
}

pub(crate) fn options(json: &str) -> CallOptions {
    serde_json::from_str(json).unwrap()
}

pub(crate) fn activity(kind: CallKind, request: Request, options: CallOptions) -> Activity {
    Activity {
        tenant: Tenant::default(),
        run_id: RunId::new(1_700_000_000_000, 7),
        call: 3,
        kind,
        request,
        options,
        requested_ms: SystemClock.now_ms(),
        deferred: None,
        secrets: Secrets::none(),
        policy: Default::default(),
        share: Default::default(),
    }
}

pub(crate) async fn perform(
    activities: &Activities,
    kind: CallKind,
    head: &Value,
    messages: &[Value],
    options: CallOptions,
) -> Performed {
    let request = Request { head: Json::from(head), messages: messages.iter().map(Json::from).collect() };
    activities.perform(activity(kind, request, options)).await
}

/// Asks a model something short.
pub(crate) async fn ask(activities: &Activities, model: &str, options: CallOptions) -> Performed {
    let hello = json!({ "role": "user", "content": [{ "type": "text", "text": "hello" }] });
    perform(activities, CallKind::LlmGenerate, &json!({ "model": model }), &[hello], options).await
}

pub(crate) async fn call_tool(
    activities: &Activities,
    provider: &str,
    name: &str,
    arguments: Value,
    options: CallOptions,
) -> Performed {
    let head = json!({ "provider": provider, "name": name, "arguments": arguments });
    perform(activities, CallKind::ToolsCall, &head, &[], options).await
}

pub(crate) async fn list_tools(activities: &Activities, provider: Option<&str>) -> Performed {
    let head = json!({ "provider": provider });
    perform(activities, CallKind::ToolsList, &head, &[], fast()).await
}

/// The answer of a call that succeeded.
pub(crate) fn answer(performed: &Performed) -> Value {
    match &performed.outcome {
        Outcome::Ok(answer) => answer.read().unwrap(),
        Outcome::Failed(failure) => panic!("failed: {failure}"),
    }
}

/// The failure of a call that did not.
pub(crate) fn failure(performed: &Performed) -> &Failure {
    match &performed.outcome {
        Outcome::Ok(answer) => panic!("succeeded: {answer}"),
        Outcome::Failed(failure) => failure,
    }
}

/// The code of a failure, whether it may pass, and how often it was tried.
pub(crate) fn verdict(performed: &Performed) -> (&str, bool, u32) {
    let failure = failure(performed);
    (&failure.code, failure.retryable, performed.attempts)
}

/// The folder of the programs that some tests run against.
pub(crate) fn parts() -> PathBuf {
    let folder = std::env::var_os("ABIDE_TEST_PARTS").map(PathBuf::from);
    folder.filter(|folder| folder.join("python").is_dir() && folder.join("node").is_dir()).expect(
        "this test needs real MCP servers and a mock of language models: run `cargo xtask test`, or run `cargo xtask parts` \
         once and set ABIDE_TEST_PARTS to the folder that it prints",
    )
}

/// A port that was free a moment ago, below those that the system gives to whoever asks for any.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 10_000).unwrap() + 20_000;
    let is_free = |port: &u16| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::SeqCst)).take(1000).find(is_free).unwrap()
}

/// Waits until something listens there.
pub(crate) async fn wait_for(port: u16) {
    for _ in 0..300 {
        if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("nothing listens at port {port}");
}
