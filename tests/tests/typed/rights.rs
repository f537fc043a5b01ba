//! What a tool component may reach and see.

use axum::routing::get;
use serde_json::{Value, json};

use crate::{BOUND, COMPONENT, host, host_of, perform};

#[tokio::test]
async fn a_component_fetches_what_its_own_list_allows() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = axum::Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

    let steps = json!([{ "fetch": format!("http://{address}/") }]);
    let allowed = host(&format!("http = {{ allow = [\"{address}\"] }}\n")).await;
    assert_eq!(perform(&allowed, "f", steps.clone()).await, [json!({ "ok": 200 })]);
    // What workflows may fetch is not what the component may fetch.
    let denied = host_of(&format!("http = {{ allow = [\"{address}\"] }}\n{COMPONENT}{BOUND}")).await;
    let result = &perform(&denied, "f", steps).await[0];
    assert_eq!(result["code"], "denied");
    assert!(result["message"].as_str().unwrap().contains("[components.crm.http]"), "{result}");
}

#[tokio::test]
async fn a_component_sees_its_own_environment_and_no_other() {
    let local = host("env = { CRM_KEY = \"secret\" }\n").await;
    let steps = json!([{ "variable": "CRM_KEY" }, { "variable": "PATH" }, { "variable": "ABIDE_RUN_ID" }]);
    assert_eq!(perform(&local, "e", steps).await, [json!("secret"), Value::Null, Value::Null]);
}
