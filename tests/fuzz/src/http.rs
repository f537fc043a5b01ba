//! Requests to a real server: a line with method and path, headers, an empty line, a body. Whatever comes is answered, never with an internal
//! error, and errors are problems in JSON.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use abide_activities::{Activity, Performed, Performer};
use abide_history::RedbStore;
use abide_model::{Failure, Outcome, SystemClock};
use abide_runtime::{Host, HostConfig};
use abide_server::{Auth, Options, serve};

/// Some requests wait for something to happen.
const PATIENCE: Duration = Duration::from_millis(150);
const MAX_ANSWER_BYTES: u64 = 4 << 20;

pub(crate) const WORDS: &[&[u8]] = &[
    b"GET /v1/runs",
    b"POST /v1/runs",
    b"PUT /v1/schedules/a",
    b"DELETE /v1/runs/a",
    b"PATCH /v1/workflows/a",
    b"/history",
    b"/result",
    b"/signals/go",
    b"/queries/q",
    b"/updates",
    b"/fork",
    b"/replay",
    b"/at/0",
    b"/ledger",
    b"/settings/budgets",
    b"?filter=",
    b"&limit=",
    b"?from=",
    b"&cursor=",
    b"%2f",
    b"%00",
    b"%ff",
    b"\r\n",
    b"\r\n\r\n",
    b"authorization: Bearer ",
    b"abide-tenant: ",
    b"idempotency-key: ",
    b"content-type: application/json",
    b"host: ",
    b"origin: ",
    b"last-event-id: ",
    b"{\"workflow\":\"a\"}",
    b"\"input\":",
    b"\"id\":",
    b"\"filter\":",
    b"null",
    b"1e999",
    b"18446744073709551616",
    b"-1",
    b"[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":",
    b"\\u0000",
    b"\\ud800",
];

/// Where the servers listen: one that asks nobody, and one that asks for tokens.
static SERVERS: LazyLock<[SocketAddr; 2]> = LazyLock::new(start);
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Performs nothing.
struct Nobody;

impl Performer for Nobody {
    fn perform(&self, _: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        let outcome = Outcome::Failed(Failure::new("unavailable", "there is nobody"));
        Box::pin(std::future::ready(Performed::new(outcome, 0)))
    }
}

fn start() -> [SocketAddr; 2] {
    // A handler that panics takes its connection with it, and nothing else.
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        before(info);
    }));
    let (told, hears) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let cache = std::env::temp_dir().join(format!("abide-fuzz-{}", std::process::id()));
            let store = Arc::new(RedbStore::in_memory().expect("a store"));
            let config = HostConfig::new(cache);
            let host = Host::open(config, store, Arc::new(Nobody), Arc::new(SystemClock)).await.expect("a host");
            let mut addresses = Vec::new();
            for auth in [Auth::Open, Auth::Tokens] {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                addresses.push(listener.local_addr().expect("an address"));
                let options = Options { auth, max_component_bytes: 1 << 20, ..Options::default() };
                tokio::spawn(serve(listener, host.clone(), options, std::future::pending()));
            }
            told.send(addresses).expect("somebody waits");
            std::future::pending::<()>().await
        })
    });
    hears.recv().expect("the servers start").try_into().expect("there are two")
}

/// The bytes that are sent: the length of the body is always right, so that it is the body which is read.
fn request(input: &[u8]) -> Vec<u8> {
    let end = input.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = end.map_or((input, &b""[..]), |end| (&input[..end], &input[end + 4..]));
    let line_end = head.windows(2).position(|bytes| bytes == b"\r\n").unwrap_or(head.len());
    let (line, headers) = head.split_at(line_end);
    let mut request = line.to_vec();
    request.extend_from_slice(b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close");
    request.extend_from_slice(headers);
    request.extend_from_slice(format!("\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    request
}

pub(crate) fn run(input: &[u8]) {
    let asks = input.windows(7).any(|bytes| bytes.eq_ignore_ascii_case(b"bearer "));
    let before = PANICS.load(Ordering::SeqCst);
    let answer = ask(SERVERS[usize::from(asks)], &request(input));
    assert_eq!(PANICS.load(Ordering::SeqCst), before, "a handler panicked");
    let Some(status) = status(&answer) else { return };
    assert_ne!(status, 500, "{}", String::from_utf8_lossy(&answer));
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    if let Some(end) = end.filter(|_| is_problem(&answer)) {
        let body: serde_json::Value = serde_json::from_slice(&answer[end + 4..]).expect("a problem is JSON");
        assert_eq!(body["status"], status, "{body}");
        assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    }
}

/// Sends a request and reads what comes, as long as it comes soon.
fn ask(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut connection = TcpStream::connect(address).expect("the server is there");
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    // A server that has heard enough may close the connection.
    let _ = connection.write_all(request);
    let mut answer = Vec::new();
    let _ = connection.take(MAX_ANSWER_BYTES).read_to_end(&mut answer);
    answer
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

fn is_problem(answer: &[u8]) -> bool {
    let head = &answer[..answer.len().min(2000)];
    head.windows(24).any(|bytes| bytes.eq_ignore_ascii_case(b"application/problem+json"))
}
