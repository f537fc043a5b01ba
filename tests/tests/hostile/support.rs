//! A host with two tenants: one attacks, the other works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use abide_activities::Activity;
use abide_model::{CallerId, Json, Outcome, ParkKind, ParkReason, Run, RunRef, RunStatus, Tenant, WorkflowName};
use abide_runtime::view::StartRun;
use abide_runtime::{Host, HostConfig};
use abide_tests::{LocalHost, ScriptedPerformer, echo, guest};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// How long a run of the neighbour may take while it is attacked: more than on a busy machine, and far less than the attacks take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The host, and the neighbour at work.
pub(crate) struct Arena {
    pub(crate) local: LocalHost,
    neighbour: JoinHandle<Progress>,
    stop: Arc<AtomicBool>,
    in_memory_bytes: u64,
}

/// What the neighbour came to.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) runs: u32,
    pub(crate) longest: Duration,
}

pub(crate) fn neighbour() -> Tenant {
    Tenant::parse("neighbour").unwrap()
}

/// Gives arguments back, but for the tool `slow`, which never answers.
pub(crate) async fn answer(activity: Activity) -> Outcome {
    let request: Value = activity.request.head.read().unwrap_or_default();
    if request["name"] == "slow" {
        std::future::pending::<()>().await;
    }
    echo(&activity)
}

impl Arena {
    /// A host whose limits are those of a test, so that each attack ends soon.
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(configure: impl FnOnce(&mut HostConfig)) -> Self {
        let local = LocalHost::with(ScriptedPerformer::new(answer), |config| {
            config.limits.step_fuel = 500_000_000;
            config.limits.memory_bytes = 64 << 20;
            configure(config);
        })
        .await;
        local.deploy("hostile").await;
        local.host.create_tenant(&neighbour()).await.unwrap();
        local.host.deploy(&neighbour(), &name("waiter"), guest("waiter")).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let host = local.host.clone();
        round(&host, 0).await;
        let neighbour = tokio::spawn({
            let stop = stop.clone();
            async move {
                let mut progress = Progress::default();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    round(&host, progress.runs + 1).await;
                    progress.longest = progress.longest.max(began.elapsed());
                    progress.runs += 1;
                }
                progress
            }
        });
        Self { local, neighbour, stop, in_memory_bytes: in_memory_bytes() }
    }

    /// Starts an attack.
    pub(crate) async fn attack(&self, attack: Value) -> RunRef {
        let id = format!("attack-{}", std::sync::atomic::AtomicU64::fetch_add(&NUMBER, 1, Ordering::Relaxed));
        self.local.start("hostile", &id, attack).await
    }

    /// Starts an attack, and gives why the run is parked.
    pub(crate) async fn parked_by(&self, attack: Value) -> ParkReason {
        let run = self.attack(attack).await;
        self.local.until(&run, RunStatus::Parked).await.parked.unwrap()
    }

    /// Starts an attack, and gives what it came to.
    pub(crate) async fn result_of(&self, attack: Value) -> Run {
        let run = self.attack(attack).await;
        self.local.result(&run).await
    }

    /// The attack is contained: the neighbour worked all the time, the host did not grow by more than so many bytes, and still takes work.
    pub(crate) async fn contained(mut self, growth_bytes: u64) -> Progress {
        self.stop.store(true, Ordering::Relaxed);
        let progress = (&mut self.neighbour).await.unwrap();
        assert!(progress.runs > 0 && progress.longest < PATIENCE, "the neighbour was held up: {progress:?}");
        let growth = in_memory_bytes().saturating_sub(self.in_memory_bytes);
        assert!(growth < growth_bytes, "the host has {growth} bytes more in memory than before");
        let run = self.attack(json!({ "do": "wait" })).await;
        self.local.signal(&run, "go", json!(1)).await;
        assert_eq!(self.local.result(&run).await.status, RunStatus::Completed);
        progress
    }
}

static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// One run of the neighbour: started, signalled, ended.
async fn round(host: &Host, number: u32) {
    let tenant = neighbour();
    let start = StartRun { id: Some(CallerId::parse(&format!("n-{number}")).unwrap()), ..StartRun::of(name("waiter")) };
    let run = RunRef::Run(host.start(&tenant, start).await.unwrap().run.run_id);
    host.signal(&tenant, &run, "go", Json::from(&json!(number)), None).await.unwrap();
    let row = host.result(&tenant, &run, PATIENCE).await.unwrap();
    assert_eq!(row.outcome, Some(Outcome::Ok(Json::from(&json!(number)))));
}

pub(crate) fn name(name: &str) -> WorkflowName {
    WorkflowName::parse(name).unwrap()
}

pub(crate) fn assert_kind(reason: &ParkReason, kind: ParkKind, word: &str) {
    assert_eq!(reason.kind, kind, "{reason:?}");
    assert!(reason.message.contains(word), "{reason:?}");
}

/// The failure that a run came to.
pub(crate) fn failure(run: &Run) -> &abide_model::Failure {
    match &run.outcome {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("{}: {other:?}", run.status),
    }
}

/// The result that a run came to.
pub(crate) fn result(run: &Run) -> Value {
    match &run.outcome {
        Some(Outcome::Ok(result)) => result.read().unwrap(),
        other => panic!("{}: {other:?}", run.status),
    }
}

/// What this process has in memory. Tests of one file run beside each other in it, so bounds are loose.
fn in_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or_default() * 1024
}
