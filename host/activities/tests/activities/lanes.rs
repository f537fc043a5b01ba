//! Timeouts and the number of attempts under way, which are the same for every kind of call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use abide_activities::{Activities, ActivitiesConfig, Performer as _};
use abide_model::{CallKind, Json, ManualClock, Request};
use serde_json::json;

use crate::common::{Server, activities, activity, ask, failure, fast, options, response, verdict};

/// A server that never answers.
async fn silent() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            open.push(socket);
        }
    });
    address
}

fn config(address: std::net::SocketAddr) -> String {
    format!("[llm.x]\nkind = \"openai\"\nbase_url = \"http://{address}/v1\"\nmodel = \"m\"\nmax_concurrent = 2\n")
}

#[tokio::test]
async fn an_attempt_has_its_time_and_so_has_the_call() {
    let activities = activities(&config(silent().await));
    let performed = ask(
        &activities,
        "",
        options(r#"{"attempt_timeout_ms":50,"retry":{"initial_interval_ms":10,"max_attempts":2}}"#),
    )
    .await;
    assert_eq!(verdict(&performed), ("timeout", true, 2));
    assert!(failure(&performed).message.contains("did not answer within 50 ms"), "{}", failure(&performed).message);

    let begun = tokio::time::Instant::now();
    let performed = ask(&activities, "", options(r#"{"total_timeout_ms":150}"#)).await;
    assert_eq!(verdict(&performed), ("timeout", true, 1));
    assert!(failure(&performed).message.contains("total timeout of 150 ms"), "{}", failure(&performed).message);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_total_timeout_counts_from_the_request_across_restarts() {
    let server = Server::start(|_| response(500, &[], "")).await;
    let config: ActivitiesConfig = toml::from_str(&config(server.address)).unwrap();
    // The call was requested by a host that has died since.
    let clock = ManualClock::at(1_700_001_000_000);
    let activities = Activities::new(config, std::path::Path::new("."), Arc::new(clock)).unwrap();
    let hello = Json::from(&json!({ "role": "user", "content": [{ "type": "text", "text": "hello" }] }));
    let request = Request { head: Json::from(&json!({ "model": "" })), messages: vec![hello] };
    let mut late = activity(CallKind::LlmGenerate, request, fast());
    late.requested_ms = 1_700_000_000_000;
    let performed = activities.perform(late.clone()).await;
    assert_eq!(verdict(&performed), ("timeout", true, 0));
    assert!(server.seen().is_empty());

    late.requested_ms = 1_700_001_000_000 - 899_995;
    let performed = activities.perform(late).await;
    assert_eq!(verdict(&performed), ("unavailable", true, 1), "no time is left for another attempt");
    assert!(failure(&performed).message.contains("`total-timeout-ms` of 900000"), "{}", failure(&performed).message);
}

#[tokio::test]
async fn no_more_attempts_than_allowed_are_under_way() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = (now.clone(), most.clone());
    let routes = axum::Router::new().fallback(move || {
        let (now, most) = counted.clone();
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#
        }
    });
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let activities = activities(&config(address));
    let calls = (0..20).map(|_| ask(&activities, "", fast()));
    for performed in futures_util::future::join_all(calls).await {
        crate::common::answer(&performed);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_dropped_call_gives_its_slot_back() {
    let address = silent().await;
    let activities = activities(&config(address));
    for _ in 0..5 {
        let call = ask(&activities, "", fast());
        assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err());
    }
    let performed = ask(&activities, "", options(r#"{"attempt_timeout_ms":30,"retry":{"max_attempts":1}}"#)).await;
    assert_eq!(verdict(&performed), ("timeout", true, 1), "it got a slot");
}

#[tokio::test]
async fn hostile_options_are_refused() {
    let activities = activities(&config(silent().await));
    for bad in [
        r#"{"attempt_timeout_ms":0}"#,
        r#"{"total_timeout_ms":0}"#,
        r#"{"retry":{"max_attempts":0}}"#,
        r#"{"retry":{"backoff_coefficient":0.5}}"#,
        r#"{"retry":{"jitter":2}}"#,
        r#"{"idempotency_key":"a\r\nb"}"#,
    ] {
        assert_eq!(verdict(&ask(&activities, "", options(bad)).await), ("invalid-request", false, 0), "{bad}");
    }
    let giant = r#"{"attempt_timeout_ms":30,"total_timeout_ms":18446744073709551615,
        "retry":{"initial_interval_ms":0,"backoff_coefficient":1e308,"max_interval_ms":0,"max_attempts":3,
        "max_elapsed_ms":18446744073709551615}}"#;
    assert_eq!(verdict(&ask(&activities, "", options(giant)).await), ("timeout", true, 3));
}
