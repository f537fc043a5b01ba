//! The fleet check: what a version would do to all histories, and nothing changes.

use std::collections::BTreeMap;

use abide_model::RunStatus;
use abide_runtime::Check;
use abide_runtime::view::{CheckVerdict, CheckedRun};
use abide_tests::{LocalHost, ScriptedPerformer, guest};
use bytes::Bytes;
use serde_json::json;

use super::workflow;

async fn check(local: &LocalHost, component: Bytes, filter: Option<&str>) -> Vec<CheckedRun> {
    let check = Check {
        workflow: workflow("order"),
        filter: filter.map(str::to_owned),
        component: Some(component),
        version: None,
        fuel: true,
    };
    let mut checking = local.host.check(&local.tenant, check).await.unwrap();
    let mut checked = Vec::new();
    while let Some(page) = checking.next().await.unwrap() {
        checked.extend(page);
    }
    checked
}

fn counts(checked: &[CheckedRun]) -> BTreeMap<CheckVerdict, usize> {
    let mut counts = BTreeMap::new();
    checked.iter().for_each(|checked| *counts.entry(checked.verdict).or_default() += 1);
    counts
}

#[tokio::test]
async fn all_histories_are_replayed_those_of_closed_runs_too() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy_as("order-v1", "order").await;
    for number in 0..70 {
        let run = local.start("order", &format!("o-{number}"), json!(null)).await;
        if number % 2 == 0 {
            local.signal(&run, "go", json!(number)).await;
            local.result(&run).await;
        } else {
            local.until_length(&run, 6).await;
        }
    }
    let before = super::all_runs(&local).await;
    assert_eq!(counts(&check(&local, guest("order-v1"), None).await), [(CheckVerdict::Identical, 70)].into());
    // It does the same until the signal comes.
    let third = check(&local, guest("order-v3"), None).await;
    assert_eq!(counts(&third), [(CheckVerdict::Identical, 35), (CheckVerdict::Diverges, 35)].into());
    for checked in &third {
        let differs = checked.verdict == CheckVerdict::Diverges;
        assert_eq!(differs, checked.status == RunStatus::Completed, "{checked:?}");
        let named = checked.reason.as_ref().is_some_and(|reason| reason.message.contains("notify"));
        assert_eq!(differs, named, "{checked:?}");
        // What stops uses no fuel that could be compared; the versions are the same up to the signal.
        assert_eq!(checked.fuel.is_none(), differs, "{checked:?}");
        assert!(checked.own_fuel.is_some_and(|fuel| fuel > 0), "{checked:?}");
    }
    assert_eq!(counts(&check(&local, guest("order-v2"), None).await), [(CheckVerdict::Diverges, 70)].into());
    let broken = check(&local, guest("order-broken"), Some("status = 'completed'")).await;
    assert_eq!(counts(&broken), [(CheckVerdict::Stops, 35)].into());
    assert_eq!(super::all_runs(&local).await, before);
}

#[tokio::test]
async fn a_check_is_about_one_thing() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let version = local.deploy_as("order-v1", "order").await;
    let check =
        |component, version, filter| Check { workflow: workflow("order"), filter, component, version, fuel: false };
    for wrong in [
        check(None, None, None),
        check(Some(guest("order-v1")), Some(version.clone()), None),
        check(None, Some("nobody".to_owned()), None),
        check(None, Some(version.clone()), Some("what".to_owned())),
        check(Some(Bytes::from_static(b"no component")), None, None),
    ] {
        assert!(local.host.check(&local.tenant, wrong).await.is_err());
    }
    let mut none = local.host.check(&local.tenant, check(None, Some(version), None)).await.unwrap();
    assert!(none.next().await.unwrap().is_some_and(|page| page.is_empty()));
    assert!(none.next().await.unwrap().is_none());
}
