//! A fork in which a call comes back with something else.

use abide_model::{ErrorCode, Failure, Outcome};
use abide_runtime::view::ForkRun;
use abide_tests::ScriptedPerformer;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn an_outcome_is_replaced() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(3, "nothing")).await;
    local.result(&run).await;
    // Event 4 is the outcome of call 1, event 3 its request: both name the call.
    let said = ok(&json!({ "content": [{ "type": "text", "text": "not what it was" }] }));
    for event in [3, 4] {
        let fork = fork(&local, &run, ForkRun { outcome: Some(said.clone()), ..at(event) }).await;
        assert_eq!(result(&local, &fork).await["answers"], json!([0, "not what it was", 2]));
        let row = row(&local, &fork).await;
        assert_eq!(performed(&performer, &row), once(&[2]), "the call is not performed");
        let history = local.history(&fork).await;
        assert_eq!((history[4].set_outcome, history[5].kind.as_str()), (Some(true), "call-completed"));
        assert_eq!(row.forked_from.unwrap().event, 4);
        replays(&local, &fork).await;
    }
    let failed = Outcome::Failed(Failure::new("out-of-order", "the machine is broken"));
    let fork = fork(&local, &run, ForkRun { outcome: Some(failed), ..at(2) }).await;
    assert_eq!(result(&local, &fork).await["answers"], json!(["out-of-order", 1, 2]));
}

/// A call that another one never comes back from.
#[tokio::test]
async fn an_outcome_is_given_to_a_call_that_is_open() {
    let performer = ScriptedPerformer::new(|activity| async move {
        match activity.call {
            1 => std::future::pending().await,
            _ => abide_tests::echo(&activity),
        }
    });
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(3, "sleep")).await;
    local.until_length(&run, 4).await;
    let answered = ok(&json!({ "structured": { "step": "made up" } }));
    let stuck = fork(&local, &run, ForkRun { outcome: Some(answered), ..at(3) }).await;
    local.until_length(&stuck, 9).await;
    // A timer rings when somebody says so.
    let rung = fork(&local, &stuck, ForkRun { outcome: Some(ok(&json!(1_900_000_000_000u64))), ..at(8) }).await;
    assert_eq!(result(&local, &rung).await, json!({ "answers": [0, "made up", 2], "last": "slept" }));
    replays(&local, &rung).await;
    local
        .while_closed(ScriptedPerformer::echoing(), async |store| {
            let due = abide_history::Store::due_timers(store, u64::MAX, 10).await.unwrap();
            assert_eq!(due.len(), 1, "only the timer of the fork that sleeps is left: {due:?}");
        })
        .await;
}

#[tokio::test]
async fn an_outcome_that_cannot_be_is_refused() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let run = local.start("teller", "tale", tale(1, "signal")).await;
    local.until_length(&run, 4).await;
    local.signal(&run, "go", json!(1)).await;
    local.result(&run).await;
    let tool = json!({ "content": [] });
    for (event, outcome, words) in [
        (1, ok(&json!("text")), "it looks like"),
        (1, ok(&json!({ "content": "text" })), "none that `tools.call` comes back with"),
        (1, Outcome::Failed(Failure::new("", "no code")), "the `code` of a failure has 1 to 128 bytes"),
        (0, ok(&tool), "0 is `run-started`, and an outcome is given at one that is `call-requested`"),
        (3, ok(&json!(1)), "what it comes back with is another event"),
        (4, ok(&tool), "4 is `signal-received`"),
        (5, ok(&tool), "5 is `run-completed`"),
        (99, ok(&tool), "the run has 6 events"),
    ] {
        let refused = try_fork(&local, &run, ForkRun { outcome: Some(outcome), ..at(event) }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument);
        assert!(refused.message.contains(words), "{refused}");
    }
    let large = ok(&json!({ "content": [{ "type": "text", "text": "x".repeat(5 << 20) }] }));
    let refused = try_fork(&local, &run, ForkRun { outcome: Some(large), ..at(1) }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooLarge);
    assert_eq!(local.host.forks(&local.tenant, &run, None, 10).await.unwrap().forks, []);
}
