//! The ledger over HTTP: answers are as documented, and bad questions are refused by name.

use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn the_ledger_is_shown_in_parts() {
    let server = Server::start().await;
    server.deploy("steps").await;
    let input = json!({"steps": 2, "provider": "desk", "tool": "file"});
    let start = json!({"workflow": "steps", "id": "a", "input": input});
    server.post("/v1/runs", &start).await;
    server.get("/v1/runs/a/result?wait=30s").await;
    for group in ["day", "workflow", "model"] {
        let report = server.get(&format!("/v1/ledger?group={group}")).await;
        assert_eq!((report.status, &report.body["total"]["calls"]), (200, &json!(2)), "{report:?}");
        assert_eq!(report.body["group"], group);
    }
    let of_run = server.get("/v1/runs/a/ledger").await;
    assert_eq!((of_run.status, &of_run.body["total"]["outcomes"]), (200, &json!(2)), "{of_run:?}");
    let nothing = server.get("/v1/ledger?workflow=other").await;
    assert_eq!((nothing.status, &nothing.body["total"]["calls"]), (200, &json!(0)), "{nothing:?}");
}

#[tokio::test]
async fn bad_questions_are_refused_by_name() {
    let server = Server::start().await;
    for (query, told) in [
        ("from=yesterday", "`from`: `yesterday` is no day"),
        ("to=2026-02-30", "`to`: `2026-02-30` is no day"),
        ("from=2026-11-02&to=2026-11-01", "the first one first"),
        ("from=1970-01-01&to=2026-11-01", "at most 3660 days"),
        ("group=week", "`week` is no group"),
        ("workflow=A", "is no workflow name"),
        ("days=3", "`days` is no parameter"),
    ] {
        let answer = server.get(&format!("/v1/ledger?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(told), "{query}: {answer:?}");
    }
    assert_eq!(server.get("/v1/runs/nobody/ledger").await.status, 404);
}

#[tokio::test]
async fn budgets_are_set_and_checked() {
    let server = Server::start().await;
    let path = "/v1/tenants/default/settings/budgets";
    let put = |body: &str| server.send(server.request(reqwest::Method::PUT, path).body(body.to_owned()));
    for (body, told) in [
        (r#"{"run": {"tokens": "many"}}"#, "run.tokens"),
        (r#"{"run": {"money": {"amount": "2.5000001", "currency": "USD"}}}"#, "at most six digits"),
        (r#"{"warn_at_percent": 0}"#, "warn_at_percent"),
        (r#"{"week": {}}"#, "week"),
    ] {
        let answer = put(body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.body["detail"].as_str().unwrap().contains(told), "{body}: {answer:?}");
    }
    let set = put(r#"{"day": {"money": {"amount": "2.50", "currency": "USD"}}}"#).await;
    assert_eq!(set.status, 200, "{set:?}");
    let report = server.get("/v1/ledger").await;
    assert_eq!(report.body["budgets"], json!([{"of": "money", "used": "0 of 2.5 USD", "percent": 0, "state": "open"}]));
}
