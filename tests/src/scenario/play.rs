//! Plays the steps of a scenario on a host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abide_history::{RedbStore, RunFilter, Store};
use abide_model::{CallerId, Error, ErrorCode, IdReuse, Json, Outcome, Run, RunRef, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::{IfRunning, ResetRun, StartRun, StartSignal, SwapRuns, UpdateRun, WaitFor};
use abide_runtime::{Host, HostConfig};
use serde_json::Value;

use super::{Scenario, Start, Step};
use crate::{compiled_dir, guest};

const PATIENCE: Duration = Duration::from_secs(60);

/// A host that a scenario is played on.
pub struct Player {
    /// The scenario.
    pub scenario: Scenario,
    /// The host.
    pub host: Host,
    root: PathBuf,
    /// Whether the steps may have been played before: then whatever was done is not done again, and only what has to be the same is checked.
    again: bool,
}

fn run(id: &str) -> RunRef {
    RunRef::Caller(CallerId::parse(id).expect("the id of a scenario"))
}

fn json(value: &Value) -> Json {
    Json::from(value)
}

impl Player {
    /// A host over `store`, whose folder is `root`. What it compiles is kept: for an interpreter that takes longer than all else.
    pub async fn open(scenario: &Scenario, root: PathBuf, store: Arc<dyn Store>, again: bool) -> Self {
        let config = HostConfig::new(compiled_dir());
        let host = Host::open(config, store, Arc::new(scenario.performer()), Arc::new(SystemClock)).await;
        Self { scenario: scenario.clone(), host: host.expect("a host"), root, again }
    }

    /// Uploads the guests.
    pub async fn deploy(&self) {
        for name in &self.scenario.guests {
            self.upload(name, name).await;
        }
    }

    async fn upload(&self, name: &str, workflow: &str) {
        let workflow = WorkflowName::parse(workflow).expect("the name of a workflow");
        self.host.deploy(&Tenant::default(), &workflow, guest(name)).await.expect("an upload");
    }

    /// Plays all steps.
    pub async fn play(mut self) -> Self {
        for (place, step) in self.scenario.steps.clone().into_iter().enumerate() {
            match step {
                // A host that may die anywhere is restarted often enough.
                Step::Restart {} if self.again => {}
                Step::Restart {} => self = self.restart().await,
                step => self.step(place, &step).await,
            }
        }
        self
    }

    async fn step(&self, place: usize, step: &Step) {
        let tenant = Tenant::default();
        match step {
            Step::Deploy { guest, workflow } => self.upload(guest, workflow).await,
            Step::Start(start) => self.start(start).await,
            Step::Signal { run: id, name, payload, refused } => {
                let key = format!("step-{place}");
                // A run that another one starts may not be there yet.
                let sent = patiently(async || {
                    self.host.signal(&tenant, &run(id), name, json(payload), Some(key.clone())).await
                })
                .await;
                self.expect(place, sent, refused.as_deref());
            }
            Step::Update { run: id, name, arguments, id: update, answer, failure, refused } => {
                let update = UpdateRun {
                    id: Some(update.clone().unwrap_or_else(|| format!("step-{place}"))),
                    name: name.clone(),
                    arguments: json(arguments),
                    wait_for: WaitFor::Completed,
                };
                let updated = self.host.update(&tenant, &run(id), update, PATIENCE).await;
                if let Some(updated) = self.expect(place, updated, refused.as_deref()) {
                    match (&updated.outcome, answer, failure) {
                        (Some(Outcome::Ok(given)), Some(answer), _) => assert_eq!(*given, json(answer), "step {place}"),
                        (Some(Outcome::Failed(given)), _, Some(code)) => assert_eq!(given.code, *code, "step {place}"),
                        other => panic!("step {place}: {other:?}"),
                    }
                }
            }
            Step::Query { run: id, name, answer } => {
                if !self.again {
                    let given = self.host.query(&tenant, &run(id), name, Json::null()).await.expect("an answer");
                    assert_eq!(given, json(answer), "step {place}");
                }
            }
            Step::Cancel { run: id } => {
                let asked = patiently(async || self.host.cancel(&tenant, &run(id), "the scenario").await).await;
                self.expect(place, asked, None);
            }
            Step::Terminate { run: id } => {
                let ended = self.host.terminate(&tenant, &run(id), "the scenario").await;
                self.expect(place, ended, None);
            }
            Step::Reset { run: id, event, on_active } => self.reset(id, *event, *on_active).await,
            Step::Resume { run: id } => {
                let version = self.active_of(id).await;
                let resumed = self.host.resume(&tenant, &run(id), Some(&version)).await;
                self.expect(place, resumed, None);
            }
            Step::Pin { run: id } => {
                let pinned = self.host.pin(&tenant, &run(id), true).await;
                self.expect(place, pinned, None);
            }
            Step::Swap { workflow, counts } => {
                let name = WorkflowName::parse(workflow).expect("the name of a workflow");
                let active = self.host.workflow(&tenant, &name).await.expect("a workflow").active;
                let to = active.expect("a version is active").to_string();
                let swap = SwapRuns { to, filter: None, dry_run: false, cursor: None, limit: None };
                let report = self.host.swap(&tenant, &name, swap).await.expect("a swap");
                assert!(self.again || report.counts == *counts, "step {place}: {report:?}");
            }
            Step::Until { run: id, events } => {
                self.until(place, id, async |described| described.history_length >= *events as u64).await;
            }
            Step::Status { run: id, is } => {
                self.until(place, id, async |described| described.run.status.as_str() == is).await;
            }
            Step::Restart {} => {}
            Step::List { filter, ids } => {
                if !self.again {
                    let filter =
                        RunFilter { filter: Some(self.host.filter(filter).expect("a filter")), ..RunFilter::default() };
                    let found = self.host.runs(&tenant, &filter, None, 100).await.expect("a list").runs;
                    let found: Vec<_> = found.iter().map(|run| run.id.as_str()).collect();
                    assert_eq!(found, *ids, "step {place}");
                }
            }
        }
    }

    async fn start(&self, start: &Start) {
        let started = StartRun {
            id: Some(CallerId::parse(&start.id).expect("the id of a scenario")),
            input: json(&start.input),
            run_timeout_ms: start.run_timeout_ms,
            attributes: start
                .attributes
                .clone()
                .map(|given| serde_json::from_value(given).expect("attributes"))
                .unwrap_or_default(),
            signal: start.signal.clone().map(|name| StartSignal {
                name,
                payload: Json::null(),
                key: Some("with-start".to_owned()),
            }),
            if_running: start.if_running.unwrap_or_default(),
            id_reuse: start.id_reuse.unwrap_or_default(),
            ..StartRun::of(WorkflowName::parse(&start.workflow).expect("the name of a workflow"))
        };
        // Who starts again without an answer takes the run that is there.
        let started = match (self.again, start.if_running) {
            (true, None) => StartRun { if_running: IfRunning::Use, id_reuse: IdReuse::Reject, ..started },
            (true, Some(_)) => {
                if self
                    .host
                    .describe(&Tenant::default(), &run(&start.id))
                    .await
                    .is_ok_and(|found| !found.run.status.is_open())
                {
                    return;
                }
                started
            }
            (false, _) => started,
        };
        let answer = self.host.start(&Tenant::default(), started).await;
        match (&answer, &start.refused) {
            (Err(error), _) if self.again && error.code == ErrorCode::RunIdUsed => {}
            (Err(error), Some(code)) => assert_eq!(error.code.as_str(), code),
            (Ok(_), None) => {}
            (Ok(_), Some(_)) if self.again => {}
            other => panic!("{other:?}"),
        }
    }

    async fn reset(&self, id: &str, event: u64, on_active: bool) {
        let tenant = Tenant::default();
        let history = self.host.history(&tenant, &run(id), 0, 1000, Duration::ZERO).await.expect("a history");
        if history.events.iter().any(|event| event.kind == "run-reset") {
            return;
        }
        let version = if on_active { Some(self.active_of(id).await) } else { None };
        self.host.reset(&tenant, &run(id), ResetRun { event, version }).await.expect("a reset");
    }

    async fn active_of(&self, id: &str) -> String {
        let described = self.host.describe(&Tenant::default(), &run(id)).await.expect("a run");
        let workflow = self.host.workflow(&Tenant::default(), &described.run.workflow).await.expect("a workflow");
        workflow.active.expect("a version is active").to_string()
    }

    /// Waits until a run is as `ready` says; when the steps may have been played before, it may be past that.
    async fn until(&self, place: usize, id: &str, ready: impl AsyncFn(&abide_runtime::view::Description) -> bool) {
        let began = Instant::now();
        loop {
            let described = self.host.describe(&Tenant::default(), &run(id)).await;
            if let Ok(described) = &described
                && (ready(described).await || (self.again && is_past(&described.run)))
            {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "step {place}: {described:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Stops the host and starts it again on the same folder.
    async fn restart(self) -> Self {
        let Self { scenario, host, root, again } = self;
        host.shutdown().await;
        drop(host);
        // The store goes with the last task of the host.
        let began = Instant::now();
        let store = loop {
            match RedbStore::open(&root.join("data")) {
                Ok(store) => break store,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        Self::open(&scenario, root, Arc::new(store), again).await
    }

    /// Checks an answer. When the steps may have been played before, a run that has ended refuses what it took before.
    fn expect<T: std::fmt::Debug>(&self, place: usize, answer: Result<T, Error>, refused: Option<&str>) -> Option<T> {
        match (answer, refused) {
            (Ok(answer), None) => Some(answer),
            (Err(error), Some(code)) => {
                assert_eq!(error.code.as_str(), code, "step {place}: {error}");
                None
            }
            (Err(error), None)
                if self.again && matches!(error.code, ErrorCode::RunClosed | ErrorCode::RunNotParked) =>
            {
                None
            }
            (Ok(_), Some(_)) if self.again => None,
            other => panic!("step {place}: {other:?}"),
        }
    }

    /// Waits until no run is open and nothing is left to do, but for those that wait for ever.
    pub async fn settle(&self) {
        let began = Instant::now();
        loop {
            let runs =
                self.host.runs(&Tenant::default(), &RunFilter::default(), None, 1000).await.expect("a list").runs;
            if !runs.is_empty() && runs.iter().all(|run| !run.status.is_open()) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "not all came to their end:\n{}", super::told(&self.host).await);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Whether a run may have been what is waited for before.
fn is_past(run: &Run) -> bool {
    !run.status.is_open() || run.continued_from.is_some()
}

/// Tries until the run is there.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(error) if error.code == ErrorCode::RunNotFound && began.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            other => return other,
        }
    }
}
