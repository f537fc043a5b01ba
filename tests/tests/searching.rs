//! What a run can be found by, and how long it is kept.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::time::Duration;

use abide_history::{RedbStore, RunFilter, Store};
use abide_model::{CallerId, Json, RunRef, RunStatus, WorkflowName};
use abide_runtime::Retention;
use abide_runtime::view::{ReplayVerdict, StartRun};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::{Value, json};

async fn start(local: &LocalHost, id: &str, input: Value, attributes: Value) -> RunRef {
    let start = StartRun {
        id: Some(CallerId::parse(id).unwrap()),
        input: Json::from(&input),
        attributes: serde_json::from_value(attributes).unwrap(),
        ..StartRun::of(WorkflowName::parse("labels").unwrap())
    };
    RunRef::Run(local.host.start(&local.tenant, start).await.unwrap().run.run_id)
}

async fn found(local: &LocalHost, filter: &str) -> Vec<String> {
    let filter = RunFilter { filter: Some(local.host.filter(filter).unwrap()), ..RunFilter::default() };
    let runs = local.host.runs(&local.tenant, &filter, None, 100).await.unwrap().runs;
    runs.iter().map(|run| run.id.to_string()).collect()
}

async fn until_found(local: &LocalHost, filter: &str, expected: &[&str]) {
    let began = std::time::Instant::now();
    while found(local, filter).await != expected {
        assert!(began.elapsed() < Duration::from_secs(60), "`{filter}` finds {:?}", found(local, filter).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_guest_changes_what_its_run_is_found_by() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy("labels").await;
    let run = start(&local, "a", json!({"stage": "draft"}), json!({"customer": "acme", "stage": "new"})).await;
    until_found(&local, "stage = 'draft' and customer = 'acme'", &["a"]).await;
    assert_eq!(found(&local, "stage = 'new'").await, Vec::<String>::new());
    local.signal(&run, "set", json!({"stage": null, "amount": 12.5, "tags": ["x", "y"]})).await;
    until_found(&local, "amount > 12 and tags = 'y' and stage = null", &["a"]).await;

    // Refused: nothing changes, and the guest is told why.
    for (changes, code) in [
        (json!({"Stage": 1}), "invalid-request"),
        (json!([1]), "invalid-request"),
        (json!({"long": "x".repeat(300)}), "too-large"),
        ((0..40).map(|n| (format!("n{n}"), json!(n))).collect(), "too-large"),
    ] {
        local.signal(&run, "set", changes).await;
        let began = std::time::Instant::now();
        let refused = || async { local.host.query(&local.tenant, &run, "refused", Json::null()).await.unwrap() };
        while refused().await.as_str() != format!("\"{code}\"") {
            assert!(began.elapsed() < Duration::from_secs(60), "{code} does not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        local.signal(&run, "set", json!({"count": 1})).await;
        let began = std::time::Instant::now();
        while refused().await.as_str() != "null" {
            assert!(began.elapsed() < Duration::from_secs(60), "the run does not go on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    // Another process replays it, and knows which attributes it has.
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    assert_eq!(found(&local, "amount = 12.5").await, ["a"]);
    local.signal(&run, "set", json!({"customer": "beta"})).await;
    until_found(&local, "customer = 'beta' and tags = 'x' and count = 1", &["a"]).await;
    local.signal(&run, "set", json!(null)).await;
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Completed);
    let shown = serde_json::to_value(&row.attributes).unwrap();
    assert_eq!(shown, json!({"amount": 12.5, "count": 1, "customer": "beta", "tags": ["x", "y"]}));
    let replayed = local.host.replay(&local.tenant, &run, None).await.unwrap();
    assert_eq!(replayed.verdict, ReplayVerdict::Identical);
}

#[tokio::test]
async fn runs_that_ended_long_ago_are_deleted() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy("waiter").await;
    local.deploy_as("waiter", "audit").await;
    for (workflow, id) in [("waiter", "old"), ("audit", "kept")] {
        let run = local.start(workflow, id, json!(null)).await;
        local.signal(&run, "go", json!(1)).await;
        local.result(&run).await;
    }
    local.start("waiter", "open", json!(null)).await;
    let names = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let local = local.reopen_with(ScriptedPerformer::echoing(), |config| {
        config.retention = Retention { closed_runs: Some(Duration::from_secs(3600)), ..Retention::default() };
    });
    let local = local.await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(found(&local, "started > -1h").await, names(&["open", "kept", "old"]), "none is old enough");
    let local = local.reopen_with(ScriptedPerformer::echoing(), |config| {
        let workflows = BTreeMap::from([(WorkflowName::parse("audit").unwrap(), None)]);
        config.retention = Retention { closed_runs: Some(Duration::ZERO), workflows, audit: None };
    });
    let local = local.await;
    until_found(&local, "started > -1h", &["open", "kept"]).await;
    let old = RunRef::Caller(CallerId::parse("old").unwrap());
    assert!(local.host.describe(&local.tenant, &old).await.is_err());
}

#[tokio::test]
async fn a_deletion_that_was_cut_short_is_finished_when_the_host_comes_up() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy("steps").await;
    // More rows than one change removes.
    let run = local.start("steps", "long", json!({"steps": 1200, "provider": "bench", "tool": "echo"})).await;
    assert_eq!(local.result(&run).await.status, RunStatus::Completed);
    let tenant = local.tenant.clone();
    let RunRef::Run(run_id) = run else { unreachable!("a start gives a run id") };
    let begin_to_delete = async |store: &RedbStore| {
        let mut deletion = store.delete(&tenant, run_id);
        // The first change is queued, and the one who wanted more of them is gone.
        let first = std::future::poll_fn(|context| std::task::Poll::Ready(deletion.as_mut().poll(context))).await;
        assert!(first.is_pending());
        drop(deletion);
        let began = std::time::Instant::now();
        while store.unfinished_deletions(10).await.unwrap() != [(tenant.clone(), run_id)] {
            assert!(began.elapsed() < Duration::from_secs(60), "the deletion does not begin");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(store.run(&tenant, run_id).await.unwrap(), None);
        assert!(store.length(&tenant, run_id).await.unwrap() > 0, "something is left");
    };
    let local = local.while_closed(ScriptedPerformer::echoing(), begin_to_delete).await;
    assert!(local.host.describe(&tenant, &run).await.is_err(), "half a run is none");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let nothing_is_left = async |store: &RedbStore| {
        assert_eq!(store.unfinished_deletions(10).await.unwrap(), []);
        assert_eq!(store.length(&tenant, run_id).await.unwrap(), 0);
    };
    local.while_closed(ScriptedPerformer::echoing(), nothing_is_left).await;
}
