//! Requests that cannot be served: each gets a problem that says why, and the host goes on.

use abide_tests::guest;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Server};

/// A run id that no run has.
const NOBODY: &str = "run_01hf7yat00000000000000000f";

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, detail: &str) {
    assert_eq!((answer.status, answer.body["code"].as_str().unwrap()), (status, code), "{answer:?}");
    assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{answer:?}");
}

#[tokio::test]
async fn unknown_paths_and_methods() {
    let server = Server::start().await;
    for path in ["/", "/v1", "/v1/", "/v1/runs/", "/v1/runs/a/b", "/v2/runs", "/v1/runs/a/history/", "/%ff", "//"] {
        refused(&server.get(path).await, 404, "not-found", "/openapi.json");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/v1/runs", "POST,GET,HEAD"),
        (Method::PUT, "/v1/runs/a", "GET,HEAD,DELETE"),
        (Method::GET, "/v1/versions?name=a", "POST"),
        (Method::POST, "/v1/runs/a/history", "GET,HEAD"),
        (Method::OPTIONS, "/healthz", "GET,HEAD"),
        (Method::from_bytes(b"BREW").unwrap(), "/v1/workflows", "GET,HEAD"),
    ] {
        let answer = server.send(server.request(method, path)).await;
        refused(&answer, 405, "method-not-allowed", "`Allow`");
        assert_eq!(answer.headers["allow"], allow, "{path}");
    }
}

#[tokio::test]
async fn unknown_runs_and_workflows() {
    let server = Server::start().await;
    for run in [NOBODY, "nobody", "caf%C3%A9"] {
        let path = format!("/v1/runs/{run}");
        for rest in ["", "/history", "/result", "/result?wait=1s"] {
            refused(&server.get(&format!("{path}{rest}")).await, 404, "run-not-found", "");
        }
        for rest in ["/signals/go", "/queries/phase", "/cancel", "/terminate", "/resume", "/replay"] {
            refused(&server.post_text(&format!("{path}{rest}"), "").await, 404, "run-not-found", "");
        }
        let stream = server.request(Method::GET, &format!("{path}/history")).header("accept", "text/event-stream");
        refused(&server.send(stream).await, 404, "run-not-found", "");
    }
    refused(&server.get("/v1/workflows/nobody").await, 404, "workflow-not-found", "");
    refused(&server.post("/v1/runs", &json!({"workflow": "nobody"})).await, 404, "workflow-not-found", "deploy");
    server.deploy("waiter").await;
    let start = json!({"workflow": "waiter", "version": "0123456789"});
    refused(&server.post("/v1/runs", &start).await, 404, "version-not-found", "");
}

#[tokio::test]
async fn malformed_names_and_parameters() {
    let server = Server::start().await;
    for path in [
        "/v1/workflows/A",
        "/v1/workflows/%ff",
        "/v1/runs/run_x",
        "/v1/runs/a%2Fb",
        "/v1/runs/a%20b",
        "/v1/runs/a%00b",
        "/v1/runs/%ff",
        "/v1/runs?limit=0",
        "/v1/runs?limit=1001",
        "/v1/runs?limit=-1",
        "/v1/runs?limit=x",
        "/v1/runs?limit=1&limit=2",
        "/v1/runs?statuss=running",
        "/v1/runs?status=sleeping",
        "/v1/runs?status=",
        "/v1/runs?workflow=A",
        "/v1/runs?id=a%20b",
        "/v1/runs?id=%ff",
        "/v1/runs?cursor=here",
        "/v1/runs/a/result?wait=forever",
        "/v1/runs/a/result?wait=11m",
        "/v1/runs/a/result?wait=-1s",
        "/v1/runs/a/history?from=-1",
        "/v1/runs/a/history?from=99999999999999999999999",
        "/v1/runs/a/history?wait=1h",
    ] {
        refused(&server.get(path).await, 400, "invalid-argument", "`");
    }
    let path = server.waiting("w").await;
    let stream = server.request(Method::GET, &format!("{path}/history")).header("accept", "text/event-stream");
    refused(&server.send(stream.header("last-event-id", "x")).await, 400, "invalid-argument", "Last-Event-ID");
    for name in ["%0a", "%ff", &"x".repeat(129)] {
        refused(&server.post_text(&format!("{path}/signals/{name}"), "").await, 400, "invalid-argument", "name");
    }
    for key in ["", "a b", &"k".repeat(300)] {
        let signal = server.request(Method::POST, &format!("{path}/signals/go")).header("idempotency-key", key);
        refused(&server.send(signal).await, 400, "invalid-argument", "key");
    }
    // Far beyond the end is a page without events, not an error.
    let beyond = server.get(&format!("{path}/history?from=18446744073709551615")).await;
    assert_eq!((beyond.status, &beyond.body["events"]), (200, &json!([])));
}

