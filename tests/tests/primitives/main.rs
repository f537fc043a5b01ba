//! What a run may do beside calling activities: each test is one promise, on a host in this process over a real store.

#![expect(clippy::unwrap_used, reason = "a test fails where something is not there")]

mod endings;
mod relations;
mod updates;

use std::time::Duration;

use abide_model::{CallerId, Failure, Json, Outcome, Run, RunRef};
use abide_runtime::view::{UpdateRun, Updated, WaitFor};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::Value;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

async fn host(guests: &[&str]) -> LocalHost {
    let local = LocalHost::new(ScriptedPerformer::echoing()).await;
    for guest in guests {
        local.deploy(guest).await;
    }
    local
}

fn update(id: &str, name: &str, arguments: Value, wait_for: WaitFor) -> UpdateRun {
    UpdateRun { id: Some(id.to_owned()), name: name.to_owned(), arguments: Json::from(&arguments), wait_for }
}

async fn send(local: &LocalHost, run: &RunRef, update: UpdateRun, wait: Duration) -> Updated {
    local.host.update(&local.tenant, run, update, wait).await.unwrap()
}

fn result(run: &Run) -> Value {
    match run.outcome.as_ref().unwrap() {
        Outcome::Ok(json) => json.read().unwrap(),
        Outcome::Failed(failure) => panic!("it failed: {failure}"),
    }
}

fn failure(run: &Run) -> &Failure {
    match run.outcome.as_ref().unwrap() {
        Outcome::Failed(failure) => failure,
        Outcome::Ok(json) => panic!("it gave {json}"),
    }
}

fn by_id(id: &str) -> RunRef {
    RunRef::Caller(CallerId::parse(id).unwrap())
}

async fn row(local: &LocalHost, run: &RunRef) -> Run {
    local.host.describe(&local.tenant, run).await.unwrap().run
}

/// Waits until a run is as `ready` says.
async fn until(local: &LocalHost, run: &RunRef, ready: impl Fn(&Run) -> bool) -> Run {
    for _ in 0..600 {
        if let Ok(description) = local.host.describe(&local.tenant, run).await
            && ready(&description.run)
        {
            return description.run;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the run did not come there: {:?}", local.host.describe(&local.tenant, run).await);
}

async fn replays(local: &LocalHost, run: &RunRef) {
    let report = local.host.replay(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.reason, None, "{report:?}");
}

/// A name of a workflow, in a test.
trait ParseName {
    fn parse_name(self) -> abide_model::WorkflowName;
}

impl ParseName for &str {
    fn parse_name(self) -> abide_model::WorkflowName {
        abide_model::WorkflowName::parse(self).unwrap()
    }
}
