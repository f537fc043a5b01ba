//! Workflows that plain tools made, in C and in plain functions: each replay makes the same calls, and runs that were put out of memory come
//! back. That a host may die at any commit is shown by their scenarios.

use abide_model::RunStatus;
use abide_runtime::view::ReplayVerdict;
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;

const REPLAYS: usize = 1000;
/// So many runs are open, of which so few fit into memory.
const RUNS: usize = 200;
const SEATS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_replays_make_the_same_calls() {
    for guest in ["courier", "plain"] {
        let local = LocalHost::new(ScriptedPerformer::echoing()).await;
        local.deploy(guest).await;
        let run = local.start(guest, "r", json!({ "patience_ms": 20 })).await;
        assert_eq!(local.result(&run).await.status, RunStatus::Completed);
        let mut traces = Vec::new();
        for _ in 0..REPLAYS {
            let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
            assert_eq!(report.verdict, ReplayVerdict::Identical, "{guest}: {report:?}");
            traces.push(json!(report.trace));
        }
        assert!(traces.windows(2).all(|two| two[0] == two[1]), "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_were_put_out_of_memory_come_back() {
    for guest in ["courier", "plain"] {
        let local = LocalHost::with(ScriptedPerformer::echoing(), |config| config.max_resident = SEATS).await;
        local.deploy(guest).await;
        let mut runs = Vec::new();
        for number in 0..RUNS {
            let input = json!({ "patience_ms": 3_600_000 });
            runs.push(local.start(guest, &format!("w-{number}"), input).await);
        }
        for run in &runs {
            local.until_length(run, 7).await;
        }
        assert!(local.host.resident() <= SEATS, "{} guests are in memory", local.host.resident());
        for run in &runs {
            local.signal(run, "receipt", json!({ "by": "ada" })).await;
        }
        for run in &runs {
            let row = local.result(run).await;
            assert_eq!(row.status, RunStatus::Completed, "{row:?}");
        }
    }
}
