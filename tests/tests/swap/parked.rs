//! Fix forward: runs that stopped go on in bulk with a version that does not.

use abide_model::RunStatus;
use abide_runtime::view::SwapVerdict;
use abide_tests::{LocalHost, ScriptedPerformer, guest, guest_again};
use serde_json::json;

use super::{asked, completed, counts, row, swap, swap_with, upload};

#[tokio::test]
async fn parked_runs_go_on_with_a_repaired_version() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    let broken = local.deploy_as("order-broken", "order").await;
    let mut runs = Vec::new();
    for number in 0..12 {
        let run = local.start("order", &format!("o-{number}"), json!(null)).await;
        local.until_length(&run, 6).await;
        // Some of them wait still.
        if number % 4 != 0 {
            local.signal(&run, "go", json!({ "to": number })).await;
            local.until(&run, RunStatus::Parked).await;
        }
        runs.push(run);
    }
    let wrong = upload(&local, guest("order-v2"), "order").await;
    let repaired = upload(&local, guest("order-v1"), "order").await;

    // A version that does not fit leaves all as they are.
    let report = swap(&local, "order", &wrong).await;
    assert_eq!(counts(&report), [(SwapVerdict::Diverges, 12)], "{report:?}");
    let parked = row(&local, &runs[1]).await;
    assert_eq!((parked.status, parked.version.to_string()), (RunStatus::Parked, broken));

    let dry = abide_runtime::view::SwapRuns { dry_run: true, ..asked(&repaired) };
    let report = swap_with(&local, "order", dry).await;
    assert_eq!(counts(&report), [(SwapVerdict::WouldSwap, 3), (SwapVerdict::WouldResume, 9)], "{report:?}");
    let report = swap(&local, "order", &repaired).await;
    assert_eq!(counts(&report), [(SwapVerdict::Swapped, 3), (SwapVerdict::Resumed, 9)], "{report:?}");
    for (number, run) in runs.iter().enumerate() {
        if number % 4 == 0 {
            local.signal(run, "go", json!({ "to": number })).await;
        }
        assert_eq!(completed(&local, run).await["go"], json!({ "to": number }));
    }
    assert_eq!(performer.seen().len(), 36);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}

#[tokio::test]
async fn a_version_that_stops_in_the_same_way_is_no_repair() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let broken = local.deploy_as("order-broken", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.signal(&run, "go", json!(1)).await;
    local.until(&run, RunStatus::Parked).await;
    let as_broken = upload(&local, guest_again("order-broken", 1), "order").await;
    let report = swap(&local, "order", &as_broken).await;
    assert_eq!(counts(&report), [(SwapVerdict::Stops, 1)], "{report:?}");
    let reason = report.runs[0].reason.clone().unwrap();
    assert!(reason.backtrace.join("\n").contains("print_the_label"), "{reason:?}");
    let parked = row(&local, &run).await;
    assert_eq!((parked.status, parked.version.to_string()), (RunStatus::Parked, broken));
    assert_eq!(parked.held_back.unwrap().version.to_string(), as_broken);
}

/// Another host may still have it: no swap, and no policy, makes it live.
#[tokio::test]
async fn a_run_that_was_imported_waits_for_somebody_to_say_so() {
    let there = LocalHost::new(ScriptedPerformer::echoing()).await;
    there.deploy_as("order-v1", "order").await;
    let run = there.start("order", "o-1", json!(null)).await;
    there.until_length(&run, 6).await;
    let capsule = there.host.export(&there.tenant, &run).await.unwrap();

    let performer = ScriptedPerformer::echoing();
    let here = LocalHost::new(performer.clone()).await;
    here.host.import(&here.tenant, capsule.into()).await.unwrap();
    let next = upload(&here, guest("order-v3"), "order").await;
    let change = abide_runtime::view::ChangeWorkflow {
        activate: Some(next.clone()),
        swap: Some(abide_model::SwapPolicy::Automatic),
        ..Default::default()
    };
    here.host.change_workflow(&here.tenant, &super::workflow("order"), change).await.unwrap();
    assert_eq!(counts(&swap(&here, "order", &next).await), [(SwapVerdict::Imported, 1)]);
    let parked = row(&here, &run).await;
    assert_eq!(parked.status, RunStatus::Parked);
    here.host.resume(&here.tenant, &run, Some(&next)).await.unwrap();
    here.signal(&run, "go", json!(1)).await;
    assert_eq!(completed(&here, &run).await["version"], 3);
    // notify and ship: what the other host had done is not done again.
    assert_eq!(performer.seen().len(), 2, "{:?}", performer.seen());
}
