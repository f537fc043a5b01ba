//! A fork goes on from an event: what it shares, what is its own, and that the other run is not touched.

use abide_model::{ErrorCode, RunRef, RunStatus};
use abide_runtime::view::ForkRun;
use abide_tests::ScriptedPerformer;
use serde_json::json;

use crate::support::*;

/// The history of the guest is: start, then a request and an outcome for each step, then the end.
#[tokio::test]
async fn a_fork_of_a_closed_run_goes_on_by_itself() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(4, "nothing")).await;
    let whole = result(&local, &run).await;
    assert_eq!(whole, json!({ "answers": [0, 1, 2, 3], "last": null }));
    let before = local.history(&run).await;
    let origin = row(&local, &run).await;

    // Event 4 is the outcome of the second call.
    let fork = fork(&local, &run, ForkRun { id: "other".parse_id(), ..at(4) }).await;
    assert_eq!(result(&local, &fork).await, whole, "what its guest is told is what the other one was told");
    let forked = row(&local, &fork).await;
    assert_eq!(forked.id.as_str(), "other");
    let from = forked.forked_from.unwrap();
    assert_eq!((from.run_id, from.event, from.root), (origin.run_id, 4, origin.run_id));

    let history = local.history(&fork).await;
    assert_eq!(history[..4], before[..4]);
    assert_eq!((history[4].kind.as_str(), history[4].forked_event), ("run-forked", Some(4)));
    assert_eq!(asked(&history), asked(&before), "the run id that it names and its random numbers are the same");
    assert_eq!(performed(&performer, &forked), once(&[1, 2, 3]), "what had no outcome then is performed for it");
    assert_eq!(performed(&performer, &origin), once(&[0, 1, 2, 3]));
    assert_eq!(local.history(&run).await, before);
    replays(&local, &fork).await;
    replays(&local, &run).await;

    // The same from its middle of a step: event 5 is the request that follows from the outcome 4.
    let again = crate::support::fork(&local, &run, at(5)).await;
    assert_eq!(result(&local, &again).await, whole);
    assert_eq!(row(&local, &again).await.forked_from.unwrap().event, 5);
    for event in [0, 10, 99, u64::MAX] {
        let refused = try_fork(&local, &run, at(event)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidArgument, "{refused}");
        assert!(refused.message.contains("is not between 1 and 9"), "{refused}");
    }
}

#[tokio::test]
async fn what_was_shown_at_the_cut_is_there_before_the_fork_runs() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let run = local.start("teller", "tale", tale(3, "signal")).await;
    local.until_length(&run, 8).await;
    assert_eq!(published(&local, &run, "step").await, Some(json!(2)));
    let attribute = async |run: &RunRef| serde_json::to_value(row(&local, run).await.attributes).unwrap();
    // The step that event 6 is given to is not shared: the fork makes it, and shows step 2 again.
    let first = fork(&local, &run, at(6)).await;
    local.until_length(&first, 9).await;
    assert_eq!(published(&local, &first, "step").await, Some(json!(2)));
    assert_eq!(attribute(&first).await, json!({ "step": 2 }));
    // A reset has it as well: at once, since the last step of the shared events is whole.
    let length = local.history(&run).await.len() as u64;
    let reset = abide_runtime::view::ResetRun { event: length, version: None };
    let again = local.host.reset(&local.tenant, &run, reset).await.unwrap();
    assert_eq!(serde_json::to_value(&again.run.attributes).unwrap(), json!({ "step": 2 }));
    assert_eq!(published(&local, &RunRef::Run(again.run.run_id), "step").await, Some(json!(2)));
}

#[tokio::test]
async fn a_fork_of_an_open_run_leaves_it_alone() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(2, "signal")).await;
    local.until_length(&run, 6).await;
    local.signal(&run, "other", json!(1)).await;
    let fork = fork(&local, &run, at(6)).await;
    assert_eq!(row(&local, &run).await.status, RunStatus::Running);
    local.signal(&fork, "go", json!("fork")).await;
    assert_eq!(result(&local, &fork).await["last"], "fork");
    let outline = local.outline(&fork).await;
    assert_eq!(outline.iter().filter(|event| *event == "signal-received").count(), 1, "{outline:?}");
    local.signal(&run, "go", json!("run")).await;
    assert_eq!(result(&local, &run).await["last"], "run");
    replays(&local, &fork).await;
}

