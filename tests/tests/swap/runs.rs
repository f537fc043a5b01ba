//! Runs that wait, in memory or not, with calls in flight, with inputs that came just now.

use std::sync::Arc;

use abide_model::{Outcome, RunStatus};
use abide_runtime::view::SwapVerdict;
use abide_tests::{LocalHost, ScriptedPerformer, echo, guest};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{asked, completed, counts, row, swap, swap_with, upload};

#[tokio::test]
async fn a_run_that_waits_goes_on_with_the_new_version() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v3"), "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;

    let report = swap(&local, "order", &next).await;
    assert_eq!(counts(&report), [(SwapVerdict::Swapped, 1)], "{report:?}");
    assert_eq!(row(&local, &run).await.version.to_string(), next);
    // Again: there is nothing to do.
    assert_eq!(counts(&swap(&local, "order", &next).await), [(SwapVerdict::Unchanged, 1)]);

    local.signal(&run, "go", json!("now")).await;
    assert_eq!(completed(&local, &run).await, json!({ "shipped": true, "go": "now", "version": 3 }));
    let calls = local.outline(&run).await;
    assert_eq!(calls.iter().filter(|event| *event == "version-changed").count(), 1, "{calls:?}");
    // reserve, charge, notify and ship, each once.
    assert_eq!(performer.seen().len(), 4);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}

#[tokio::test]
async fn a_run_that_would_do_something_else_stays_and_says_why() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let first = local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v2"), "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;

    let report = swap(&local, "order", &next).await;
    assert_eq!(counts(&report), [(SwapVerdict::Diverges, 1)], "{report:?}");
    let reason = report.runs[0].reason.clone().unwrap();
    assert_eq!(reason.event, Some(1), "{reason:?}");
    for word in ["reserve", "charge"] {
        assert!(reason.message.contains(word), "`{word}` is missing: {}", reason.message);
    }
    let stays = row(&local, &run).await;
    assert_eq!(stays.version.to_string(), first);
    let held_back = stays.held_back.unwrap();
    assert_eq!((held_back.version.to_string(), held_back.reason), (next.clone(), reason));
    let described = local.host.version(&local.tenant, &super::workflow("order"), &next).await.unwrap();
    assert_eq!(described.held_back, 1);

    local.signal(&run, "go", json!(1)).await;
    assert_eq!(completed(&local, &run).await["version"], 1);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let first = local.deploy_as("order-v1", "order").await;
    let [fits, differs] = [guest("order-v3"), guest("order-v2")];
    let (fits, differs) = (upload(&local, fits, "order").await, upload(&local, differs, "order").await);
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;
    let before = local.history(&run).await.len();
    for (to, verdict) in [(fits, SwapVerdict::WouldSwap), (differs, SwapVerdict::Diverges)] {
        let report = swap_with(&local, "order", abide_runtime::view::SwapRuns { dry_run: true, ..asked(&to) }).await;
        assert_eq!(counts(&report), [(verdict, 1)], "{report:?}");
    }
    let after = row(&local, &run).await;
    assert_eq!((after.version.to_string(), after.held_back), (first, None));
    assert_eq!(local.history(&run).await.len(), before);
}

#[tokio::test]
async fn a_run_that_is_not_in_memory_is_swapped_there() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v3"), "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;
    let local = local.reopen(performer.clone()).await;
    assert_eq!(local.host.resident(), 0);
    assert_eq!(counts(&swap(&local, "order", &next).await), [(SwapVerdict::Swapped, 1)]);
    assert_eq!(local.host.resident(), 0);
    let local = local.reopen(performer.clone()).await;
    local.signal(&run, "go", json!(1)).await;
    assert_eq!(completed(&local, &run).await["version"], 3);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}

#[tokio::test]
async fn a_call_in_flight_stays_in_flight() {
    let gate = Arc::new(Semaphore::new(1));
    let held = gate.clone();
    let performer = ScriptedPerformer::new(move |activity| {
        let gate = held.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            echo(&activity)
        }
    });
    let local = LocalHost::new(performer.clone()).await;
    local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v3"), "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    // `reserve` came back, `charge` is under way.
    local.until_length(&run, 4).await;
    assert_eq!(counts(&swap(&local, "order", &next).await), [(SwapVerdict::Swapped, 1)]);
    local.signal(&run, "go", json!(1)).await;
    gate.add_permits(10);
    assert_eq!(completed(&local, &run).await["version"], 3);
    assert_eq!(performer.seen().len(), 4);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}

