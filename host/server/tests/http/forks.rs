//! Forks, races and trees over HTTP, and bad requests for each.

use serde_json::json;

use crate::support::Server;

/// A run that waits, with three events.
async fn waiting(server: &Server) -> String {
    let path = server.waiting("w").await;
    assert_eq!(
        server.get(&format!("{path}/history?wait=30s&from=2")).await.body["events"].as_array().unwrap().len(),
        1
    );
    path
}

#[tokio::test]
async fn forks_are_made_shown_and_one_is_kept() {
    let server = Server::start().await;
    let path = waiting(&server).await;
    let run_id = path.rsplit('/').next().unwrap();
    let asked = json!({ "event": 3, "id": "f", "times": 2 });
    let made = server.post(&format!("{path}/fork"), &asked).await;
    assert_eq!((made.status, &made.body["run_id"], &made.body["event"]), (201, &json!(run_id), &json!(3)), "{made:?}");
    let again = server.post(&format!("{path}/fork"), &asked).await;
    assert_eq!((again.status, &again.body["race"]), (200, &made.body["race"]));
    assert_eq!(again.body["forks"][1]["run"]["run_id"], made.body["forks"][1]["run"]["run_id"]);

    let one = server.post("/v1/runs/f-1/fork", &json!({ "event": 2 })).await;
    assert_eq!((one.status, one.body.get("race")), (201, None));
    let whole = server.get(&format!("{path}/forks")).await;
    assert_eq!((&whole.body["root"], whole.body["forks"].as_array().unwrap().len()), (&json!(run_id), 3), "{whole:?}");
    let page = server.get("/v1/runs/f-2/forks?limit=2").await;
    let rest = server.get(&format!("/v1/runs/f-2/forks?limit=2&cursor={}", page.body["next"].as_str().unwrap())).await;
    assert_eq!((rest.body["forks"].as_array().unwrap().len(), rest.body.get("next")), (1, None));
    let filter = format!("/v1/runs?filter=forked_from%20%3D%20'{run_id}'");
    assert_eq!(server.get(&filter).await.body["runs"].as_array().unwrap().len(), 2);

    let history = server.get("/v1/runs/f-1/history").await;
    let forked = &history.body["events"][3];
    assert_eq!((&forked["type"], &forked["forked_from"]), (&json!("run-forked"), &json!(run_id)), "{history:?}");
    let kept = server.post("/v1/runs/f-1/keep", &json!({ "terminate": true, "reason": "best" })).await;
    assert_eq!((kept.status, kept.body["ended"].as_array().unwrap().len()), (200, 1), "{kept:?}");
    assert_eq!(server.get("/v1/runs/f-2/result").await.body["status"], "terminated");
    let kept = server.post_text("/v1/runs/f-1/keep", "").await;
    assert_eq!((kept.status, &kept.body["ended"]), (200, &json!([])), "{kept:?}");
    assert_eq!(server.get("/v1/runs/f-1").await.body["run"]["status"], "running");
}

#[tokio::test]
async fn bad_requests_are_refused_by_name() {
    let server = Server::start().await;
    let path = waiting(&server).await;
    server.deploy("steps").await;
    let fork = format!("{path}/fork");
    for (body, status, code, detail) in [
        (json!({}), 400, "invalid-argument", "event"),
        (json!({ "event": 1, "at": 1 }), 400, "invalid-argument", "unknown field `at`"),
        (json!({ "event": -1 }), 400, "invalid-argument", "-1"),
        (json!({ "event": 0 }), 400, "invalid-argument", "0 is not between 1 and 3"),
        (json!({ "event": 4 }), 400, "invalid-argument", "4 is not between 1 and 3"),
        (json!({ "event": 3, "times": 0 }), 400, "invalid-argument", "`times` is 0"),
        (json!({ "event": 3, "times": 101 }), 400, "invalid-argument", "give 1 to 100"),
        (json!({ "event": 3, "id": "a b" }), 400, "invalid-argument", ""),
        (json!({ "event": 3, "id": "run_x" }), 400, "invalid-argument", ""),
        (json!({ "event": 3, "id": "w" }), 409, "run-already-open", "take another id"),
        (json!({ "event": 3, "version": "Z z" }), 400, "invalid-argument", "is no version"),
        (json!({ "event": 3, "version": "0123456789" }), 404, "version-not-found", ""),
        (json!({ "event": 1, "outcome": { "ok": 1 } }), 400, "invalid-argument", "another event of the history"),
        (json!({ "event": 0, "outcome": { "ok": 1 } }), 400, "invalid-argument", "`run-started`"),
        (json!({ "event": 9, "outcome": { "ok": 1 } }), 400, "invalid-argument", "the run has 3 events"),
        (json!({ "event": 1, "outcome": 1 }), 400, "invalid-argument", ""),
        (json!({ "event": 1, "outcome": { "failed": { "message": "no code" } } }), 400, "invalid-argument", "code"),
    ] {
        let refused = server.post(&fork, &body).await;
        assert_eq!((refused.status, refused.body["code"].as_str().unwrap()), (status, code), "{body}: {refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains(detail), "{body}: {refused:?}");
    }
    for (path, body) in [("/v1/runs/nobody/fork", json!({ "event": 1 })), ("/v1/runs/nobody/keep", json!({}))] {
        assert_eq!(server.post(path, &body).await.body["code"], "run-not-found");
    }
    assert_eq!(server.get("/v1/runs/nobody/forks").await.status, 404);
    for query in ["limit=0", "limit=1001", "cursor=x", "from=1"] {
        assert_eq!(server.get(&format!("{path}/forks?{query}")).await.status, 400, "{query}");
    }
    let keep = server.post(&format!("{path}/keep"), &json!({})).await;
    assert!(keep.status == 400 && keep.body["detail"].as_str().unwrap().contains("is in no race"), "{keep:?}");
    assert_eq!(server.post(&format!("{path}/keep"), &json!({ "why": "" })).await.status, 400);
    assert_eq!(server.get(&format!("{path}/forks")).await.body["forks"], json!([]), "nothing was made");
}
