//! Every route, used as it is meant.

use abide_tests::guest;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn uploads_and_workflows() {
    let server = Server::start().await;
    assert_eq!(server.get("/v1/workflows").await.body, json!({"workflows": []}));

    let first = server.deploy("waiter").await;
    assert_eq!((first.status, &first.body["created"]), (201, &json!(true)));
    assert_eq!(first.body["version"]["has_query"], true);
    let again = server.deploy("waiter").await;
    assert_eq!((again.status, &again.body["created"]), (200, &json!(false)));
    assert_eq!(again.body["version"], first.body["version"]);

    let other = server.post_text("/v1/versions?name=waiter", guest("steps")).await;
    assert_eq!(other.status, 201);
    let workflow = server.get("/v1/workflows/waiter").await;
    assert_eq!(workflow.status, 200);
    assert_eq!(workflow.body["active"], other.body["version"]["version"]);
    assert_eq!(workflow.body["versions"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/v1/workflows").await.body["workflows"], json!([workflow.body]));
}

#[tokio::test]
async fn a_run_from_its_start_to_its_replay() {
    let server = Server::start().await;
    let path = server.waiting("w-1").await;
    let run_id = path.rsplit('/').next().unwrap();

    let described = server.get("/v1/runs/w-1").await;
    assert_eq!(described.body["run"]["run_id"], run_id, "the id of the caller names its latest run");
    assert_eq!(described.body["run"]["status"], "running");

    let page = server.get(&format!("{path}/history?wait=30s&from=1")).await;
    assert_eq!(page.body["events"][0]["type"], "call-requested");
    assert_eq!(page.body["ended"], false);
    let described = server.get(&path).await;
    assert_eq!(described.body["published"], json!({"phase": "waiting"}));
    assert_eq!(described.body["open_calls"][0]["kind"], "signals.receive");

    assert_eq!(server.post_text(&format!("{path}/queries/phase"), "").await.body, "waiting");

    let early = server.get(&format!("{path}/result?wait=10ms")).await;
    assert_eq!((early.status, &early.body["code"], &early.body["run_id"]), (408, &json!("not-yet"), &json!(run_id)));

    let send = |key: &'static str, body: &'static str| {
        server
            .send(server.request(Method::POST, &format!("{path}/signals/go")).header("idempotency-key", key).body(body))
    };
    let signalled = send("k-1", r#"{"by": "ada"}"#).await;
    assert_eq!((signalled.status, &signalled.body["duplicate"]), (202, &json!(false)));

    let result = server.get(&format!("{path}/result?wait=30s")).await;
    assert_eq!(result.status, 200);
    assert_eq!(result.body["status"], "completed");
    assert_eq!(result.body["outcome"], json!({"ok": {"by": "ada"}}));

    let again = send("k-1", r#"{"by": "ada"}"#).await;
    assert_eq!((again.status, &again.body["duplicate"]), (202, &json!(true)), "{again:?}");
    assert_eq!(again.body["event"], signalled.body["event"]);
    let conflict = send("k-1", r#"{"by": "eve"}"#).await;
    assert_eq!((conflict.status, &conflict.body["code"]), (409, &json!("idempotency-conflict")));

    let replayed = server.post_text(&format!("{path}/replay"), "").await;
    assert_eq!(replayed.body["verdict"], "identical", "{replayed:?}");
    let diverged = server.post_text(&format!("{path}/replay"), guest("order-v1")).await;
    assert_eq!(diverged.body["verdict"], "diverged", "{diverged:?}");
    assert_eq!(diverged.body["reason"]["kind"], "divergence");
}

#[tokio::test]
async fn an_id_that_is_in_use() {
    let server = Server::start().await;
    let path = server.waiting("w-1").await;
    let run_id = path.rsplit('/').next().unwrap();
    let refused = server.post("/v1/runs", &json!({"workflow": "waiter", "id": "w-1"})).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("run-already-open")));
    assert_eq!(refused.body["run_id"], run_id);
    let used = server.post("/v1/runs", &json!({"workflow": "waiter", "id": "w-1", "if_running": "use"})).await;
    assert_eq!((used.status, &used.body["created"]), (200, &json!(false)));
    assert_eq!(used.body["run"]["run_id"], run_id);
    assert_eq!(used.headers["location"], path);
}

#[tokio::test]
async fn lists_in_pages_and_by_filter() {
    let server = Server::start().await;
    for number in 0..5 {
        server.waiting(&format!("w-{number}")).await;
    }
    let terminated = server.post("/v1/runs/w-3/terminate", &json!({"reason": "enough"})).await;
    assert_eq!(terminated.body["status"], "terminated");

    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/v1/runs?limit=2{cursor}")).await.body;
        assert!(page["runs"].as_array().unwrap().len() <= 2);
        ids.extend(page["runs"].as_array().unwrap().iter().map(|run| run["id"].clone()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(json!(ids), json!(["w-4", "w-3", "w-2", "w-1", "w-0"]));

    let ids = |body: Value| json!(body["runs"].as_array().unwrap().iter().map(|run| &run["id"]).collect::<Vec<_>>());
    let closed = server.get("/v1/runs?status=terminated&workflow=waiter").await.body;
    assert_eq!(ids(closed), json!(["w-3"]));
    assert_eq!(ids(server.get("/v1/runs?id=w-1").await.body), json!(["w-1"]));
    assert_eq!(ids(server.get("/v1/runs?workflow=other").await.body), json!([]));
}

#[tokio::test]
async fn cancels_terminates_and_resumes() {
    let server = Server::start().await;
    let path = server.waiting("w-1").await;
    let asked = server.post(&format!("{path}/cancel"), &json!({"reason": "not needed"})).await;
    assert_eq!((asked.status, &asked.body["cancel_requested"]), (200, &json!(true)));
    let result = server.get(&format!("{path}/result?wait=30s")).await;
    assert_eq!(result.body["status"], "cancelled");

    let path = server.waiting("w-2").await;
    assert_eq!(server.post_text(&format!("{path}/terminate"), "").await.body["status"], "terminated");
    let after = server.post_text(&format!("{path}/cancel"), "").await;
    assert_eq!((after.status, &after.body["code"]), (409, &json!("run-closed")));

    let path = server.waiting("w-3").await;
    let refused = server.post_text(&format!("{path}/resume"), "").await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("run-not-parked")));
}

#[tokio::test]
async fn a_parked_run_says_why_and_is_resumed() {
    let server = Server::start().await;
    server.deploy("faulty").await;
    let started = server.post("/v1/runs", &json!({"workflow": "faulty", "id": "f", "input": {"mode": "panic"}})).await;
    assert_eq!(started.status, 201, "{started:?}");
    while server.get("/v1/runs/f").await.body["run"]["status"] == "running" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let parked = server.get("/v1/runs/f").await.body;
    assert_eq!(parked["run"]["status"], "parked", "{parked}");
    assert_eq!(parked["run"]["parked"]["kind"], "trap", "{parked}");
    let resumed = server.post("/v1/runs/f/resume", &json!({})).await;
    assert_eq!(resumed.status, 200, "{resumed:?}");
    let unknown = server.post("/v1/runs/f/resume", &json!({"version": "00000000"})).await;
    assert!(["version-not-found", "run-not-parked"].contains(&unknown.body["code"].as_str().unwrap()), "{unknown:?}");
}

#[tokio::test]
async fn health_and_the_document() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.body["status"], "ok");
    assert_eq!(server.get("/readyz").await.body["status"], "ok");
    let document = server.get("/openapi.json").await;
    assert_eq!(document.body["openapi"], "3.1.0");
    let head = server.request(Method::HEAD, "/healthz").send().await.unwrap();
    assert_eq!(head.status(), 200);
}
