//! Filters, counts, batches and deletions.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Server};

/// Starts a run that waits, with attributes.
async fn start(server: &Server, id: &str, attributes: Value) -> Answer {
    let started = server.post("/v1/runs", &json!({"workflow": "waiter", "id": id, "attributes": attributes})).await;
    assert_eq!(started.status, 201, "{started:?}");
    started
}

/// Gets a path with a query string.
async fn get(server: &Server, path: &str, query: &[(&str, &str)]) -> Answer {
    let url = reqwest::Url::parse_with_params("http://host", query).unwrap();
    server.get(&format!("{path}?{}", url.query().unwrap())).await
}

async fn ids(server: &Server, filter: &str) -> Value {
    let answer = get(server, "/v1/runs", &[("filter", filter)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["runs"].as_array().unwrap().iter().map(|run| run["id"].clone()).collect()
}

async fn six_runs() -> Server {
    let server = Server::start().await;
    server.deploy("waiter").await;
    for number in 0..6 {
        let customer = ["acme", "beta"][number % 2];
        start(&server, &format!("w-{number}"), json!({"customer": customer, "number": number, "tags": ["all"]})).await;
    }
    assert_eq!(server.post("/v1/runs/w-4/terminate", &json!({})).await.status, 200);
    server
}

#[tokio::test]
async fn runs_are_found_and_counted_by_what_they_are() {
    let server = six_runs().await;
    assert_eq!(server.get("/v1/runs/w-3").await.body["run"]["attributes"]["customer"], "beta");
    for (filter, expected) in [
        ("customer = 'acme'", json!(["w-4", "w-2", "w-0"])),
        ("customer = 'acme' and status = 'running'", json!(["w-2", "w-0"])),
        ("number >= 2 and number < 4", json!(["w-3", "w-2"])),
        ("id in ('w-1', 'w-5') or status = 'terminated'", json!(["w-5", "w-4", "w-1"])),
        ("started > -1h and tags = 'all' and id starts_with 'w-0'", json!(["w-0"])),
        ("closed < -1h", json!([])),
    ] {
        assert_eq!(ids(&server, filter).await, expected, "{filter}");
    }
    let both = get(&server, "/v1/runs", &[("filter", "customer = 'acme'"), ("status", "terminated")]).await;
    assert_eq!(both.body["runs"].as_array().unwrap().len(), 1);
    let all = server.get("/v1/runs/count").await.body;
    assert_eq!(all, json!({"total": 6, "statuses": {"running": 5, "terminated": 1}}));
    let some = get(&server, "/v1/runs/count", &[("filter", "customer = 'beta'")]).await;
    assert_eq!(some.body, json!({"total": 3, "statuses": {"running": 3}}));
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_place() {
    let server = Server::start().await;
    server.deploy("waiter").await;
    for path in ["/v1/runs", "/v1/runs/count"] {
        let answer = get(&server, path, &[("filter", "status = running")]).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("invalid-argument")));
        assert!(answer.body["detail"].as_str().unwrap().contains("column 10: expected a value"), "{answer:?}");
    }
    for (attributes, says) in [
        (json!({"Big": 1}), "`Big` is no name of an attribute"),
        (json!({"a": {"b": 1}}), "`a` is an object"),
        (json!({"status": "x"}), "`status` is a word of filters"),
        (json!([]), "expected a map"),
    ] {
        let refused = server.post("/v1/runs", &json!({"workflow": "waiter", "attributes": attributes})).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains(says), "{refused:?}");
    }
    for (batch, says) in [
        (json!({"action": "cancel"}), "missing field `filter`"),
        (json!({"filter": "", "action": "cancel"}), "column 1: expected a field"),
        (json!({"filter": "a = 1", "action": "destroy"}), "unknown variant `destroy`"),
        (json!({"filter": "a = 1", "action": "signal"}), "which signal to send"),
        (json!({"filter": "a = 1", "action": "cancel", "signal": {"name": "go"}}), "which signal to send"),
        (json!({"filter": "a = 1", "action": "cancel", "limit": 0}), "0 is not between 1 and 1000"),
    ] {
        let refused = server.post("/v1/runs/batch", &batch).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains(says), "{refused:?}");
    }
}

