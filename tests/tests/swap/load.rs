//! Swaps while runs are in the middle of everything.

use abide_runtime::view::SwapRuns;
use abide_tests::{LocalHost, ScriptedPerformer, guest_again};
use serde_json::json;

use super::{asked, completed, swap_with, upload};

const RUNS: usize = 60;
const STEPS: u64 = 40;

/// Versions that do the same are swapped in again and again under runs that never wait for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_or_made_twice_while_versions_are_swapped() {
    let performer = ScriptedPerformer::jittering(7);
    let local = LocalHost::with(performer.clone(), |config| config.max_resident = 40).await;
    local.deploy("steps").await;
    let mut versions = Vec::new();
    for mark in 0..3 {
        versions.push(upload(&local, guest_again("steps", mark), "steps").await);
    }
    let input = json!({ "steps": STEPS, "provider": "bench", "tool": "echo" });
    let mut runs = Vec::new();
    for number in 0..RUNS {
        runs.push(local.start("steps", &format!("s-{number}"), input.clone()).await);
    }
    let mut swapped = 0;
    for version in versions.iter().cycle().take(9) {
        let report = swap_with(&local, "steps", SwapRuns { limit: Some(1000), ..asked(version) }).await;
        swapped += report.counts.get("swapped").copied().unwrap_or_default();
        for verdict in ["diverges", "stops"] {
            assert!(!report.counts.contains_key(verdict), "{report:?}");
        }
    }
    println!("{swapped} swaps of {RUNS} runs");
    assert!(swapped > RUNS as u64 / 2, "{swapped} swaps: the runs were over too soon to show anything");
    for run in &runs {
        assert_eq!(completed(&local, run).await, json!(STEPS));
    }
    assert_eq!(performer.seen().len() as u64, RUNS as u64 * STEPS);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
}
