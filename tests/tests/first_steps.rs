//! The shortest ways through a host: a chain of calls, a signal, a restart.

use abide_model::{Json, Outcome, RunStatus};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;

#[tokio::test]
async fn a_chain_of_calls_ends_with_its_result() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    local.deploy("steps").await;
    let run = local.start("steps", "s-1", json!({ "steps": 3, "provider": "bench", "tool": "echo" })).await;
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Completed, "{row:?}");
    assert_eq!(row.outcome, Some(Outcome::Ok(Json::parse("3").unwrap())));
    assert_eq!(
        local.outline(&run).await,
        [
            "run-started",
            "call-requested 0",
            "call-completed 0",
            "call-requested 1",
            "call-completed 1",
            "call-requested 2",
            "call-completed 2",
            "run-completed",
        ]
    );
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}

#[tokio::test]
async fn a_run_that_waits_outlives_the_host() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy("waiter").await;
    let run = local.start("waiter", "w-1", json!(null)).await;
    local.until_length(&run, 2).await;
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    local.signal(&run, "go", json!({ "by": "ada" })).await;
    let row = local.result(&run).await;
    assert_eq!(row.outcome, Some(Outcome::Ok(Json::parse(r#"{"by":"ada"}"#).unwrap())), "{row:?}");
}