/// Does a batch to its end, and gives what was done, skipped and failed, and how many requests that took.
async fn batch(server: &Server, mut body: Value) -> (u64, u64, u64, usize) {
    let (mut done, mut skipped, mut failed) = (0, 0, 0);
    for requests in 1.. {
        let page = server.post("/v1/runs/batch", &body).await;
        assert_eq!(page.status, 200, "{page:?}");
        let count = |name: &str| page.body[name].as_u64().unwrap();
        (done, skipped, failed) = (done + count("done"), skipped + count("skipped"), failed + count("failed"));
        match page.body.get("next") {
            Some(next) => body["cursor"] = next.clone(),
            None => return (done, skipped, failed, requests),
        }
    }
    unreachable!("the pages end")
}

#[tokio::test]
async fn a_batch_does_something_to_every_run_of_a_filter() {
    let server = six_runs().await;
    let signal = json!({"filter": "customer = 'acme'", "action": "signal", "limit": 1,
        "signal": {"name": "go", "payload": 7, "key": "k"}});
    assert_eq!(batch(&server, signal.clone()).await, (2, 1, 0, 3));
    for id in ["w-0", "w-2"] {
        let result = server.get(&format!("/v1/runs/{id}/result?wait=30s")).await.body;
        assert_eq!(result["outcome"], json!({"ok": 7}));
    }
    // Again: the key was used, or the run has ended.
    assert_eq!(batch(&server, signal).await, (0, 3, 0, 3));

    let cancel = json!({"filter": "status = 'running'", "action": "cancel", "reason": "over"});
    assert_eq!(batch(&server, cancel).await, (3, 0, 0, 1));
    assert_eq!(server.get("/v1/runs/w-1/result?wait=30s").await.body["status"], "cancelled");
    for id in ["w-3", "w-5"] {
        server.get(&format!("/v1/runs/{id}/result?wait=30s")).await;
    }

    start(&server, "open", json!({"customer": "acme"})).await;
    let delete = json!({"filter": "customer = 'acme'", "action": "delete"});
    let report = server.post("/v1/runs/batch", &delete).await.body;
    assert_eq!((&report["done"], &report["skipped"], &report["failed"]), (&json!(3), &json!(1), &json!(0)), "{report}");
    assert_eq!(report["reasons"], json!({"run-open": 1}));
    assert_eq!(ids(&server, "customer = 'acme'").await, json!(["open"]));
    let terminate = json!({"filter": "id = 'open'", "action": "terminate"});
    assert_eq!(batch(&server, terminate).await, (1, 0, 0, 1));
    assert_eq!(server.get("/v1/runs/open").await.body["run"]["status"], "terminated");
}

#[tokio::test]
async fn a_run_that_has_ended_is_deleted() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    let delete = |path: &str| server.send(server.request(Method::DELETE, path));
    let refused = delete(&path).await;
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("run-open")));
    assert_eq!(server.post("/v1/runs/w/signals/go", &json!(1)).await.status, 202);
    server.get(&format!("{path}/result?wait=30s")).await;
    let deleted = delete("/v1/runs/w").await;
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert_eq!(path.rsplit('/').next(), deleted.body["run_id"].as_str());
    for path in [path.as_str(), "/v1/runs/w"] {
        for rest in ["", "/history", "/result"] {
            let gone = server.get(&format!("{path}{rest}")).await;
            assert_eq!((gone.status, &gone.body["code"]), (404, &json!("run-not-found")), "{path}{rest}");
        }
        let gone = server.post(&format!("{path}/signals/go"), &json!(1)).await;
        assert_eq!((gone.status, &gone.body["code"]), (404, &json!("run-not-found")));
        assert_eq!(delete(path).await.status, 404);
    }
    assert_eq!(server.get("/v1/runs").await.body["runs"], json!([]));
    let again = server.post("/v1/runs", &json!({"workflow": "waiter", "id": "w", "id_reuse": "reject"})).await;
    assert_eq!(again.status, 201, "its id is free: {again:?}");
}
