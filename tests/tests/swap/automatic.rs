//! The policy `automatic`: a version that becomes active is swapped in by itself.

use std::time::{Duration, Instant};

use abide_model::{RunRef, RunStatus, SwapPolicy};
use abide_runtime::view::ChangeWorkflow;
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;

use super::{completed, row, workflow};

async fn set_policy(local: &LocalHost, policy: SwapPolicy) {
    let change = ChangeWorkflow { swap: Some(policy), ..ChangeWorkflow::default() };
    let changed = local.host.change_workflow(&local.tenant, &workflow("order"), change).await.unwrap();
    assert_eq!(changed.swap, policy);
}

async fn until_on(local: &LocalHost, run: &RunRef, version: &str) {
    let began = Instant::now();
    while row(local, run).await.version.to_string() != version {
        assert!(began.elapsed() < Duration::from_secs(60), "the run is not swapped");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn open_runs_follow_the_active_version() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    let broken = local.deploy_as("order-broken", "order").await;
    set_policy(&local, SwapPolicy::Automatic).await;
    let waits = local.start("order", "waits", json!(null)).await;
    let pinned = local.start("order", "pinned", json!(null)).await;
    let stopped = local.start("order", "stopped", json!(null)).await;
    for run in [&waits, &pinned, &stopped] {
        local.until_length(run, 6).await;
    }
    local.host.pin(&local.tenant, &pinned, true).await.unwrap();
    local.signal(&stopped, "go", json!(1)).await;
    local.until(&stopped, RunStatus::Parked).await;

    let repaired = local.deploy_as("order-v1", "order").await;
    until_on(&local, &waits, &repaired).await;
    assert_eq!(completed(&local, &stopped).await["version"], 1);
    assert_eq!(row(&local, &pinned).await.version.to_string(), broken);

    // One that does not fit is tried once, and the run says so.
    let wrong = local.deploy_as("order-v2", "order").await;
    let began = Instant::now();
    while row(&local, &waits).await.held_back.is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "the run was not tried");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(row(&local, &waits).await.held_back.unwrap().version.to_string(), wrong);

    // What was active before is active again.
    let rollback = ChangeWorkflow { rollback: true, ..ChangeWorkflow::default() };
    let back = local.host.change_workflow(&local.tenant, &workflow("order"), rollback).await.unwrap();
    assert_eq!(back.active.map(|active| active.to_string()), Some(repaired));
    local.signal(&waits, "go", json!(2)).await;
    assert_eq!(completed(&local, &waits).await["version"], 1);
}

#[tokio::test]
async fn a_host_that_comes_up_goes_on_with_it() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    local.deploy_as("order-v1", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;
    // Nothing happens under the policy `manual`.
    let next = local.deploy_as("order-v3", "order").await;
    let local = local.reopen(performer.clone()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_ne!(row(&local, &run).await.version.to_string(), next);
    set_policy(&local, SwapPolicy::Automatic).await;
    // At whatever moment it goes down: the rows say what is to be done.
    let local = local.reopen(performer.clone()).await;
    until_on(&local, &run, &next).await;
    local.signal(&run, "go", json!(1)).await;
    assert_eq!(completed(&local, &run).await["version"], 3);
}
