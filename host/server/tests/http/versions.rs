//! Versions, swaps and checks over HTTP, with what is refused.

use abide_tests::{guest, guest_again};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Server};

async fn patch(server: &Server, path: &str, body: &Value) -> Answer {
    server.send(server.request(Method::PATCH, path).body(body.to_string())).await
}

#[tokio::test]
async fn versions_are_labelled_activated_and_deleted() {
    let server = Server::start().await;
    let first = server.post_text("/v1/versions?name=waiter&labels=v1,stable", guest("waiter")).await;
    assert_eq!((first.status, &first.body["active"]), (201, &json!(true)));
    let second =
        server.post_text("/v1/versions?name=waiter&labels=stable&activate=false", guest_again("waiter", 2)).await;
    assert_eq!((second.status, &second.body["active"]), (201, &json!(false)));
    let one = "/v1/workflows/waiter/versions/v1";
    let two = format!("/v1/workflows/waiter/versions/{}", second.body["version"]["version"].as_str().unwrap());
    assert_eq!(server.get(one).await.body["labels"], json!(["v1"]));
    let changed = patch(&server, "/v1/workflows/waiter", &json!({"activate": "stable"})).await;
    assert_eq!(changed.body["active"], second.body["version"]["version"]);
    let ramp = json!({"ramp": {"version": "v1", "percent": 20}, "swap": "automatic"});
    let ramped = patch(&server, "/v1/workflows/waiter", &ramp).await.body;
    assert_eq!((&ramped["ramp"]["percent"], &ramped["swap"]), (&json!(20), &json!("automatic")));
    assert_eq!(server.get(one).await.body["ramp_percent"], 20);
    let delete = async |path: &str| server.send(server.request(Method::DELETE, path)).await;
    assert_eq!(delete(one).await.status, 409);
    assert_eq!(patch(&server, one, &json!({"deactivated": true})).await.status, 409);
    patch(&server, "/v1/workflows/waiter", &json!({"ramp": {"version": "v1", "percent": 0}})).await;
    assert!(patch(&server, one, &json!({"deactivated": true})).await.body["deactivated_ms"].is_number());
    assert_eq!(delete(one).await.status, 200);
    assert_eq!(delete(one).await.status, 404);
    assert_eq!(delete(&two).await.status, 409);
}

