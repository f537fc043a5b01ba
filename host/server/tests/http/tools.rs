//! Tool components and files that are looked at, over HTTP; every answer is held against the document.

use std::path::Path;
use std::sync::Arc;

use abide_activities::{Activities, ActivitiesConfig};
use abide_model::SystemClock;
use abide_server::Options;
use abide_tests::{LocalHost, guest};
use bytes::Bytes;
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Server, open};

/// A host that has a sandbox for tool components.
async fn server() -> Server {
    let activities = Activities::new(ActivitiesConfig::default(), Path::new(""), Arc::new(SystemClock))
        .expect("no configuration is fine");
    Server::over(LocalHost::new(activities).await, open()).await
}

async fn put(server: &Server, path: &str, file: impl Into<Bytes>) -> Answer {
    server.send(server.request(Method::PUT, path).body(file.into())).await
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, detail: &str) {
    assert_eq!((answer.status, answer.body["code"].as_str().unwrap()), (status, code), "{answer:?}");
    assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{answer:?}");
}

#[tokio::test]
async fn a_tool_component_from_its_upload_to_its_end() {
    let server = server().await;
    assert_eq!(server.get("/v1/tools").await.body, json!({"tools": []}));
    let created =
        put(&server, "/v1/tools/crm?settings=%7B%22env%22%3A%7B%22A%22%3A%22b%22%7D%7D", guest("crm-tool")).await;
    assert_eq!((created.status, &created.body["created"]), (201, &json!(true)), "{created:?}");
    assert_eq!(created.body["tool"]["settings"]["env"], json!({"A": "b"}));
    let shown = server.get("/v1/tools/crm").await;
    assert_eq!((shown.status, &shown.body), (200, &created.body["tool"]));
    let replaced = put(&server, "/v1/tools/crm", guest("crm-tool")).await;
    assert_eq!((replaced.status, &replaced.body["tool"]["settings"]["env"]), (200, &json!({})), "{replaced:?}");
    assert_eq!(server.deploy("crm-flow").await.status, 201);
    let delete = || server.send(server.request(Method::DELETE, "/v1/tools/crm"));
    refused(&delete().await, 409, "tool-in-use", "`crm-flow`");
    server.post_text("/v1/versions?name=crm-flow", guest("steps")).await;
    let deleted = delete().await;
    assert_eq!((deleted.status, &deleted.body), (200, &json!({"name": "crm"})), "{deleted:?}");
    refused(&delete().await, 404, "tool-not-found", "abide tools");
}

#[tokio::test]
async fn what_is_no_tool_component_is_refused() {
    let server = server().await;
    for (path, status, code, detail) in [
        ("/v1/tools/a%20b", 400, "invalid-argument", "1 to 64 characters"),
        ("/v1/tools/%FF", 400, "invalid-argument", "UTF-8"),
        ("/v1/tools/a?settings=", 400, "invalid-argument", "no settings"),
        ("/v1/tools/a?settings=%5B%5D", 400, "invalid-argument", "settings"),
        ("/v1/tools/a?setting=%7B%7D", 400, "invalid-argument", "`setting` is no parameter"),
        ("/v1/tools/a?settings=%7B%22secret%22%3A1%7D", 400, "invalid-argument", "unknown field `secret`"),
        ("/v1/tools/a?settings=%7B%22pass_env%22%3A%5B%22PATH%22%5D%7D", 400, "invalid-argument", "[tool_uploads]"),
    ] {
        refused(&put(&server, path, guest("crm-tool")).await, status, code, detail);
    }
    for file in [&b""[..], b"\0asm", b"no component"] {
        refused(&put(&server, "/v1/tools/a", file).await, 422, "invalid-component", "");
    }
    refused(&put(&server, "/v1/tools/a", guest("waiter")).await, 422, "invalid-component", "");
    refused(&server.get("/v1/tools/a").await, 404, "tool-not-found", "`a`");
    refused(&server.get("/v1/tools/a%0Ab").await, 404, "tool-not-found", "a\\nb");
    let small = Server::over(
        LocalHost::new(abide_tests::ScriptedPerformer::echoing()).await,
        Options { max_component_bytes: 10, ..open() },
    )
    .await;
    refused(&put(&small, "/v1/tools/a", guest("crm-tool")).await, 413, "too-large", "10 bytes");
    refused(&put(&small, "/v1/tools/a", &b"short"[..]).await, 503, "unavailable", "sandbox");
}

#[tokio::test]
async fn a_file_is_looked_at_and_not_stored() {
    let server = server().await;
    let waiter = server.post_text("/v1/inspect", guest("waiter")).await;
    assert_eq!((waiter.status, &waiter.body["accepted"]), (200, &json!(true)), "{waiter:?}");
    assert_eq!(waiter.body["world"], "abide:workflow/workflow-with-query");
    // What an interface is bound to, only the host knows.
    let flow = server.post_text("/v1/inspect", guest("crm-flow")).await;
    assert_eq!(flow.body["accepted"], false);
    let refusals = flow.body["refusals"].to_string();
    assert!(refusals.contains("nobody performs `acme:crm/customers@1.2.0`"), "{refusals}");
    put(&server, "/v1/tools/crm", guest("crm-tool")).await;
    assert_eq!(server.post_text("/v1/inspect", guest("crm-flow")).await.body["accepted"], true);
    let broken = server.post_text("/v1/inspect", "no component").await;
    assert_eq!(
        (broken.status, &broken.body["kind"], &broken.body["accepted"]),
        (200, &json!("unknown"), &json!(false))
    );
    assert_eq!(server.get("/v1/workflows").await.body, json!({"workflows": []}));
}
