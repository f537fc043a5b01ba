//! Requests that go over a real network: outages are tried again as the program says, and what is not allowed is an error that it sees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use abide_activities::{Activities, ActivitiesConfig};
use abide_model::{RunStatus, SystemClock};
use abide_tests::guests_dir;
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{PROGRAMS, failed, given, host, identical, talk};

/// A model that is out of order for the first requests. Gives its address, and the count of requests.
async fn model(outages: u32) -> (String, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let counted = count.clone();
    let answer = async move |headers: HeaderMap, body: String| {
        let is_down = counted.fetch_add(1, Ordering::Relaxed) < outages;
        if is_down { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { answer(&headers, &body) }
    };
    let router = Router::new().route("/v1/chat/completions", post(answer));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, count)
}

fn answer(headers: &HeaderMap, body: &str) -> Response {
    let body: Value = serde_json::from_str(body).unwrap();
    // What is meant for the host does not leave it.
    assert!(headers.keys().all(|name| !name.as_str().starts_with("abide-")), "{headers:?}");
    let words = format!("{} with {}", body["messages"][0]["content"], headers.contains_key("idempotency-key"));
    axum::Json(json!({ "choices": [{ "message": { "content": words } }] })).into_response()
}

fn activities(allowed: &[&str]) -> Activities {
    let config = json!({ "http": { "allow": allowed, "retry": { "max_attempts": 1, "initial_interval_ms": 1 } } });
    let config: ActivitiesConfig = serde_json::from_value(config).unwrap();
    Activities::new(config, &guests_dir(), Arc::new(SystemClock)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_tried_again_as_often_as_the_program_says() {
    for program in PROGRAMS {
        let (address, count) = model(3).await;
        let local = host(activities(&[&address])).await;
        local.deploy(program).await;
        let run = local.start(program, "h-1", talk(&format!("http://{address}/v1/chat/completions"))).await;
        let result = given(&local.result(&run).await);
        assert!(result["answer"].as_str().unwrap().ends_with("with true"), "{program}: {result}");
        // Three outages and an answer, and an answer.
        assert_eq!(count.load(Ordering::Relaxed), 5, "{program}");
        identical(&local, &run).await;
        assert_eq!(count.load(Ordering::Relaxed), 5, "{program}: the replay asked");

        let (address, count) = model(10).await;
        let local = host(activities(&[&address])).await;
        local.deploy(program).await;
        let run = local.start(program, "h-2", talk(&format!("http://{address}/v1/chat/completions"))).await;
        let row = local.result(&run).await;
        assert_eq!((row.status, count.load(Ordering::Relaxed)), (RunStatus::Failed, 5), "{program}: {row:?}");
        assert!(failed(&row).message.contains("503"), "{program}: {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_allowed_is_an_error_that_the_program_sees() {
    let (address, count) = model(0).await;
    let local = host(activities(&["127.0.0.1:1"])).await;
    for (program, words) in [
        ("ordinary", "HttpRequestDenied"),
        ("program-python", "HttpRequestDenied"),
        ("program-javascript", "the model cannot be reached"),
    ] {
        local.deploy(program).await;
        let run = local.start(program, program, talk(&format!("http://{address}/v1/chat/completions"))).await;
        let row = local.result(&run).await;
        assert!(failed(&row).message.contains(words), "{program}: {row:?}");
        let log = identical(&local, &run).await.log;
        assert!(log.iter().any(|line| line.contains("allow") && line.contains(&address)), "{program}: {log:?}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 0);
}
