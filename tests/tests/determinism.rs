//! A guest that looks at everything that could differ (clock, random, hash maps, NaN bits, addresses, the order in which calls
//! complete) replays to the same bytes, again and again.

use abide_model::{Outcome, RunStatus};
use abide_runtime::view::ReplayVerdict;
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;

const REPLAYS: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_gives_the_same_bytes_a_thousand_times() {
    let local = LocalHost::new(ScriptedPerformer::jittering(7)).await;
    local.deploy("determinism").await;
    let run = local.start("determinism", "d-1", json!(null)).await;
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Completed, "{row:?}");

    let first = local.host.replay(&local.tenant, &run, None).await.unwrap();
    for turn in 0..REPLAYS {
        let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
        assert_eq!(report.verdict, ReplayVerdict::Identical, "replay {turn}: {:?}", report.reason);
        assert_eq!(report.trace, first.trace, "replay {turn} did something else");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_calls_do_complete_in_another_order_each_time() {
    let mut orders = std::collections::HashSet::new();
    for salt in 0..5 {
        let local = LocalHost::new(ScriptedPerformer::jittering(salt)).await;
        local.deploy("determinism").await;
        let run = local.start("determinism", "d-1", json!(null)).await;
        let Some(Outcome::Ok(result)) = local.result(&run).await.outcome else { panic!("the run failed") };
        let result: serde_json::Value = result.read().unwrap();
        orders.insert(result["completed"].to_string());
        let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
        assert_eq!(report.verdict, ReplayVerdict::Identical, "salt {salt}: {:?}", report.reason);
    }
    assert!(orders.len() > 1, "the test shows nothing if the order is always the same: {orders:?}");
}
