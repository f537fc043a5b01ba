//! Task queues and calls that are answered by their token. Every answer is held against the document.

use std::path::Path;
use std::sync::Arc;

use abide_activities::Activities;
use abide_model::SystemClock;
use abide_server::Config;
use abide_tests::LocalHost;
use serde_json::{Value, json};

use crate::support::{Server, open};

const CONFIG: &str = r#"
    [workers.desk]
    max_waiting = 1
    retry = { max_attempts = 1 }
    [[workers.desk.tool]]
    name = "sign"
    description = "Signs."
"#;

async fn server() -> Server {
    let config = Config::parse(CONFIG, Path::new("abide.toml")).unwrap();
    let activities = Activities::new(config.activities, Path::new("."), Arc::new(SystemClock)).unwrap();
    let server = Server::over(LocalHost::new(activities).await, open()).await;
    assert_eq!(server.deploy("steps").await.status, 201);
    server
}

async fn start(server: &Server, id: &str) {
    let input = json!({"steps": 1, "provider": "desk", "tool": "sign"});
    let started = server.post("/v1/runs", &json!({"workflow": "steps", "id": id, "input": input})).await;
    assert_eq!(started.status, 201, "{started:?}");
}

async fn take(server: &Server) -> Value {
    let polled = server.post("/v1/tasks/desk/poll", &json!({"worker": "ada", "wait_ms": 30_000})).await;
    assert_eq!(polled.status, 200, "{polled:?}");
    polled.body["tasks"][0].clone()
}

#[tokio::test]
async fn a_task_from_its_poll_to_its_result() {
    let server = server().await;
    start(&server, "a").await;
    let task = take(&server).await;
    assert_eq!((&task["tool"], &task["arguments"], &task["attempt"]), (&json!("sign"), &json!({"step": 0}), &json!(1)));
    let beat = server.post("/v1/tasks/desk/heartbeat", &json!({"token": task["token"], "details": 1})).await;
    assert_eq!(beat.body, json!({"cancelled": false, "lease_ms": 30_000}));
    let queues = server.get("/v1/tasks").await;
    let desk = &queues.body["queues"][0];
    assert_eq!(
        (&desk["leased"], &desk["workers"][0]["worker"], &desk["tools"]),
        (&json!(1), &json!("ada"), &json!(["sign"]))
    );
    let done = json!({"token": task["token"], "result": "signed", "is_error": false});
    assert_eq!(server.post("/v1/tasks/desk/complete", &done).await.body, json!({"duplicate": false}));
    assert_eq!(server.post("/v1/tasks/desk/complete", &done).await.body, json!({"duplicate": true}));
    assert_eq!(server.get("/v1/runs/a/result?wait=30s").await.body["outcome"], json!({"ok": 1}));
}

#[tokio::test]
async fn a_task_that_fails_and_one_that_is_answered_later() {
    let server = server().await;
    start(&server, "a").await;
    let token = take(&server).await["token"].clone();
    let failure = json!({"code": "denied", "message": "not today", "details": [1]});
    let failed = server.post("/v1/tasks/desk/fail", &json!({"token": token, "failure": failure})).await;
    assert_eq!(failed.body, json!({"duplicate": false}));
    assert_eq!(server.get("/v1/runs/a/result?wait=30s").await.body["outcome"]["failed"]["code"], "denied");

    start(&server, "b").await;
    let token = take(&server).await["token"].clone();
    for _ in 0..2 {
        let deferred = server.post("/v1/tasks/desk/defer", &json!({"token": token, "later": true})).await;
        assert_eq!(deferred.body, json!({"deferred": true}));
    }
    let history = server.get("/v1/runs/b/history").await.body;
    let kinds: Vec<_> = history["events"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert_eq!(json!(kinds), json!(["run-started", "call-requested", "call-deferred"]));
    let path = format!("/v1/completions/{}", token.as_str().unwrap());
    assert_eq!(server.post(&path, &json!({"ok": {"by": "ada"}})).await.body, json!({"duplicate": false}));
    assert_eq!(server.get("/v1/runs/b/result?wait=30s").await.body["outcome"], json!({"ok": 1}));
    assert_eq!(server.post_text("/v1/runs/b/replay", "").await.body["verdict"], "identical");
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_cancelled_run_takes_its_task_along() {
    let server = server().await;
    start(&server, "a").await;
    while server.get("/v1/tasks").await.body["queues"][0]["waiting"] != 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    start(&server, "b").await;
    let refused = server.get("/v1/runs/b/result?wait=30s").await.body;
    assert_eq!(refused["outcome"]["failed"]["code"], "queue-full", "{refused}");
    assert_eq!(server.post("/v1/runs/a/terminate", &json!({})).await.status, 200);
    while server.get("/v1/tasks").await.body["queues"][0]["waiting"] != 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let polled = server.post("/v1/tasks/desk/poll", &json!({"worker": "ada", "wait_ms": 0})).await;
    assert_eq!(polled.body, json!({"tasks": []}));
}

#[tokio::test]
async fn bad_requests_are_told_what_is_wrong() {
    let server = server().await;
    let nobody = "run_01hf7yat00000000000000000f:0:1";
    for (path, body, status, code) in [
        ("/v1/tasks/other/poll", json!({"worker": "a"}), 404, "queue-not-found"),
        ("/v1/tasks/desk/poll", json!({}), 400, "invalid-argument"),
        ("/v1/tasks/desk/poll", json!({"worker": "a", "max_tasks": 0}), 400, "invalid-argument"),
        ("/v1/tasks/desk/complete", json!({"token": nobody}), 404, "task-not-found"),
        (
            "/v1/tasks/desk/fail",
            json!({"token": nobody, "failure": {"code": "a b", "message": ""}}),
            400,
            "invalid-argument",
        ),
        ("/v1/tasks/desk/heartbeat", json!({"token": "run:0:1"}), 400, "invalid-argument"),
        ("/v1/tasks/desk/defer", json!({"token": nobody}), 404, "task-not-found"),
        ("/v1/completions/x", json!({"ok": 1}), 400, "invalid-argument"),
        ("/v1/completions/run_01hf7yat00000000000000000f:0:1", json!({"done": 1}), 400, "invalid-argument"),
    ] {
        let answer = server.post(path, &body).await;
        assert_eq!((answer.status, answer.body["code"].as_str().unwrap()), (status, code), "{path}: {answer:?}");
    }
}
