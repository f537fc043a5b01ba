//! Calls by their types: what is recorded, what comes back, and how much of it may come.

use abide_model::{Outcome, RunRef};
use serde_json::{Value, json};

use crate::{host, perform};

#[tokio::test]
async fn functions_are_called_by_their_types_and_recorded_as_json() {
    let local = host("").await;
    let results = perform(&local, "a", json!([{ "find": "Ada" }, { "find": "Bob" }])).await;
    let ada = json!({ "name": "Ada", "email": "ada@example.com", "tags": ["vip"] });
    assert_eq!(results, [ada, json!({ "unknown": "Bob" })]);

    let history = local.history(&RunRef::parse("a").unwrap()).await;
    let requested: Vec<_> = history.iter().filter_map(|event| event.request.clone()).collect();
    let first: Value = requested
        .iter()
        .map(|request| request.read().unwrap())
        .find(|request: &Value| request["function"] == "find")
        .unwrap();
    let expected = json!({
        "interface": "acme:crm/customers@1.2.0",
        "function": "find",
        "arguments": { "name": "Ada", "with-tags": true },
    });
    assert_eq!(first, expected);
    let outcomes: Vec<Value> = history
        .iter()
        .filter(|event| event.kind == "call-completed")
        .filter_map(|event| match &event.outcome {
            Some(Outcome::Ok(outcome)) => Some(outcome.read().unwrap()),
            _ => None,
        })
        .collect();
    let found = json!({ "ok": { "name": "Ada", "email": "ada@example.com", "tags": ["vip"], "tier": "paid" } });
    // An error that the function gives is a result: it is recorded as one, and not tried again.
    assert_eq!(outcomes, [found, json!({ "error": { "unknown": "Bob" } })]);
}

#[tokio::test]
async fn every_kind_of_value_goes_there_and_back() {
    let local = host("").await;
    let results = perform(&local, "v", json!(["echo", "echo_plain", "echo"])).await;
    assert_eq!(results, vec![json!({ "same": true }); 3]);
}

#[tokio::test]
async fn calls_run_at_the_same_time() {
    let local = host("").await;
    let names: Vec<_> = (0..40).map(|number| format!("nobody {number}")).collect();
    let unknown: Vec<_> = names.iter().map(|name| json!({ "unknown": name })).collect();
    // Workflow and components compete for the only thread: none of them may wait for what another one has and does not use.
    for round in 0..10 {
        let results = perform(&local, &format!("m{round}"), json!([{ "find_all": names }])).await;
        assert_eq!(results, [Value::from(unknown.clone())]);
    }
}

#[tokio::test]
async fn each_call_has_an_instance_of_its_own() {
    let local = host("").await;
    assert_eq!(perform(&local, "c", json!(["count", "count", "count"])).await, [1, 1, 1]);
}

#[tokio::test]
async fn hostile_sizes_are_failures_by_name() {
    let local = host("").await;
    let steps = json!([{ "take": 2_000_000 }, { "take": 1000 }, { "many": 400_000 }, { "many": 1000 }]);
    let results = perform(&local, "h", steps).await;
    // The request of a workflow has its limit, and so has the result of a component.
    for place in [0, 2] {
        assert_eq!(results[place]["code"], "too-large", "{}", results[place]);
    }
    assert_eq!([&results[1], &results[3]], [&json!({ "ok": 1000 }), &json!({ "ok": 1000 })]);
}
