//! Tools that are operations of an HTTP API.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use abide_activities::{Answered, Deferrals, Performer as _};
use abide_model::{CallIndex, CallKind, Error, ErrorCode, Json, Outcome, Request, RunId, Tenant};
use serde_json::json;

use crate::common::{
    Server, activities, activity, answer, call_tool, failure, fast, list_tools, options, response, verdict,
};

fn config(server: &Server) -> String {
    let url = server.url("/api/");
    format!(
        r##"
        [tools.shop]
        kind = "http"
        base_url = "{url}"
        headers = {{ authorization = "Bearer shop-secret" }}
        [[tools.shop.tool]]
        name = "order"
        description = "Shows an order."
        method = "GET"
        path = "/orders/{{id}}"
        input_schema = '{{"type":"object","required":["id"]}}'
        [[tools.shop.tool]]
        name = "refund"
        method = "POST"
        path = "/orders/{{id}}/refund"
        retry = {{ max_attempts = 2, initial_interval_ms = 10 }}
        "##
    )
}

#[tokio::test]
async fn arguments_go_where_they_belong() {
    let server = Server::start(|_| response(200, &[("content-type", "application/json")], r#"{ "ok": 1.0 }"#)).await;
    let activities = activities(&config(&server));
    let arguments = json!({ "id": "a/b c", "expand": ["x", "y"], "deep": true });
    let result = answer(&call_tool(&activities, "shop", "order", arguments, fast()).await);
    assert_eq!(result["structured"], json!({ "ok": 1.0 }));
    assert_eq!(result["content"], json!([{ "type": "text", "text": "{ \"ok\": 1.0 }" }]));
    assert_eq!(result["is_error"], false);
    answer(&call_tool(&activities, "shop", "refund", json!({ "id": 7, "cents": 100 }), fast()).await);

    let seen = server.seen();
    assert_eq!(seen[0].uri.to_string(), "/api/orders/a%2Fb%20c?deep=true&expand=x&expand=y");
    assert_eq!((seen[0].method.as_str(), seen[0].header("authorization")), ("GET", "Bearer shop-secret"));
    assert_eq!((seen[1].method.as_str(), seen[1].uri.path()), ("POST", "/api/orders/7/refund"));
    assert_eq!(seen[1].json(), json!({ "cents": 100 }));
    assert!(seen[1].header("idempotency-key").ends_with(":3"));
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused() {
    let server = Server::start(|_| response(200, &[], "")).await;
    let activities = activities(&config(&server));
    for (tool, arguments, code) in [
        ("order", json!({}), "invalid-arguments"),
        ("order", json!({ "id": ".." }), "invalid-arguments"),
        ("order", json!({ "id": {} }), "invalid-arguments"),
        ("order", json!([1]), "invalid-arguments"),
        ("sell", json!({}), "unknown-tool"),
    ] {
        let performed = call_tool(&activities, "shop", tool, arguments.clone(), fast()).await;
        assert_eq!(verdict(&performed), (code, false, 0), "{tool} {arguments}");
    }
    let performed = call_tool(&activities, "shop", "sell", json!({}), fast()).await;
    assert_eq!(failure(&performed).message, "`tools.shop` has no tool `sell`, but `order`, `refund`");
    let performed = call_tool(&activities, "store", "sell", json!({}), fast()).await;
    assert_eq!(verdict(&performed), ("unknown-provider", false, 0));
    assert!(
        failure(&performed).message.ends_with("configure it as `[tools.store]`"),
        "{}",
        failure(&performed).message
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_an_outage_is_not() {
    for (status, is_error) in [(400, true), (403, true), (404, true), (409, true), (422, true)] {
        let server = Server::start(move |_| response(status, &[], "no, shop-secret is wrong")).await;
        let performed = call_tool(&activities(&config(&server)), "shop", "order", json!({ "id": 1 }), fast()).await;
        let result = answer(&performed);
        assert_eq!((&result["is_error"], performed.attempts), (&json!(is_error), 1), "{status}");
        assert_eq!(result["content"][0]["text"], "no, … is wrong");
    }
    for (status, code, retryable, attempts) in [
        (401, "denied", false, 1),
        (301, "provider-error", false, 1),
        (408, "timeout", true, 2),
        (429, "rate-limited", true, 2),
        (500, "unavailable", true, 2),
        (503, "unavailable", true, 2),
    ] {
        let server = Server::start(move |_| response(status, &[("location", "/x")], "no")).await;
        let performed =
            call_tool(&activities(&config(&server)), "shop", "refund", json!({ "id": 1 }), options("{}")).await;
        assert_eq!(verdict(&performed), (code, retryable, attempts), "{status}");
        let keys: std::collections::BTreeSet<_> =
            server.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
        assert_eq!((keys.len(), server.seen().len()), (1, attempts as usize));
    }
}

#[tokio::test]
async fn other_kinds_of_answers() {
    let server = Server::start(|seen| match seen.uri.path() {
        "/api/orders/none" => response(204, &[], ""),
        "/api/orders/text" => response(200, &[], "plain"),
        "/api/orders/picture" => {
            response(200, &[("content-type", "image/png; x=y")], vec![0x89, b'P', b'N', b'G', 0xff])
        }
        "/api/orders/bytes" => response(200, &[("content-type", "application/zip")], vec![0xff, 0xfe]),
        _ => response(200, &[], vec![b'x'; 9 << 20]),
    })
    .await;
    let activities = activities(&config(&server));
    let get = |id: &str| call_tool(&activities, "shop", "order", json!({ "id": id }), fast());
    assert_eq!(answer(&get("none").await), json!({ "is_error": false }));
    assert_eq!(answer(&get("text").await)["content"][0]["text"], "plain");
    let picture = json!({ "type": "image", "media_type": "image/png", "base64": "iVBOR/8=" });
    assert_eq!(answer(&get("picture").await)["content"][0], picture);
    assert_eq!(answer(&get("bytes").await)["content"][0]["text"], "[2 bytes of application/zip]");
    assert_eq!(verdict(&get("huge").await), ("provider-error", false, 1));
}

#[tokio::test]
async fn tools_are_listed_as_they_are_declared() {
    let server = Server::start(|_| response(200, &[], "")).await;
    let activities = activities(&config(&server));
    let expected = json!([
        { "provider": "shop", "name": "order", "description": "Shows an order.",
          "input_schema": { "type": "object", "required": ["id"] } },
        { "provider": "shop", "name": "refund", "input_schema": { "type": "object" } },
    ]);
    assert_eq!(answer(&list_tools(&activities, Some("shop")).await), expected);
    assert_eq!(answer(&list_tools(&activities, None).await), expected);
    assert_eq!(verdict(&list_tools(&activities, Some("x")).await), ("unknown-provider", false, 0));
}

/// Remembers what was deferred.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<Vec<(CallIndex, u32)>>>);

impl Deferrals for Noted {
    fn record(
        &self,
        _: Tenant,
        _: RunId,
        call: CallIndex,
        attempt: u32,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> {
        self.0.lock().unwrap().push((call, attempt));
        Box::pin(std::future::ready(Ok(())))
    }
}

fn later(server: &Server) -> String {
    format!(
        r#"
        public_url = "https://abide.example"
        [tools.print]
        kind = "http"
        base_url = "{}"
        retry = {{ max_attempts = 3, initial_interval_ms = 10 }}
        [[tools.print.tool]]
        name = "poster"
        method = "POST"
        path = "/posters"
        completion = "later"
        "#,
        server.url("/")
    )
}

#[tokio::test]
async fn a_tool_may_answer_later_by_its_token() {
    let server = Server::start(|seen| response(if seen.place == 0 { 503 } else { 202 }, &[], "")).await;
    let activities = activities(&later(&server));
    let workers = activities.workers().unwrap().clone();
    let noted = Noted::default();
    workers.record_in(noted.clone());
    let calling = activities.clone();
    let call =
        tokio::spawn(async move { call_tool(&calling, "print", "poster", json!({ "size": "A2" }), fast()).await });
    while noted.0.lock().unwrap().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(*noted.0.lock().unwrap(), [(3, 2)], "the second attempt is deferred, before anybody waits for it");
    let seen = server.seen();
    let token = seen[1].header("abide-completion-token").to_owned();
    assert_eq!(seen[1].header("abide-completion-url"), format!("https://abide.example/v1/completions/{token}"));
    assert!(token.ends_with(":3:2"), "{token}");

    let tenant = Tenant::default();
    let late = workers.complete_by_token(&tenant, &token.replace(":3:2", ":3:1"), Outcome::Ok(Json::null())).await;
    assert_eq!(late.unwrap_err().code, ErrorCode::TaskSuperseded);
    let completing = tokio::spawn({
        let (workers, tenant, token) = (workers.clone(), tenant.clone(), token.clone());
        async move { workers.complete_by_token(&tenant, &token, Outcome::Ok(Json::from(&json!({ "url": "x" })))).await }
    });
    let performed = call.await.unwrap();
    assert_eq!(answer(&performed)["structured"], json!({ "url": "x" }));
    assert!(!completing.is_finished(), "nobody is answered before it is durable");
    workers.settled(&tenant, RunId::new(1_700_000_000_000, 7), 3, true);
    assert_eq!(completing.await.unwrap(), Ok(Answered { duplicate: false }));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn such_a_tool_may_answer_at_once_too() {
    let server = Server::start(|_| response(200, &[], "[1]")).await;
    let activities = activities(&later(&server));
    let performed = call_tool(&activities, "print", "poster", json!({}), fast()).await;
    assert_eq!(answer(&performed)["structured"], json!([1]));
}

#[tokio::test]
async fn a_deferred_call_is_not_made_again_after_a_restart() {
    let server = Server::start(|_| response(202, &[], "")).await;
    let activities = activities(&later(&server));
    let head = json!({ "provider": "print", "name": "poster", "arguments": {} });
    let request = Request { head: Json::from(&head), messages: Vec::new() };
    let mut again = activity(CallKind::ToolsCall, request, fast());
    again.deferred = Some(2);
    let (run_id, tenant) = (again.run_id, again.tenant.clone());
    let call = tokio::spawn(activities.perform(again));
    let workers = activities.workers().unwrap();
    let failed = || Outcome::Failed(abide_model::Failure::retryable("sold-out", "no paper"));
    let token = format!("{run_id}:3:2");
    let completing = async {
        loop {
            match workers.complete_by_token(&tenant, &token, failed()).await {
                // The call is not on the board yet, as when a host has just come up.
                Err(error) if error.code == ErrorCode::TaskNotFound => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    let settling = async {
        let performed = call.await.unwrap();
        workers.settled(&tenant, run_id, 3, true);
        performed
    };
    let (completed, performed) = tokio::join!(completing, settling);
    assert_eq!(completed, Ok(Answered { duplicate: false }));
    assert_eq!(verdict(&performed), ("sold-out", true, 1), "the failure of a deferred call is final");
    assert!(server.seen().is_empty());
}
