//! Requests that wait for the run's answer, runs that go on as others, and bad requests for either.

use serde_json::{Value, json};

use crate::support::Server;

async fn approval(server: &Server, id: &str) {
    server.deploy("approval").await;
    let input = json!({ "cents": 500, "by": "bob", "patience_ms": 3_600_000 });
    let start = json!({ "workflow": "approval", "id": id, "input": input });
    assert_eq!(server.post("/v1/runs", &start).await.status, 201);
}

#[tokio::test]
async fn an_update_is_answered_and_found_again() {
    let server = Server::start().await;
    approval(&server, "e").await;
    let path = "/v1/runs/e/updates";
    let own = json!({ "id": "u-1", "name": "decide", "arguments": { "approve": true, "by": "bob" } });
    let rejected = server.post(path, &own).await;
    assert_eq!((rejected.status, &rejected.body["status"]), (200, &json!("rejected")), "{rejected:?}");
    assert_eq!(rejected.body["outcome"]["failed"]["code"], "not-allowed");
    let early = server.post(&format!("{path}?wait=10ms"), &json!({ "id": "u-2", "name": "other" })).await;
    assert_eq!((early.status, &early.body["status"]), (200, &json!("received")), "{early:?}");

    let decision = json!({ "id": "u-3", "name": "decide", "arguments": { "approve": true, "by": "ada" } });
    let answered = server.post(path, &decision).await;
    assert_eq!(answered.body["outcome"]["ok"]["approved"], true, "{answered:?}");
    assert_eq!(server.post(path, &decision).await.body, answered.body, "the same update, the same answer");
    assert_eq!(server.get(&format!("{path}/u-3")).await.body, answered.body);
    let ended = server.get(&format!("{path}/u-2?wait=1s&wait_for=accepted")).await;
    assert_eq!(ended.body["outcome"]["failed"]["code"], "run-closed", "{ended:?}");
}

#[tokio::test]
async fn bad_updates_are_refused_by_name() {
    let server = Server::start().await;
    approval(&server, "e").await;
    let refused = async |path: &str, body: Value| {
        let answer = server.post(path, &body).await;
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    };
    let bad = |status, code: &str| (status, code.to_owned());
    let path = "/v1/runs/e/updates";
    assert_eq!(refused(path, json!({})).await, bad(400, "invalid-argument"));
    assert_eq!(refused(path, json!({ "name": "" })).await, bad(400, "invalid-argument"));
    assert_eq!(refused(path, json!({ "name": "a", "id": "not visible" })).await, bad(400, "invalid-argument"));
    assert_eq!(refused(path, json!({ "name": "a", "wait_for": "ever" })).await, bad(400, "invalid-argument"));
    assert_eq!(refused("/v1/runs/nobody/updates", json!({ "name": "a" })).await, bad(404, "run-not-found"));
    let unknown = server.get(&format!("{path}/u-9")).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!("update-not-found")));
    assert_eq!(server.get(&format!("{path}/u-9?wait_for=ever")).await.status, 400);
    let first = json!({ "id": "u", "name": "decide", "arguments": { "approve": true, "by": "ada" } });
    assert_eq!(server.post(path, &first).await.status, 200);
    assert_eq!(refused(path, json!({ "id": "u", "name": "else" })).await, bad(409, "idempotency-conflict"));
    assert_eq!(refused(path, json!({ "id": "late", "name": "decide" })).await, bad(409, "run-closed"));
}

#[tokio::test]
async fn a_start_takes_a_timeout_and_a_signal() {
    let server = Server::start().await;
    server.deploy("waiter").await;
    let start = json!({ "workflow": "waiter", "id": "w", "signal": { "name": "go", "payload": 7 } });
    assert_eq!(server.post("/v1/runs", &start).await.status, 201);
    assert_eq!(server.get("/v1/runs/w/result?wait=30s").await.body["outcome"], json!({ "ok": 7 }));
    let start = json!({ "workflow": "waiter", "id": "short", "run_timeout_ms": 50 });
    assert_eq!(server.post("/v1/runs", &start).await.status, 201);
    let ended = server.get("/v1/runs/short/result?wait=30s").await.body;
    assert_eq!(ended["status"], "timed_out", "{ended}");
    for bad in [json!({ "run_timeout_ms": 0 }), json!({ "signal": { "name": "" } }), json!({ "signal": 7 })] {
        let mut start = json!({ "workflow": "waiter" });
        start.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        assert_eq!(server.post("/v1/runs", &start).await.status, 400, "{start}");
    }
}

#[tokio::test]
async fn a_run_is_reset() {
    let server = Server::start().await;
    let old = server.waiting("w").await;
    assert_eq!(server.post("/v1/runs/w/signals/go", &json!(1)).await.status, 202);
    assert_eq!(server.get("/v1/runs/w/result?wait=30s").await.body["status"], "completed");
    let reset = server.post(&format!("{old}/reset"), &json!({ "event": 2 })).await;
    assert_eq!(reset.status, 201, "{reset:?}");
    // The signal came after that event: it comes along.
    let ended = server.get("/v1/runs/w/result?wait=30s").await.body;
    assert_eq!((&ended["run_id"], &ended["outcome"]), (&reset.body["run"]["run_id"], &json!({ "ok": 1 })));
    for (body, code) in [
        (json!({ "event": 0 }), "invalid-argument"),
        (json!({ "event": 99 }), "invalid-argument"),
        (json!({}), "invalid-argument"),
        (json!({ "event": 2, "version": "Z z" }), "invalid-argument"),
        (json!({ "event": 2, "version": "zz" }), "version-not-found"),
        (json!({ "event": 2, "version": "0123abcd" }), "version-not-found"),
    ] {
        let refused = server.post(&format!("{old}/reset"), &body).await;
        assert_eq!(refused.body["code"], code, "{body}: {refused:?}");
    }
}
