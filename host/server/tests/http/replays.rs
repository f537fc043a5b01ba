//! Replays on several engines, places in a history, and capsules: there and back, and bad requests for each.

use reqwest::Method;
use serde_json::json;

use crate::support::Server;

async fn bytes(server: &Server, path: &str) -> Vec<u8> {
    let answer = server.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/vnd.abide.capsule");
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn the_past_of_a_run() {
    let server = Server::start().await;
    server.waiting("w").await;
    // What the guest did at its start comes in one commit.
    assert_eq!(server.get("/v1/runs/w/history?from=1&wait=30s").await.status, 200);
    let report = server.post_text("/v1/runs/w/replay?prove=true", "").await;
    assert_eq!((report.status, &report.body["proof"]["equal"]), (200, &json!(true)), "{report:?}");
    let plain = server.post_text("/v1/runs/w/replay?prove=false", "").await;
    assert_eq!((plain.body.get("proof"), &plain.body["trace"]), (None, &report.body["trace"]), "{plain:?}");
    let at = server.get("/v1/runs/w/at/0").await;
    assert_eq!((at.status, &at.body["event"]["seq"]), (200, &json!(0)), "{at:?}");
    assert_eq!(server.post_text("/v1/runs/w/at/0", "").await.body, at.body);

    let refused = async |path: &str| {
        let answer = server.post_text(path, "").await;
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    };
    let bad = |status, code: &str| (status, code.to_owned());
    assert_eq!(refused("/v1/runs/w/replay?prove=maybe").await, bad(400, "invalid-argument"));
    assert_eq!(refused("/v1/runs/w/replay?proof=true").await, bad(400, "invalid-argument"));
    for event in ["x", "-1", "+1", "999", "99999999999999999999999", "%ff", "1.0"] {
        assert_eq!(refused(&format!("/v1/runs/w/at/{event}")).await, bad(400, "invalid-argument"), "{event}");
    }
    for path in ["at/0", "replay?prove=true"] {
        assert_eq!(refused(&format!("/v1/runs/nobody/{path}")).await, bad(404, "run-not-found"), "{path}");
        let answer = server.post_text(&format!("/v1/runs/w/{path}"), "no component").await;
        assert_eq!((answer.status, &answer.body["code"]), (422, &json!("invalid-component")), "{path}");
    }
}

#[tokio::test]
async fn a_run_in_one_file() {
    let server = Server::start().await;
    server.waiting("w").await;
    let capsule = bytes(&server, "/v1/runs/w/export").await;
    assert_eq!(server.get("/v1/runs/nobody/export").await.status, 404);
    let again = server.post_text("/v1/import", capsule.clone()).await;
    assert_eq!((again.status, &again.body["code"]), (409, &json!("run-id-used")), "{again:?}");

    let elsewhere = Server::start().await;
    let imported = elsewhere.post_text("/v1/import", capsule.clone()).await;
    assert_eq!((imported.status, &imported.body["run"]["status"]), (201, &json!("parked")), "{imported:?}");
    assert_eq!(imported.body["run"]["parked"]["kind"], "imported");
    let shown = elsewhere.get("/v1/runs?filter=parked%20%3D%20'imported'").await;
    assert_eq!(shown.body["runs"].as_array().map(Vec::len), Some(1), "{shown:?}");
    for bad in [&b""[..], b"{}", &capsule[..capsule.len() - 1], &[capsule.as_slice(), b"!"].concat()] {
        let answer = elsewhere.post_text("/v1/import", bad.to_vec()).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("invalid-argument")), "{answer:?}");
    }
}
