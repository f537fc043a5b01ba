//! Schedules over HTTP; every answer is held against the document.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PATIENCE, Server};

const ID: &str = "caf\u{e9}#1";
const PATH: &str = "/v1/schedules/caf%C3%A9%231";

/// Due every hour: not while the test goes on, but for once if it is unlucky.
fn spec() -> Value {
    json!({"workflow": "waiter", "cron": ["17 * * * *"], "time_zone": "Europe/Zurich", "input": {"n": 1}})
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, detail: &str) {
    assert_eq!((answer.status, answer.body["code"].as_str().unwrap()), (status, code), "{answer:?}");
    assert!(answer.body["detail"].as_str().unwrap().contains(detail), "{answer:?}");
}

#[tokio::test]
async fn a_schedule_from_its_making_to_its_end() {
    let server = Server::start().await;
    server.deploy("waiter").await;
    let create = json!({"id": ID, "spec": spec(), "note": "as agreed"});
    let created = server.post("/v1/schedules", &create).await;
    assert_eq!((created.status, created.headers["location"].to_str().unwrap()), (201, PATH));
    assert_eq!(created.body["spec"]["input"], json!({"n": 1}));
    assert_eq!(created.body["spec"]["overlap"], "skip");
    assert_eq!(created.body["next_due_ms"].as_array().unwrap().len(), 5);
    refused(&server.post("/v1/schedules", &create).await, 409, "schedule-exists", "another id");
    assert_eq!(server.get(PATH).await.body["note"], "as agreed");

    let paused = server.post(&format!("{PATH}/pause"), &json!({"note": "not now"})).await;
    assert_eq!((&paused.body["paused"], &paused.body["next_due_ms"]), (&json!(true), &json!([])));
    let triggered = server.post_text(&format!("{PATH}/trigger"), "").await;
    assert_eq!(triggered.body["outcome"], "started", "{triggered:?}");
    assert!(triggered.body["run"]["id"].as_str().unwrap().starts_with("caf\u{e9}#1-20"), "{triggered:?}");
    let again = server.post_text(&format!("{PATH}/trigger"), "{}").await;
    assert_eq!((&again.body["outcome"], again.body.get("run")), (&json!("skipped"), None));
    let unpaused = server.post_text(&format!("{PATH}/unpause"), "").await;
    assert_eq!((&unpaused.body["paused"], unpaused.body.get("note")), (&json!(false), None));

    // Two hours of the past; nobody wrote down when this test runs.
    let created_ms = created.body["created_ms"].as_u64().unwrap();
    let range = json!({"from_ms": created_ms - 7_200_000, "to_ms": created_ms, "overlap": "allow_all"});
    assert_eq!(server.post(&format!("{PATH}/backfill"), &range).await.status, 200);
    let began = std::time::Instant::now();
    loop {
        let found = server.get(PATH).await.body;
        if found["counts"]["started"] == 3 && found.get("backfills").is_none() {
            assert_eq!(found["counts"]["skipped"], 1);
            assert_eq!(found["recent"].as_array().unwrap().len(), 3);
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{found}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let put = |body: Value| server.send(server.request(Method::PUT, PATH).body(body.to_string()));
    let other = put(json!({"workflow": "waiter", "intervals": [{"every_ms": 60000}], "overlap": "buffer_one"})).await;
    assert_eq!((other.status, &other.body["spec"]["intervals"][0]["offset_ms"]), (200, &json!(0)), "{other:?}");
    refused(&put(json!({"workflow": "waiter"})).await, 400, "invalid-argument", "never due");

    let deleted = server.send(server.request(Method::DELETE, PATH)).await;
    assert_eq!((deleted.status, &deleted.body["id"]), (200, &json!(ID)));
    refused(&server.send(server.request(Method::DELETE, PATH)).await, 404, "schedule-not-found", "abide schedule list");
}

#[tokio::test]
async fn schedules_are_listed_in_pages() {
    let server = Server::start().await;
    for id in ["c", "a", "b"] {
        let created = server.post("/v1/schedules", &json!({"id": id, "spec": spec(), "paused": id == "b"})).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    let page = server.get("/v1/schedules?limit=2").await.body;
    let shown: Vec<_> = page["schedules"].as_array().unwrap().iter().map(|one| (&one["id"], &one["paused"])).collect();
    assert_eq!(shown, [(&json!("a"), &json!(false)), (&json!("b"), &json!(true))]);
    let next = server.get(&format!("/v1/schedules?limit=2&cursor={}", page["next"].as_str().unwrap())).await.body;
    assert_eq!((&next["schedules"][0]["id"], next.get("next")), (&json!("c"), None));
}

#[tokio::test]
async fn what_is_no_schedule_is_refused() {
    let server = Server::start().await;
    let create = |change: fn(&mut Value)| {
        let mut body = json!({"id": "s", "spec": spec()});
        change(&mut body);
        body
    };
    for (body, words) in [
        (create(|body| body["id"] = json!("a b")), "no schedule id"),
        (create(|body| body["id"] = json!("run_1")), "no schedule id"),
        (create(|body| body["id"] = json!("x".repeat(129))), "no schedule id"),
        (create(|body| body["spec"]["cron"] = json!(["every day"])), "no cron expression"),
        (create(|body| body["spec"]["time_zone"] = json!("Moon")), "no time zone"),
        (create(|body| body["spec"]["overlap"] = json!("sometimes")), "sometimes"),
        (create(|body| body["spec"]["crons"] = json!([])), "unknown field `crons`"),
        (create(|body| body["spec"]["jitter_ms"] = json!(-1)), "line 1"),
    ] {
        refused(&server.post("/v1/schedules", &body).await, 400, "invalid-argument", words);
    }
    let large = create(|body| body["spec"]["input"] = json!("x".repeat(70_000)));
    refused(&server.post("/v1/schedules", &large).await, 413, "too-large", "65536");
    for path in ["/v1/schedules/a%20b", "/v1/schedules?cursor=", "/v1/schedules?limit=0", "/v1/schedules?paused=1"] {
        refused(&server.get(path).await, 400, "invalid-argument", "`");
    }
    refused(&server.get("/v1/schedules/nobody").await, 404, "schedule-not-found", "`nobody`");
    for verb in ["pause", "unpause", "trigger"] {
        let answer = server.post_text(&format!("/v1/schedules/nobody/{verb}"), "").await;
        refused(&answer, 404, "schedule-not-found", "`nobody`");
    }
    server.post("/v1/schedules", &create(|_| ())).await;
    refused(&server.post_text("/v1/schedules/s/trigger", "").await, 404, "workflow-not-found", "waiter");
    refused(&server.post_text("/v1/schedules/s/pause", "{\"why\":1}").await, 400, "invalid-argument", "why");
    refused(
        &server.post("/v1/schedules/s/backfill", &json!({"from_ms": 2, "to_ms": 1})).await,
        400,
        "invalid-argument",
        "past",
    );
}