#[tokio::test]
async fn bodies_that_are_no_json_or_another() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    for (body, position) in [
        (&b"{"[..], "line 1 column 1"),
        (b"{\"workflow\": \"waiter\",\n \"input\": nope}", "line 2 column 12"),
        (b"", "line 1 column 0"),
        (b"{}{}", ""),
        (b"\xff\xfe", "byte 0"),
        (b"{\"workflow\": \"\xc3\x28\"}", "byte 14"),
    ] {
        let answer = server.post_text("/v1/runs", body).await;
        assert!(answer.status == 400, "{answer:?}");
        if !position.is_empty() {
            refused(&answer, 400, "invalid-json", position);
        }
    }
    for (body, detail) in [
        ("[]", "line 1"),
        ("\"waiter\"", "line 1"),
        ("{}", "missing field `workflow`"),
        (r#"{"workflow": 5}"#, "line 1 column 14"),
        (r#"{"workflow": "A B"}"#, "`A B` is no workflow name"),
        (r#"{"workflow": "waiter", "id": "run_x"}"#, "`run_x` is no run id"),
        (r#"{"workflow": "waiter", "inputs": {}}"#, "unknown field `inputs`"),
        (r#"{"workflow": "waiter", "if_running": "maybe"}"#, "unknown variant `maybe`"),
        (r#"{"workflow": "waiter", "version": "A b"}"#, "`A b` is no version"),
    ] {
        refused(&server.post_text("/v1/runs", body).await, 400, "invalid-argument", detail);
    }
    refused(&server.post_text(&format!("{path}/signals/go"), "go").await, 400, "invalid-json", "line 1 column 1");
    refused(&server.post_text(&format!("{path}/queries/phase"), "{]").await, 400, "invalid-json", "");
    refused(&server.post_text(&format!("{path}/cancel"), "{\"why\": 1}").await, 400, "invalid-argument", "`why`");
    refused(&server.post_text(&format!("{path}/resume"), "{\"version\": 1}").await, 400, "invalid-argument", "");
    refused(&server.post_text(&format!("{path}/queries/nothing"), "").await, 404, "query-not-found", "nothing");
}

/// Nesting that would overflow the stack of a parser by recursion, in every place that takes any JSON.
#[tokio::test]
async fn deep_nesting() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    let start = format!(r#"{{"workflow": "waiter", "id": "deep", "input": {deep}}}"#);
    for (place, body) in [
        ("/v1/runs".to_owned(), start.as_str()),
        (format!("{path}/queries/phase"), deep.as_str()),
        (format!("{path}/signals/go"), deep.as_str()),
    ] {
        let answer = server.post_text(&place, body.to_owned()).await;
        assert!(answer.status < 500, "{place}: {answer:?}");
    }
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn files_that_are_no_workflows() {
    let server = Server::start().await;
    let good = guest("waiter");
    let component = |wat: &str| wat.to_owned().into_bytes();
    for (what, file) in [
        ("nothing", Vec::new()),
        ("text", b"hello".to_vec()),
        ("zeros", vec![0; 1 << 16]),
        ("the first eight bytes", good[..8].to_vec()),
        ("a core module", b"\0asm\x01\0\0\0".to_vec()),
        ("an empty component", b"\0asm\x0d\0\x01\0".to_vec()),
        ("an ELF file", std::fs::read(std::env::current_exe().unwrap()).unwrap()[..1 << 20].to_vec()),
        ("component text without an export", component("(component)")),
        (
            "component text with an unknown import",
            component(r#"(component (import "acme:billing/charge@1.0.0" (instance (export "pay" (func)))))"#),
        ),
    ] {
        let answer = server.post_text("/v1/versions?name=a", file).await;
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("invalid-component")), "{what}: {answer:?}");
        let answer = server.post_text("/v1/versions?name=waiter", good.clone()).await;
        assert!(answer.status < 300, "after {what}: {answer:?}");
    }
    refused(&server.post_text("/v1/versions", good.clone()).await, 400, "invalid-argument", "?name=");
    refused(&server.post_text("/v1/versions?name=A", good.clone()).await, 400, "invalid-argument", "`A`");
    assert_eq!(server.get("/v1/workflows/a").await.status, 404);

    let path = server.waiting("w").await;
    refused(&server.post_text(&format!("{path}/replay"), "no component").await, 422, "invalid-component", "");
}

/// A file that was cut or damaged on its way is refused wherever that happened.
#[tokio::test]
async fn files_that_are_damaged() {
    let server = Server::start().await;
    let good = guest("waiter");
    let cuts = (0..32).map(|part| good[..good.len() * part / 32].to_vec()).chain([good[..good.len() - 1].to_vec()]);
    for file in cuts {
        let bytes = file.len();
        let answer = server.post_text("/v1/versions?name=a", file).await;
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("invalid-component")), "{bytes}: {answer:?}");
    }
    for part in 0..32 {
        let mut damaged = good.to_vec();
        let place = 8 + good.len() * part / 33;
        damaged[place..place + 64].iter_mut().for_each(|byte| *byte ^= 0xff);
        let answer = server.post_text("/v1/versions?name=a", damaged).await;
        // Some damage is not to be seen: text in a data segment, the name of a function.
        assert!(answer.status < 300 || answer.status == 422, "at {place}: {answer:?}");
    }
    assert_eq!(server.deploy("waiter").await.status, 201);
}

/// What is no HTTP at all.
#[tokio::test]
async fn noise_on_the_wire() {
    let server = Server::start().await;
    let address = server.url.trim_start_matches("http://");
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/1.1\r\nhost: \xff\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n{",
        b"POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/runs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18446744073709551615\r\n\r\n",
        b"GET * HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"GET http://localhost HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(noise).await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Whatever it says, or nothing: it has to be there for the next one.
        let _ = connection.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2") && !answer.starts_with(b"HTTP/1.1 5"), "{noise:?}");
        assert_eq!(server.get("/readyz").await.status, 200);
    }
}
