//! What goes wrong: in a component, between attempts, and where nobody is bound.

use abide_model::{ErrorCode, ParkKind, RunRef, RunStatus, WorkflowName};
use abide_tests::{LocalHost, guest};
use serde_json::json;

use crate::{BOUND, COMPONENT, activities, host, host_of, perform};

#[tokio::test]
async fn what_goes_wrong_in_a_component_ends_that_call_and_nothing_else() {
    let local = host("").await;
    let steps = json!(["panic", "spin", { "grow": 1_u64 << 30 }, { "find": "Ada" }, { "wait": 20 }]);
    let results = perform(&local, "w", steps).await;
    let failures = [("trapped", true), ("fuel-exhausted", false), ("memory-exceeded", false)];
    for (result, (code, retryable)) in results.iter().zip(failures) {
        assert_eq!((&result["code"], &result["retryable"]), (&code.into(), &retryable.into()), "{result}");
        assert!(result["message"].as_str().unwrap().contains("`crm`"), "{result}");
    }
    assert_eq!(results[3]["name"], "Ada");
    assert!(results[4]["ok"].as_u64().unwrap() >= 20, "{}", results[4]);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_ended_and_tried_again_as_configured() {
    let more = "attempt_timeout_ms = 500\nretry = { max_attempts = 3, initial_interval_ms = 10, jitter = 0.0 }\n";
    let component = COMPONENT.replace("retry = { max_attempts = 1 }", more);
    let local = host_of(&format!("{component}{BOUND}")).await;
    let results = perform(&local, "t", json!([{ "wait": 60_000 }, "panic", "spin"])).await;
    let codes: Vec<_> = results.iter().map(|result| result["code"].as_str().unwrap()).collect();
    assert_eq!(codes[..2], ["timeout", "trapped"]);
    // A busy machine may not get through the fuel in time.
    assert!(matches!(codes[2], "fuel-exhausted" | "timeout"), "{codes:?}");
    let history = local.history(&RunRef::parse("t").unwrap()).await;
    let attempts: Vec<_> =
        history.iter().filter(|event| event.kind == "call-completed").filter_map(|event| event.attempts).collect();
    assert_eq!(attempts[..2], [3, 3], "time-outs and traps are tried again");
}

#[tokio::test]
async fn a_failure_that_the_type_cannot_say_parks_the_run() {
    let local = host("").await;
    let run = local.start("crm-flow", "s", json!(["silent"])).await;
    let row = local.until(&run, RunStatus::Parked).await;
    let reason = row.parked.unwrap();
    assert_eq!(reason.kind, ParkKind::GuestError);
    assert!(
        reason.message.contains("acme:crm/mischief@1.2.0.silent") && reason.message.contains("trapped"),
        "{reason:?}"
    );
}

#[tokio::test]
async fn what_is_not_bound_is_refused_at_the_upload_and_fails_at_the_call() {
    let config = format!("{COMPONENT}[activities]\n\"acme:crm/customers\" = {{ component = \"crm\" }}\n");
    let local = LocalHost::new(activities(&config)).await;
    let name = WorkflowName::parse("crm-flow").unwrap();
    let error = local.host.deploy(&local.tenant, &name, guest("crm-flow")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidComponent);
    assert!(error.message.contains("`acme:crm/") && error.message.contains("[activities]"), "{error}");

    // It was deployed while everything was bound.
    let local = host("").await.reopen(activities(COMPONENT)).await;
    let results = perform(&local, "n", json!([{ "find": "Ada" }, "panic"])).await;
    assert!(results[0]["other"].as_str().unwrap().starts_with("not-bound: nobody performs"), "{}", results[0]);
    assert_eq!(results[1]["code"], "not-bound");
}
