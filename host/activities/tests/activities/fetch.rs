//! `http.fetch`: what it may reach, what it sends, and what comes back.

use std::time::Duration;

use abide_activities::{Activities, Performed};
use abide_model::{CallKind, CallOptions};
use serde_json::{Value, json};

use crate::common::{Server, activities, answer, failure, fast, options, perform, raw, response, verdict};

async fn fetch(activities: &Activities, request: Value, options: CallOptions) -> Performed {
    perform(activities, CallKind::HttpFetch, &request, &[], options).await
}

fn allowing(server: &Server) -> Activities {
    activities(&format!("[http]\nallow = [\"{}\"]", server.address))
}

#[tokio::test]
async fn a_request_and_its_answer() {
    let server = Server::start(|_| response(201, &[("x-a", "1"), ("x-a", "2")], "made")).await;
    let request = json!({
        "method": "POST",
        "url": server.url("/things?q=1#part"),
        "headers": [["X-B", "3"], ["accept-encoding", "br"]],
        "body": { "text": "a thing" },
    });
    let performed = fetch(&allowing(&server), request, options(r#"{"idempotency_key":"my-key"}"#)).await;
    let answer = answer(&performed);
    assert_eq!((&answer["status"], &answer["body"]), (&json!(201), &json!({ "text": "made" })));
    let given: Vec<_> = answer["headers"].as_array().unwrap().iter().filter(|header| header[0] == "x-a").collect();
    assert_eq!(given, [&json!(["x-a", "1"]), &json!(["x-a", "2"])]);
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("POST", "/things?q=1"));
    assert_eq!((seen.header("x-b"), seen.header("idempotency-key"), seen.body.as_str()), ("3", "my-key", "a thing"));
    assert_eq!(seen.header("accept-encoding"), "gzip", "the host says what it can read");
    assert!(seen.header("user-agent").starts_with("abide/"));
}

#[tokio::test]
async fn the_host_adds_its_key_for_the_host_that_it_is_for_alone() {
    let (server, other) =
        (Server::start(|_| response(200, &[], "made")).await, Server::start(|_| response(200, &[], "made")).await);
    let activities = activities(&format!(
        "[http]\nallow = [\"{0}\", \"{1}\"]\n[http.headers.\"{0}\"]\nauthorization = \"Bearer key\"",
        server.address, other.address
    ));
    for server in [&server, &other] {
        let headers = json!([["authorization", "Bearer mine"]]);
        let request = json!({ "method": "GET", "url": server.url("/"), "headers": headers });
        answer(&fetch(&activities, request, fast()).await);
    }
    assert_eq!(server.seen()[0].header("authorization"), "Bearer key");
    assert_eq!(other.seen()[0].header("authorization"), "Bearer mine");
}

#[tokio::test]
async fn only_what_is_allowed_is_reached() {
    let server = Server::start(|_| response(200, &[], "")).await;
    let nothing = activities("");
    let performed = fetch(&nothing, json!({ "method": "GET", "url": server.url("/") }), fast()).await;
    assert_eq!(verdict(&performed), ("denied", false, 0));
    let advice = format!("add \"{}\" to `allow` of `[http]`", server.address);
    assert!(failure(&performed).message.contains(&advice), "{}", failure(&performed).message);
    let other = json!({ "method": "GET", "url": format!("http://localhost:{}/", server.address.port()) });
    assert_eq!(verdict(&fetch(&allowing(&server), other, fast()).await), ("denied", false, 0));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_given_and_not_followed() {
    let server = Server::start(|_| response(302, &[("location", "http://169.254.169.254/")], "")).await;
    let performed = fetch(&allowing(&server), json!({ "method": "GET", "url": server.url("/") }), fast()).await;
    assert_eq!(answer(&performed)["status"], 302);
    assert_eq!((performed.attempts, server.seen().len()), (1, 1));
}

#[tokio::test]
async fn statuses_that_pass_are_tried_again_and_then_given() {
    for (status, attempts) in [(429, 3), (502, 3), (503, 3), (504, 3), (408, 3), (500, 1), (404, 1)] {
        let server = Server::start(move |_| response(status, &[], "no")).await;
        let request = json!({ "method": "GET", "url": server.url("/") });
        let options = options(r#"{"retry":{"initial_interval_ms":10,"max_attempts":3}}"#);
        let performed = fetch(&allowing(&server), request, options).await;
        assert_eq!((answer(&performed)["status"].clone(), performed.attempts), (json!(status), attempts));
        let keys: std::collections::BTreeSet<_> =
            server.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
        assert_eq!(keys.len(), 1);
    }
    let server = Server::start(|seen| match seen.place {
        0 => response(503, &[("retry-after", "1")], ""),
        _ => response(200, &[], "now"),
    })
    .await;
    let performed = fetch(&allowing(&server), json!({ "method": "GET", "url": server.url("/") }), fast()).await;
    assert_eq!(answer(&performed)["body"], json!({ "text": "now" }));
    let seen = server.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn bodies_are_bytes_within_limits() {
    let server = Server::start(|seen| match seen.uri.path() {
        "/bytes" => response(200, &[], vec![0xff, 0x00, 0xfe]),
        "/zipped" => response(200, &[("content-encoding", "gzip")], GZIPPED_HELLO.to_vec()),
        "/broken" => response(200, &[("content-encoding", "gzip")], "no gzip"),
        "/huge" => response(200, &[], vec![b'x'; 2_000_000]),
        _ => response(200, &[], seen.body.clone()),
    })
    .await;
    let activities = activities(&format!("[http]\nallow = [\"{}\"]\nmax_response_bytes = 1000000", server.address));
    let get = |path: &str| fetch(&activities, json!({ "method": "GET", "url": server.url(path) }), once());
    assert_eq!(answer(&get("/bytes").await)["body"], json!({ "base64": "/wD+" }));
    let zipped = answer(&get("/zipped").await);
    assert_eq!(zipped["body"], json!({ "text": "hello" }));
    assert!(!zipped["headers"].to_string().contains("content-encoding"));
    assert_eq!(verdict(&get("/broken").await), ("unavailable", true, 1));
    let huge = get("/huge").await;
    assert_eq!(verdict(&huge), ("response-too-large", false, 1));
    assert!(failure(&huge).message.contains("`max_response_bytes` of `[http]`"), "{}", failure(&huge).message);
    let echo = json!({ "method": "PUT", "url": server.url("/echo"), "body": { "base64": "aGVsbG8=" } });
    assert_eq!(answer(&fetch(&activities, echo, once()).await)["body"], json!({ "text": "hello" }));
}

/// `printf hello | gzip -n`.
const GZIPPED_HELLO: [u8; 25] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86, 0xa6,
    0x10, 0x36, 0x05, 0x00, 0x00, 0x00,
];

fn once() -> CallOptions {
    options(r#"{"retry":{"max_attempts":1}}"#)
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_huge_one_is_refused() {
    // 30 MB of zeros.
    let mut packed = Vec::new();
    {
        use std::io::Write as _;
        let child = std::process::Command::new("gzip")
            .args(["-9", "-c"])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn();
        let mut child = child.unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&vec![0; 30_000_000]).unwrap());
        packed.extend(child.wait_with_output().unwrap().stdout);
        writer.join().unwrap();
    }
    assert!(packed.len() < 100_000, "{}", packed.len());
    let server = Server::start(move |_| response(200, &[("content-encoding", "gzip")], packed.clone())).await;
    let performed = fetch(&allowing(&server), json!({ "method": "GET", "url": server.url("/") }), once()).await;
    assert_eq!(verdict(&performed), ("response-too-large", false, 1));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let server = Server::start(|_| response(200, &[], "")).await;
    let url = server.url("/");
    for request in [
        json!({ "method": "TRACE", "url": url }),
        json!({ "method": "GET", "url": "/x" }),
        json!({ "method": "GET", "url": "file:///etc/passwd" }),
        json!({ "method": "GET", "url": url, "headers": [["host", "evil"]] }),
        json!({ "method": "GET", "url": url, "headers": [["x", "a\r\nb: c"]] }),
        json!({ "method": "GET", "url": url, "body": { "base64": "%" } }),
        json!({ "url": url }),
    ] {
        let performed = fetch(&allowing(&server), request.clone(), fast()).await;
        assert_eq!(verdict(&performed), ("invalid-request", false, 0), "{request}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_broken_answer_is_no_answer() {
    let address = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhal").await;
    let activities = activities(&format!("[http]\nallow = [\"{address}\"]"));
    let performed =
        fetch(&activities, json!({ "method": "GET", "url": format!("http://{address}/secret-path") }), once()).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 1));
    assert!(!failure(&performed).message.contains("secret-path"), "{}", failure(&performed).message);
}
