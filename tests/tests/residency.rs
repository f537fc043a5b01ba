//! Ten thousand runs wait, a hundred guests are in memory; all are signalled and end.

use abide_model::{Json, Outcome, RunStatus};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;
use tokio::task::JoinSet;

const RUNS: usize = 10_000;
const SEATS: usize = 100;
/// Callers at the same time.
const CALLERS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evicted_runs_come_back_and_end() {
    let local = LocalHost::with(ScriptedPerformer::echoing(), |config| config.max_resident = SEATS).await;
    local.deploy("waiter").await;
    let local = std::sync::Arc::new(local);

    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let local = local.clone();
        callers.spawn(async move {
            let mut runs = Vec::new();
            for number in (caller..RUNS).step_by(CALLERS) {
                runs.push((number, local.start("waiter", &format!("w-{number}"), json!(null)).await));
            }
            runs
        });
    }
    let runs: Vec<_> = callers.join_all().await.into_iter().flatten().collect();
    assert_eq!(runs.len(), RUNS);
    assert!(local.host.resident() <= SEATS, "{} guests are in memory", local.host.resident());

    let mut callers = JoinSet::new();
    for part in runs.chunks(RUNS.div_ceil(CALLERS)) {
        let (local, part) = (local.clone(), part.to_vec());
        callers.spawn(async move {
            for (number, run) in &part {
                local.signal(run, "go", json!(number)).await;
            }
            for (number, run) in &part {
                let row = local.result(run).await;
                assert_eq!(row.status, RunStatus::Completed, "{row:?}");
                assert_eq!(row.outcome, Some(Outcome::Ok(Json::from(&json!(number)))));
                assert!(local.host.resident() <= SEATS, "{} guests are in memory", local.host.resident());
            }
            part.len()
        });
    }
    assert_eq!(callers.join_all().await.into_iter().sum::<usize>(), RUNS);
}

#[tokio::test]
async fn a_query_of_a_waiting_run_leaves_no_trace() {
    let local = LocalHost::with(ScriptedPerformer::echoing(), |config| config.max_resident = 1).await;
    local.deploy("waiter").await;
    let run = local.start("waiter", "w-1", json!(null)).await;
    local.until_length(&run, 2).await;
    // Another run takes the only seat.
    let other = local.start("waiter", "w-2", json!(null)).await;
    local.until_length(&other, 2).await;
    let before = local.outline(&run).await;
    let phase = local.host.query(&local.tenant, &run, "phase", Json::null()).await.unwrap();
    assert_eq!(phase.as_str(), "\"waiting\"");
    let unknown = local.host.query(&local.tenant, &run, "colour", Json::null()).await.unwrap_err();
    assert_eq!(unknown.code.as_str(), "query-not-found", "{unknown}");
    assert_eq!(local.outline(&run).await, before);
}