/// A call that never comes back for the run is performed for each fork, under its own key.
#[tokio::test]
async fn calls_that_were_open_are_performed_again() {
    let performer = ScriptedPerformer::new(|activity| async move {
        let request: serde_json::Value = activity.request.head.read().unwrap();
        if activity.call == 1 && request["arguments"]["run"] == json!(activity.run_id) {
            std::future::pending::<()>().await;
        }
        abide_tests::echo(&activity)
    });
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(2, "nothing")).await;
    local.until_length(&run, 4).await;
    let fork = fork(&local, &run, at(4)).await;
    assert_eq!(result(&local, &fork).await["answers"], json!([0, 1]));
    assert_eq!(performed(&performer, &row(&local, &fork).await), once(&[1]));
    assert_eq!(local.history(&run).await.len(), 4, "the run waits still");
    replays(&local, &fork).await;
}

#[tokio::test]
async fn a_timer_keeps_its_time() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let run = local.start("teller", "tale", tale(1, "sleep")).await;
    local.until_length(&run, 4).await;
    let fork = fork(&local, &run, at(4)).await;
    pause().await;
    let since = async |run: &RunRef| {
        let described = local.host.describe(&local.tenant, run).await.unwrap();
        described.open_calls.iter().map(|call| call.since_ms).collect::<Vec<_>>()
    };
    assert_eq!(since(&fork).await, since(&run).await);
    let local = local.while_closed(ScriptedPerformer::echoing(), async |store| {
        let due = abide_history::Store::due_timers(store, u64::MAX, 10).await.unwrap();
        assert_eq!(due.len(), 2, "{due:?}");
        assert_eq!(due[0].timer, due[1].timer);
    });
    let local = local.await;
    local.host.terminate(&local.tenant, &fork, "enough").await.unwrap();
    assert_eq!(local.result(&fork).await.status, RunStatus::Terminated);
    assert_eq!(row(&local, &run).await.status, RunStatus::Running);
}

/// A time limit counts from the fork.
#[tokio::test]
async fn a_run_timeout_counts_anew() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let start = abide_runtime::view::StartRun {
        input: abide_model::Json::from(&tale(1, "signal")),
        run_timeout_ms: Some(300),
        ..abide_runtime::view::StartRun::of(abide_model::WorkflowName::parse("teller").unwrap())
    };
    let run = RunRef::Run(local.host.start(&local.tenant, start).await.unwrap().run.run_id);
    assert_eq!(local.result(&run).await.status, RunStatus::TimedOut);
    let fork = fork(&local, &run, at(4)).await;
    assert_eq!(row(&local, &fork).await.status, RunStatus::Running);
    assert_eq!(local.result(&fork).await.status, RunStatus::TimedOut);
    local
        .while_closed(ScriptedPerformer::echoing(), async |store| {
            assert_eq!(abide_history::Store::due_timers(store, u64::MAX, 10).await.unwrap(), []);
        })
        .await;
}

/// Its shared events are replayed first.
#[tokio::test]
async fn a_fork_onto_another_version() {
    let local = host(&ScriptedPerformer::echoing()).await;
    let run = local.start("teller", "tale", tale(2, "signal")).await;
    local.until_length(&run, 6).await;
    let other = local.deploy_as("steps", "teller").await;
    let refused = try_fork(&local, &run, ForkRun { version: Some(other.clone()), ..at(6) }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::HistoryDiffers);
    let words = ["event 1", "`tools.call`", "does not come to event 6", "fork the run before that"];
    assert!(words.iter().all(|word| refused.message.contains(word)), "{refused}");
    assert_eq!(local.host.forks(&local.tenant, &run, None, 10).await.unwrap().forks, []);
    // Before the first call it may be anything; here the input does not fit, and it says so in its result.
    let fork = fork(&local, &run, ForkRun { version: Some(other.clone()), ..at(1) }).await;
    let row = local.result(&fork).await;
    assert_eq!((row.version.to_string(), row.status), (other, RunStatus::Failed));
    assert_eq!(local.outline(&fork).await[..3], ["run-started", "run-forked", "version-changed"]);
    let unknown = try_fork(&local, &run, ForkRun { version: Some("0123456789".into()), ..at(1) }).await.unwrap_err();
    assert_eq!(unknown.code, ErrorCode::VersionNotFound);
}

/// An id, in a test.
pub(crate) trait ParseId {
    fn parse_id(self) -> Option<abide_model::CallerId>;
}

impl ParseId for &str {
    fn parse_id(self) -> Option<abide_model::CallerId> {
        abide_model::CallerId::parse(self).ok()
    }
}
