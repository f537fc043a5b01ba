//! Which version new runs take: activation, labels, ramps, rolling back, and the end of versions.

use abide_model::{ErrorCode, Label, RunRef};
use abide_runtime::view::{ChangeVersion, ChangeWorkflow, SetRamp, StartRun, Upload};
use abide_tests::{LocalHost, ScriptedPerformer, guest, guest_again};
use serde_json::json;

use super::{row, upload, workflow};

async fn change(local: &LocalHost, change: ChangeWorkflow) -> Result<abide_runtime::view::Workflow, ErrorCode> {
    local.host.change_workflow(&local.tenant, &workflow("waiter"), change).await.map_err(|error| error.code)
}

fn activate(version: &str) -> ChangeWorkflow {
    ChangeWorkflow { activate: Some(version.to_owned()), ..ChangeWorkflow::default() }
}

fn ramp(version: &str, percent: u8) -> ChangeWorkflow {
    let ramp = Some(SetRamp { version: version.to_owned(), percent });
    ChangeWorkflow { ramp, ..ChangeWorkflow::default() }
}

async fn version_of(local: &LocalHost, run: &RunRef) -> String {
    row(local, run).await.version.to_string()
}

#[tokio::test]
async fn new_runs_take_the_active_version_and_a_rollback_undoes_it() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let first = local.deploy("waiter").await;
    let second = upload(&local, guest_again("waiter", 2), "waiter").await;
    let run = local.start("waiter", "w-1", json!(null)).await;
    assert_eq!(version_of(&local, &run).await, first);
    change(&local, activate(&second)).await.unwrap();
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    let run = local.start("waiter", "w-2", json!(null)).await;
    assert_eq!(version_of(&local, &run).await, second);
    let rollback = ChangeWorkflow { rollback: true, ..ChangeWorkflow::default() };
    assert_eq!(change(&local, rollback.clone()).await.unwrap().active.map(|active| active.to_string()), Some(first));
    assert_eq!(change(&local, rollback.clone()).await.unwrap_err(), ErrorCode::Conflict);
    let both = ChangeWorkflow { activate: Some(second), ..rollback };
    assert_eq!(change(&local, both).await.unwrap_err(), ErrorCode::InvalidArgument);
    assert_eq!(change(&local, activate("nobody")).await.unwrap_err(), ErrorCode::VersionNotFound);
    assert_eq!(change(&local, activate("No Label")).await.unwrap_err(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_ramp_gives_a_version_its_part_of_the_new_runs() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let first = local.deploy("waiter").await;
    let second = upload(&local, guest_again("waiter", 2), "waiter").await;
    change(&local, ramp(&second, 30)).await.unwrap();
    let mut taken = 0;
    for number in 0..100 {
        let run = local.start("waiter", &format!("w-{number}"), json!(null)).await;
        let version = version_of(&local, &run).await;
        taken += usize::from(version == second);
        if number < 3 {
            // The same id has the same answer.
            local.host.terminate(&local.tenant, &run, "").await.unwrap();
            let run = local.start("waiter", &format!("w-{number}"), json!(null)).await;
            assert_eq!(version_of(&local, &run).await, version);
        }
    }
    assert!((15..45).contains(&taken), "{taken} of 100");
    change(&local, ramp(&second, 0)).await.unwrap();
    let run = local.start("waiter", "after", json!(null)).await;
    assert_eq!(version_of(&local, &run).await, first);
    assert_eq!(change(&local, ramp(&second, 100)).await.unwrap_err(), ErrorCode::InvalidArgument);
    assert_eq!(change(&local, ramp(&first, 10)).await.unwrap_err(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_label_names_one_version_at_a_time() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let name = workflow("waiter");
    let labelled = |labels: &[&str]| Upload {
        labels: labels.iter().map(|label| Label::parse(label).unwrap()).collect(),
        ..Upload::default()
    };
    let deploy = async |file, upload| {
        let deployed = local.host.upload(&local.tenant, &name, file, upload).await.unwrap();
        deployed.version.version.to_string()
    };
    let first = deploy(guest("waiter"), labelled(&["v1", "stable"])).await;
    let second = deploy(guest_again("waiter", 2), labelled(&["v2", "stable"])).await;
    for (label, version) in [("v1", &first), ("v2", &second), ("stable", &second)] {
        let described = local.host.version(&local.tenant, &name, label).await.unwrap();
        assert_eq!(described.version.version.to_string(), *version, "{label}");
    }
    let start = StartRun { version: Some("v1".to_owned()), ..StartRun::of(name.clone()) };
    assert_eq!(local.host.start(&local.tenant, start).await.unwrap().run.version.to_string(), first);
    // The label goes back.
    let stable = Label::parse("stable").unwrap();
    let moved = ChangeVersion { add_labels: vec![stable.clone()], ..ChangeVersion::default() };
    local.host.change_version(&local.tenant, &name, "v1", moved).await.unwrap();
    assert!(!local.host.version(&local.tenant, &name, "v2").await.unwrap().version.labels.has("stable"));
    let taken = ChangeVersion { remove_labels: vec![stable], ..ChangeVersion::default() };
    local.host.change_version(&local.tenant, &name, "v1", taken.clone()).await.unwrap();
    let error = local.host.change_version(&local.tenant, &name, "v1", taken).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_version_ends_when_nothing_uses_it() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let name = workflow("waiter");
    let first = local.deploy("waiter").await;
    let run = local.start("waiter", "w-1", json!(null)).await;
    local.until_length(&run, 2).await;
    let deactivate = ChangeVersion { deactivated: Some(true), ..ChangeVersion::default() };
    let change_first = async |change| {
        local.host.change_version(&local.tenant, &name, &first, change).await.map_err(|error| error.code)
    };
    assert_eq!(change_first(deactivate.clone()).await.unwrap_err(), ErrorCode::Conflict, "it is active");
    local.host.deploy(&local.tenant, &name, guest_again("waiter", 2)).await.unwrap();
    change_first(deactivate).await.unwrap();
    let start = StartRun { version: Some(first.clone()), ..StartRun::of(name.clone()) };
    assert_eq!(local.host.start(&local.tenant, start).await.unwrap_err().code, ErrorCode::Conflict);
    let rollback = ChangeWorkflow { rollback: true, ..ChangeWorkflow::default() };
    assert_eq!(change(&local, rollback).await.unwrap_err(), ErrorCode::Conflict, "it was the only one");

    let delete = async || local.host.delete_version(&local.tenant, &name, &first).await.map_err(|error| error.code);
    assert_eq!(delete().await.unwrap_err(), ErrorCode::Conflict, "a run is on it");
    local.host.terminate(&local.tenant, &run, "").await.unwrap();
    assert_eq!(delete().await.unwrap_err(), ErrorCode::Conflict, "a run that has ended is on it");
    local.host.delete(&local.tenant, &run).await.unwrap();
    delete().await.unwrap();
    assert_eq!(delete().await.unwrap_err(), ErrorCode::VersionNotFound);
    assert_eq!(local.host.workflow(&local.tenant, &name).await.unwrap().versions.len(), 1);
    // It comes back with its file.
    assert_eq!(local.deploy("waiter").await, first);
    let run = local.start("waiter", "w-3", json!(null)).await;
    local.signal(&run, "go", json!(1)).await;
    assert_eq!(super::completed(&local, &run).await, json!(1));
}