#[tokio::test]
async fn a_call_in_flight_when_the_host_went_down_is_made_again_once() {
    let performer = ScriptedPerformer::new(|activity| async move {
        let request = activity.request.head.as_str();
        match request.contains("charge") {
            true => std::future::pending().await,
            false => echo(&activity),
        }
    });
    let local = LocalHost::new(performer).await;
    local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v3"), "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 4).await;
    let performer = ScriptedPerformer::echoing();
    let local = local.reopen(performer.clone()).await;
    // Before, while or after the host drives it: the swap waits for its own turn.
    assert_eq!(counts(&swap(&local, "order", &next).await), [(SwapVerdict::Swapped, 1)]);
    local.signal(&run, "go", json!(1)).await;
    assert_eq!(completed(&local, &run).await["version"], 3);
    // charge, notify and ship.
    assert_eq!(performer.seen().len(), 3);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}

/// Code that asks `versions.patched` takes the old way for what was recorded before the swap, and the new way after it; in each later
/// replay too.
#[tokio::test]
async fn patches_count_from_the_swap_on() {
    let performer = ScriptedPerformer::echoing();
    let local = LocalHost::new(performer.clone()).await;
    local.deploy_as("patched-v1", "patched").await;
    let next = upload(&local, guest("patched-v2"), "patched").await;
    let run = local.start("patched", "p-1", json!(null)).await;
    local.until_length(&run, 4).await;
    assert_eq!(counts(&swap(&local, "patched", &next).await), [(SwapVerdict::Swapped, 1)]);
    let local = local.reopen(performer.clone()).await;
    local.signal(&run, "go", json!(1)).await;
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Completed, "{row:?}");
    assert!(matches!(row.outcome, Some(Outcome::Ok(_))));
    completed(&local, &run).await;
    // first, check-again and last.
    assert_eq!(performer.seen().len(), 3, "{:?}", local.outline(&run).await);
}

#[tokio::test]
async fn a_pinned_run_stays() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    let first = local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v3"), "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;
    assert!(local.host.pin(&local.tenant, &run, true).await.unwrap().is_pinned());
    let local = local.reopen(ScriptedPerformer::echoing()).await;
    assert_eq!(counts(&swap(&local, "order", &next).await), [(SwapVerdict::Pinned, 1)]);
    assert_eq!(row(&local, &run).await.version.to_string(), first);
    // Twice is once.
    local.host.pin(&local.tenant, &run, true).await.unwrap();
    local.host.pin(&local.tenant, &run, false).await.unwrap();
    assert_eq!(counts(&swap(&local, "order", &next).await), [(SwapVerdict::Swapped, 1)]);
    let outline = local.outline(&run).await;
    assert_eq!(outline[outline.len() - 3..], ["run-pinned", "run-unpinned", "version-changed"]);
    local.signal(&run, "go", json!(1)).await;
    assert_eq!(completed(&local, &run).await["version"], 3);
}

#[tokio::test]
async fn a_filter_says_which_runs() {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    local.deploy_as("order-v1", "order").await;
    let next = upload(&local, guest("order-v3"), "order").await;
    for number in 0..7 {
        let run = local.start("order", &format!("o-{number}"), json!(null)).await;
        local.until_length(&run, 6).await;
    }
    let some = abide_runtime::view::SwapRuns { filter: Some("id in ('o-1', 'o-4')".to_owned()), ..asked(&next) };
    assert_eq!(counts(&swap_with(&local, "order", some).await), [(SwapVerdict::Swapped, 2)]);
    // The others, in pages.
    let (mut cursor, mut swapped, mut pages) = (None, 0, 0);
    loop {
        let page = abide_runtime::view::SwapRuns { cursor, limit: Some(3), ..asked(&next) };
        let report = swap_with(&local, "order", page).await;
        swapped += report.counts.get("swapped").copied().unwrap_or_default();
        pages += 1;
        cursor = report.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(swapped, 5);
    assert!(pages >= 3, "{pages}");
}