#[tokio::test]
async fn a_manifest_is_kept_shown_and_held_against_the_grants() {
    let server = Server::start().await;
    let upload = async |manifest: &str| {
        let mut url = reqwest::Url::parse("http://h/v1/versions?name=waiter").unwrap();
        url.query_pairs_mut().append_pair("manifest", manifest);
        let path = format!("{}?{}", url.path(), url.query().unwrap());
        server.post_text(&path, guest("waiter")).await
    };
    let set = async |grants: Value| {
        let request = server.request(Method::PUT, "/v1/tenants/default/settings/grants");
        server.send(request.body(grants.to_string())).await
    };
    assert_eq!(upload(r#"{"asks":["llm:openai/*"]}"#).await.status, 201);
    let described = server.get("/v1/workflows/waiter").await;
    assert_eq!(described.body["versions"][0]["manifest"], json!({"asks": ["llm:openai/*"]}));
    for bad in [r#"{"asks":["gpt"]}"#, r#"{"ask":[]}"#, "[]", "{"] {
        let answer = upload(bad).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("invalid-argument")), "{bad}: {answer:?}");
    }
    for bad in [json!({"allow": ["gpt"]}), json!({"allow": [], "limits": {"x": 1}}), json!({"deny": []}), json!([])] {
        assert_eq!(set(bad.clone()).await.status, 400, "{bad}");
    }
    assert_eq!(set(json!({"allow": ["llm:house/*"]})).await.status, 200);
    let refused = upload(r#"{"asks":["llm:openai/*"]}"#).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("forbidden")), "{refused:?}");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("`abide grants add --tenant default 'llm:openai/*'`"), "{detail}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let started = server.waiting("w").await;
    let workflow = "/v1/workflows/waiter";
    for (body, status, code) in [
        (json!({"activate": "12"}), 404, "version-not-found"),
        (json!({"activate": "No Label"}), 400, "invalid-argument"),
        (json!({"activate": "0123456789"}), 404, "version-not-found"),
        (json!({"rollback": true}), 409, "conflict"),
        (json!({"rollback": true, "activate": "v1"}), 400, "invalid-argument"),
        (json!({"ramp": {"version": "v1", "percent": 300}}), 400, "invalid-argument"),
        (json!({"swap": "sometimes"}), 400, "invalid-argument"),
        (json!({"active": "v1"}), 400, "invalid-argument"),
    ] {
        let answer = patch(&server, workflow, &body).await;
        assert_eq!((answer.status, answer.body["code"].as_str().unwrap()), (status, code), "{body}: {answer:?}");
    }
    for body in [json!({}), json!({"to": 1}), json!({"to": "v1", "limit": 0}), json!({"to": "v1", "now": true})] {
        let answer = server.post(&format!("{workflow}/swap"), &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
    }
    assert_eq!(server.post(&format!("{workflow}/swap"), &json!({"to": "v9"})).await.status, 404);
    assert_eq!(server.post("/v1/workflows/nobody/swap", &json!({"to": "v9"})).await.status, 404);
    let check = format!("{workflow}/check");
    assert_eq!(server.post_text(&check, "").await.status, 400);
    assert_eq!(server.post_text(&check, "no component").await.status, 422);
    assert_eq!(server.post_text(&format!("{check}?version=v9"), "").await.status, 404);
    assert_eq!(server.post_text(&format!("{check}?filter=what"), guest("waiter")).await.status, 400);
    for (query, status) in [("labels=A", 400), ("labels=", 400), ("activate=maybe", 400)] {
        let answer = server.post_text(&format!("/v1/versions?name=waiter&{query}"), guest("waiter")).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
    }
    let label = json!({"add_labels": ["0123456789"]});
    assert_eq!(patch(&server, &format!("{workflow}/versions/01234567"), &label).await.status, 400);
    for body in [json!({}), json!({"pinned": "yes"}), json!({"pinned": true, "why": 1})] {
        assert_eq!(server.post(&format!("{started}/pin"), &body).await.status, 400, "{body}");
    }
    assert_eq!(server.post("/v1/runs/nobody/pin", &json!({"pinned": true})).await.status, 404);
}

#[tokio::test]
async fn runs_are_swapped_and_checked() {
    let server = Server::start().await;
    let path = server.waiting("w").await;
    server.get(&format!("{path}/history?wait=30s&from=1")).await;
    server.post_text("/v1/versions?name=waiter&labels=v2&activate=false", guest_again("waiter", 2)).await;
    let swap = "/v1/workflows/waiter/swap";
    let dry = server.post(swap, &json!({"to": "v2", "dry_run": true})).await;
    assert_eq!((dry.status, &dry.body["counts"]), (200, &json!({"would_swap": 1})), "{dry:?}");
    server.post(&format!("{path}/pin"), &json!({"pinned": true})).await;
    assert_eq!(server.get(&path).await.body["run"]["pinned"], true);
    assert_eq!(server.post(swap, &json!({"to": "v2"})).await.body["counts"], json!({"pinned": 1}));
    let pins = json!({"filter": "workflow = 'waiter'", "action": "unpin"});
    assert_eq!(server.post("/v1/runs/batch", &pins).await.body["done"], 1);
    assert_eq!(server.post(swap, &json!({"to": "v2"})).await.body["counts"], json!({"swapped": 1}));

    let check = server.request(Method::POST, "/v1/workflows/waiter/check").body(guest("order-v1"));
    let response = check.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(data.len(), 2, "{text}");
    assert_eq!((&data[0]["verdict"], &data[1]["total"]), (&json!("diverges"), &json!(1)), "{text}");

    server.post_text(&format!("{path}/signals/go"), "1").await;
    let ended = server.get(&format!("{path}/result?wait=30s")).await;
    assert_eq!(ended.body["status"], "completed");
    assert_eq!(server.post(&format!("{path}/pin"), &json!({"pinned": true})).await.status, 409);
}
