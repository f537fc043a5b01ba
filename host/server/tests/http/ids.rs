//! What a start does about other runs of its id.

use serde_json::{Value, json};

use crate::support::{Answer, Server};

async fn start(server: &Server, id: &str, more: Value) -> Answer {
    let mut body = json!({"workflow": "waiter", "id": id});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post("/v1/runs", &body).await
}

#[tokio::test]
async fn an_id_is_used_again_only_where_the_start_allows_it() {
    let server = Server::start().await;
    let first = server.waiting("w").await;
    assert_eq!(server.post("/v1/runs/w/signals/go", &json!(1)).await.status, 202);
    assert_eq!(server.get(&format!("{first}/result?wait=30s")).await.body["status"], "completed");
    for id_reuse in ["reject", "allow_after_failure"] {
        let refused = start(&server, "w", json!({ "id_reuse": id_reuse })).await;
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("run-id-used")), "{refused:?}");
        assert_eq!(first.rsplit('/').next(), refused.body["run_id"].as_str());
    }
    assert_eq!(start(&server, "w", json!({})).await.status, 201, "by default an id is free again");
    assert_eq!(server.post("/v1/runs/w/terminate", &json!({})).await.status, 200);
    assert_eq!(start(&server, "w", json!({"id_reuse": "reject"})).await.status, 409);
    assert_eq!(start(&server, "w", json!({"id_reuse": "allow_after_failure"})).await.status, 201);
    let unknown = start(&server, "w", json!({"id_reuse": "sometimes"})).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (400, &json!("invalid-argument")));
}

#[tokio::test]
async fn an_open_run_is_replaced() {
    let server = Server::start().await;
    let first = server.waiting("w").await;
    let second = start(&server, "w", json!({"if_running": "terminate"})).await;
    assert_eq!((second.status, &second.body["created"]), (201, &json!(true)), "{second:?}");
    let ended = server.get(&first).await.body;
    assert_eq!(ended["run"]["status"], "terminated", "{ended}");
    let events = server.get(&format!("{first}/history")).await.body;
    let last = events["events"].as_array().unwrap().last().unwrap();
    let why = format!("run {} takes over its id", second.body["run"]["run_id"].as_str().unwrap());
    assert_eq!(last["reason"], why.as_str(), "{last}");

    // The new one is driven: it takes its signal.
    assert_eq!(server.post("/v1/runs/w/signals/go", &json!(2)).await.status, 202);
    let result = server.get("/v1/runs/w/result?wait=30s").await.body;
    assert_eq!((&result["run_id"], &result["outcome"]), (&second.body["run"]["run_id"], &json!({"ok": 2})));
    // Nothing to terminate: it simply starts.
    assert_eq!(start(&server, "w", json!({"if_running": "terminate"})).await.status, 201);

    let contradiction = start(&server, "w", json!({"if_running": "terminate", "id_reuse": "reject"})).await;
    assert_eq!((contradiction.status, &contradiction.body["code"]), (400, &json!("invalid-argument")));
}

#[tokio::test]
async fn of_many_that_replace_a_run_each_starts_and_one_stays() {
    let server = std::sync::Arc::new(Server::start().await);
    server.waiting("w").await;
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let server = server.clone();
        starts.spawn(async move { start(&server, "w", json!({"if_running": "terminate"})).await });
    }
    let started = starts.join_all().await.iter().filter(|answer| answer.status == 201).count();
    let listed = server.get("/v1/runs?id=w").await.body;
    let statuses: Vec<_> = listed["runs"].as_array().unwrap().iter().map(|run| run["status"].clone()).collect();
    assert_eq!(statuses.len(), started + 1, "each start that was answered is there: {listed}");
    assert_eq!(statuses.iter().filter(|status| *status == "running").count(), 1, "{listed}");
}
