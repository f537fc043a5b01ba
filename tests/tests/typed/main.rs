//! Typed activities: a workflow imports interfaces of its own, and tool components or workers perform them.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its own parts has failed")]

mod calls;
mod configuration;
mod failing;
mod kill;
mod performers;
mod rights;
mod uploads;

use std::sync::Arc;

use abide_activities::{Activities, ActivitiesConfig};
use abide_model::{Outcome, SystemClock};
use abide_runtime::view::ReplayVerdict;
use abide_tests::{LocalHost, guests_dir};
use serde_json::Value;

/// The component of the tests, with the limits that they need and one attempt for each call.
const COMPONENT: &str = r#"
    [components.crm]
    component = "crm-tool.wasm"
    max_concurrent = 4
    retry = { max_attempts = 1 }
    limits = { memory_bytes = 33554432, step_fuel = 2000000000 }
"#;

const BOUND: &str = r#"
    [activities]
    "acme:crm/customers" = { component = "crm" }
    "acme:crm/values@1.2.0" = { component = "crm" }
    "acme:crm/mischief" = { component = "crm" }
"#;

fn activities(config: &str) -> Activities {
    let config: ActivitiesConfig = toml::from_str(config).unwrap();
    Activities::new(config, &guests_dir(), Arc::new(SystemClock)).unwrap()
}

/// A host whose component is `COMPONENT`, with more in its section, and everything bound to it.
async fn host(more: &str) -> LocalHost {
    host_of(&format!("{COMPONENT}{more}{BOUND}")).await
}

async fn host_of(config: &str) -> LocalHost {
    let local = LocalHost::with(activities(config), |config| config.limits.request_bytes = 1 << 20).await;
    local.deploy("crm-flow").await;
    local
}

/// Runs steps, and gives what came of each. The history has to replay identical.
async fn perform(local: &LocalHost, id: &str, steps: Value) -> Vec<Value> {
    let run = local.start("crm-flow", id, steps).await;
    let row = local.result(&run).await;
    let Some(Outcome::Ok(result)) = &row.outcome else { panic!("the run is {}: {row:?}", row.status) };
    let report = local.host.replay(&local.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{report:?}");
    result.read().unwrap()
}
