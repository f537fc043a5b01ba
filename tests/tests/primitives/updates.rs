//! Updates, and runs that go on as new ones.

use abide_model::{ErrorCode, Json, Outcome, RunRef, RunStatus};
use abide_runtime::view::{UpdateStatus, WaitFor};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::{Value, json};

use crate::{LONG, SHORT, by_id, host, replays, result, row, send, update};

#[tokio::test]
async fn an_update_is_rejected_or_answered_and_the_same_one_comes_once() {
    let local = host(&["approval"]).await;
    let run = local.start("approval", "e-1", json!({ "cents": 500, "by": "bob", "patience_ms": 3_600_000 })).await;
    let own = update("u-1", "decide", json!({ "approve": true, "by": "bob" }), WaitFor::Completed);
    let answer = send(&local, &run, own, LONG).await;
    assert_eq!(answer.status, UpdateStatus::Rejected);
    assert!(matches!(&answer.outcome, Some(Outcome::Failed(failure)) if failure.code == "not-allowed"), "{answer:?}");
    let misfit = send(&local, &run, update("u-2", "decide", json!(7), WaitFor::Accepted), LONG).await;
    assert!(matches!(&misfit.outcome, Some(Outcome::Failed(failure)) if failure.code == "invalid-update"));

    let decision = || update("u-3", "decide", json!({ "approve": true, "by": "ada" }), WaitFor::Completed);
    let answer = send(&local, &run, decision(), LONG).await;
    assert_eq!(answer.status, UpdateStatus::Completed);
    assert_eq!(answer.outcome, Some(Outcome::Ok(Json::from(&json!({"approved": true, "by": "ada", "cents": 500})))));
    let ended = local.result(&run).await;
    assert_eq!(result(&ended)["approved"], true);

    // The run has ended: a caller that reconnects is given the same answer, and one that asks for something else is told so.
    let again = send(&local, &run, decision(), LONG).await;
    assert_eq!(again, answer);
    let shown = local.host.update_status(&local.tenant, &run, "u-3", WaitFor::Completed, SHORT).await.unwrap();
    assert_eq!(shown, answer);
    let other = update("u-3", "decide", json!({ "approve": false, "by": "ada" }), WaitFor::Completed);
    let error = local.host.update(&local.tenant, &run, other, SHORT).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::IdempotencyConflict);
    let error = local.host.update_status(&local.tenant, &run, "u-9", WaitFor::Completed, SHORT).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::UpdateNotFound);
    replays(&local, &run).await;
}

#[tokio::test]
async fn nobody_decides_in_time() {
    let local = host(&["approval"]).await;
    let run = local.start("approval", "e-1", json!({ "cents": 500, "by": "bob", "patience_ms": 50 })).await;
    assert_eq!(result(&local.result(&run).await)["by"], "nobody");
    let late = update("u-1", "decide", json!({ "approve": true, "by": "ada" }), WaitFor::Completed);
    let error = local.host.update(&local.tenant, &run, late, SHORT).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunClosed);
    replays(&local, &run).await;
}

#[tokio::test]
async fn an_update_waits_for_a_run_that_does_not_ask_and_outlives_the_host() {
    let local = host(&["relations"]).await;
    let run = local.start("relations", "w-1", json!({ "do": "wait", "then": 1 })).await;
    let waiting = send(&local, &run, update("u-1", "nothing", json!(null), WaitFor::Accepted), SHORT).await;
    assert_eq!((waiting.status, waiting.outcome), (UpdateStatus::Received, None));
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    local.signal(&run, "go", json!(null)).await;
    assert_eq!(result(&local.result(&run).await), json!(1));
    let told = send(&local, &run, update("u-1", "nothing", json!(null), WaitFor::Accepted), LONG).await;
    assert!(matches!(&told.outcome, Some(Outcome::Failed(failure)) if failure.code == "run-closed"), "{told:?}");
}

#[tokio::test]
async fn a_chat_goes_on_as_new_runs_and_who_writes_does_not_notice() {
    let performer = ScriptedPerformer::new(|activity| async move {
        let request = activity.request.to_json().read::<Value>().unwrap();
        let said = request["messages"].as_array().unwrap().len();
        Outcome::Ok(Json::from(&json!({
            "message": { "text": format!("{said} messages"), "tool_calls": [] },
            "finish_reason": "stop", "model": "m",
        })))
    });
    let local = LocalHost::new(performer).await;
    local.deploy("chat").await;
    let first = local.start("chat", "ada", json!({ "keep": 3, "turns_a_run": 2 })).await;
    let mut answers = Vec::new();
    for turn in 0..5 {
        let say = update(&format!("say-{turn}"), "say", json!(format!("turn {turn}")), WaitFor::Completed);
        let answer = send(&local, &by_id("ada"), say, LONG).await;
        match answer.outcome {
            Some(Outcome::Ok(json)) => answers.push(json.read::<String>().unwrap()),
            other => panic!("{other:?}"),
        }
    }
    // A system message and the question, then two more for each turn that is remembered.
    assert_eq!(answers, ["2 messages", "4 messages", "6 messages", "8 messages", "8 messages"]);
    let RunRef::Run(first_id) = first else { panic!("started by run id") };
    let old = row(&local, &first).await;
    assert_eq!(old.status, RunStatus::Continued);
    let next = row(&local, &RunRef::Run(old.continued_as.unwrap())).await;
    assert_eq!((next.continued_from, next.id.as_str()), (Some(first_id), "ada"));
    replays(&local, &first).await;
    replays(&local, &by_id("ada")).await;
    local.host.cancel(&local.tenant, &by_id("ada"), "bye").await.unwrap();
    assert_eq!(result(&local.result(&by_id("ada")).await), json!(5));
}
