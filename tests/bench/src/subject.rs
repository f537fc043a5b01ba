//! The host that is measured: in this process, over a real store on the disk that is measured. Its activities answer at once, with
//! the same small outcome, so that they cost next to nothing.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abide_activities::{Activity, Performed, Performer};
use abide_history::{RedbOptions, RedbStore};
use abide_model::{Json, Outcome, RunId, RunRef, RunStatus, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::StartRun;
use abide_runtime::{Host, HostConfig};
use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::arguments::Arguments;

/// How long anything that is measured may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// A host with its folder.
pub(crate) struct Subject {
    pub(crate) host: Host,
    pub(crate) tenant: Tenant,
    folder: TempDir,
    performer: Arc<Prompt>,
}

impl Subject {
    /// A host over a new folder, with the guest of that name as its one workflow.
    pub(crate) async fn new(arguments: &Arguments, guest: &str) -> Result<Self> {
        Self::with(arguments, guest, &RedbOptions::default(), |_| ()).await
    }

    /// The same, with another configuration.
    pub(crate) async fn with(
        arguments: &Arguments,
        guest: &str,
        options: &RedbOptions,
        configure: impl FnOnce(&mut HostConfig),
    ) -> Result<Self> {
        let folder = TempDir::with_prefix_in("bench-", &arguments.folder)
            .with_context(|| format!("cannot make a folder in {}", arguments.folder.display()))?;
        let store = Arc::new(RedbStore::open_with(&folder.path().join("data"), options)?);
        let mut config = HostConfig::new(folder.path().join("cache"));
        configure(&mut config);
        let performer = Arc::new(Prompt::new());
        let host = Host::open(config, store, performer.clone(), Arc::new(SystemClock)).await?;
        let subject = Self { host, tenant: Tenant::default(), folder, performer };
        let file = read_guest(arguments, guest)?;
        subject.host.deploy(&subject.tenant, &WorkflowName::parse(guest)?, file.into()).await?;
        Ok(subject)
    }

    /// The folder of the host.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a run.
    pub(crate) async fn start(&self, workflow: &str, input: serde_json::Value) -> Result<RunRef> {
        start(&self.host, &self.tenant, workflow, input).await
    }

    /// Starts a run of `steps`, and waits until it has ended.
    pub(crate) async fn steps(&self, steps: u64) -> Result<RunRef> {
        steps_run(&self.host, &self.tenant, steps).await
    }

    /// How long each step took since this was asked last, in microseconds: from the performing of one call to that of the next of the same run.
    pub(crate) fn step_times(&self) -> Vec<f64> {
        let steps = std::mem::take(&mut *self.performer.steps.lock().unwrap_or_else(PoisonError::into_inner));
        let pairs = steps.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        pairs.map(|pair| pair[1].1.duration_since(pair[0].1).as_secs_f64() * 1e6).collect()
    }

    /// Stops the host in order. Gives the bytes of the database that it leaves.
    pub(crate) async fn stop_and_measure(self) -> Result<u64> {
        let Self { host, folder, .. } = self;
        host.shutdown().await;
        drop(host);
        // What the store does when it is dropped is done when nobody has it any more.
        tokio::time::sleep(Duration::from_millis(300)).await;
        // Without the log beside it, which has the same size however much was written.
        Ok(std::fs::metadata(folder.path().join("data/history.redb"))?.len())
    }

    /// Stops the host in order.
    pub(crate) async fn stop(self) {
        self.host.shutdown().await;
    }
}

pub(crate) async fn start(host: &Host, tenant: &Tenant, workflow: &str, input: serde_json::Value) -> Result<RunRef> {
    let start = StartRun { input: Json::from(&input), ..StartRun::of(WorkflowName::parse(workflow)?) };
    Ok(RunRef::Run(host.start(tenant, start).await?.run.run_id))
}

/// Starts a run of `steps`, and waits until it has ended.
pub(crate) async fn steps_run(host: &Host, tenant: &Tenant, steps: u64) -> Result<RunRef> {
    let input = json!({ "steps": steps, "provider": "bench", "tool": "echo" });
    let run = start(host, tenant, "steps", input).await?;
    let row = host.result(tenant, &run, PATIENCE).await?;
    ensure!(row.status == RunStatus::Completed, "the run ended otherwise: {row:?}");
    Ok(run)
}

/// The file of a guest.
pub(crate) fn read_guest(arguments: &Arguments, guest: &str) -> Result<Vec<u8>> {
    let path = arguments.guests.join(format!("{guest}.wasm"));
    std::fs::read(&path).with_context(|| format!("cannot read {}: run `cargo xtask guests`", path.display()))
}

/// Times of steps that are kept.
const MAX_TIMES: usize = 200_000;

/// What a tool answers here.
pub(crate) const ANSWER: &str = r#"{"structured":{"step":12345}}"#;

/// Answers at once, and takes down when.
struct Prompt {
    answer: Json,
    steps: Mutex<Vec<(RunId, Instant)>>,
}

impl Prompt {
    fn new() -> Self {
        Self { answer: Json::parse(ANSWER).expect("it is JSON"), steps: Mutex::default() }
    }
}

impl Performer for Prompt {
    fn perform(&self, activity: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.len() < MAX_TIMES {
            steps.push((activity.run_id, Instant::now()));
        }
        drop(steps);
        let outcome = Outcome::Ok(self.answer.clone());
        Box::pin(async move { Performed::new(outcome, 1) })
    }
}
