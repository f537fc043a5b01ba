//! Capabilities: what is granted and asked for, denials at upload and at the call, and what histories say of them. And the gateway: what reaches
//! a model, a tool or a server, and what a store keeps.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its own parts has failed")]

mod crash;
mod gateway;
mod grants;
mod outside;
mod uploads;

use std::sync::Arc;

use abide_activities::{Activities, ActivitiesConfig};
use abide_model::{Json, Outcome, RunRef, SettingKind, SystemClock, Tenant};
use abide_runtime::view::{HistoryEvent, ReplayVerdict};
use abide_tests::{LocalHost, guests_dir};
use serde_json::Value;

use outside::Outside;

fn activities(outside: &Outside) -> Activities {
    let config: ActivitiesConfig = toml::from_str(&outside.config()).unwrap();
    Activities::new(config, &guests_dir(), Arc::new(SystemClock)).unwrap()
}

/// A host with the workflow `asker`, as the tenant `acme` that has these grants.
async fn host(outside: &Outside, grants: Value) -> LocalHost {
    let mut local = LocalHost::new(activities(outside)).await;
    local.tenant = Tenant::parse("acme").unwrap();
    local.host.create_tenant(&local.tenant).await.unwrap();
    set(&local, SettingKind::Grants, grants).await;
    local
}

async fn set(local: &LocalHost, kind: SettingKind, value: Value) {
    local.host.put_setting(&local.tenant, kind, Json::from(&value), None).await.unwrap();
}

/// Runs steps to their end, and gives what came of each. The history has to replay identical.
async fn perform(local: &LocalHost, id: &str, steps: Value) -> (RunRef, Vec<Value>) {
    let run = local.start("asker", id, steps).await;
    let results = results(local, &run).await;
    (run, results)
}

async fn results(local: &LocalHost, run: &RunRef) -> Vec<Value> {
    let row = local.result(run).await;
    let Some(Outcome::Ok(result)) = &row.outcome else { panic!("the run is {}: {row:?}", row.status) };
    replays(local, run).await;
    result.read().unwrap()
}

async fn replays(local: &LocalHost, run: &RunRef) {
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
}

/// What the history says of each call that came back.
async fn completed(local: &LocalHost, run: &RunRef) -> Vec<HistoryEvent> {
    let history = local.history(run).await;
    history.into_iter().filter(|event| event.kind == "call-completed").collect()
}
