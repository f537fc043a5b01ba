//! Hot swap: runs go on with another version where their histories allow it, and stay where they are where not. No call is lost, and none
//! is made twice.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod automatic;
mod checking;
mod load;
mod parked;
mod runs;
mod versions;

use abide_history::RunFilter;
use abide_model::{Json, Outcome, Run, RunRef, WorkflowName};
use abide_runtime::view::{ReplayVerdict, SwapReport, SwapRuns, SwapVerdict, Upload};
use abide_tests::LocalHost;
use bytes::Bytes;

fn workflow(name: &str) -> WorkflowName {
    WorkflowName::parse(name).unwrap()
}

/// Uploads a guest as a version that no new run takes, and gives its digest.
async fn upload(local: &LocalHost, file: Bytes, name: &str) -> String {
    let upload = Upload { activate: false, ..Upload::default() };
    let deployed = local.host.upload(&local.tenant, &workflow(name), file, upload).await.unwrap();
    deployed.version.version.to_string()
}

async fn swap(local: &LocalHost, name: &str, to: &str) -> SwapReport {
    swap_with(local, name, asked(to)).await
}

fn asked(to: &str) -> SwapRuns {
    SwapRuns { to: to.to_owned(), filter: None, dry_run: false, cursor: None, limit: None }
}

async fn swap_with(local: &LocalHost, name: &str, asked: SwapRuns) -> SwapReport {
    local.host.swap(&local.tenant, &workflow(name), asked).await.unwrap()
}

/// How many there are of each verdict.
fn counts(report: &SwapReport) -> Vec<(SwapVerdict, u64)> {
    let all = SwapVerdict::ALL.into_iter();
    all.filter_map(|verdict| Some((verdict, *report.counts.get(verdict.as_str())?))).collect()
}

async fn row(local: &LocalHost, run: &RunRef) -> Run {
    local.host.describe(&local.tenant, run).await.unwrap().run
}

/// The result of a run that completes, and whose history replays.
async fn completed(local: &LocalHost, run: &RunRef) -> serde_json::Value {
    let row = local.result(run).await;
    let Some(Outcome::Ok(result)) = &row.outcome else { panic!("no result: {row:?}") };
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{:?}", report.reason);
    Json::read(result).unwrap()
}

async fn all_runs(local: &LocalHost) -> Vec<Run> {
    local.host.runs(&local.tenant, &RunFilter::default(), None, 1000).await.unwrap().runs
}
