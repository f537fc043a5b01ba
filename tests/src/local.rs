//! A host in the test's own process, over a real redb file in a temporary folder.

use std::sync::Arc;
use std::time::Duration;

use abide_activities::Performer;
use abide_history::RedbStore;
use abide_model::{CallerId, Clock, Json, Run, RunRef, RunStatus, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::{HistoryEvent, StartRun};
use abide_runtime::{Host, HostConfig};
use tempfile::TempDir;

use crate::guest;

/// How long a test waits for something that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

fn temporary() -> Arc<TempDir> {
    Arc::new(TempDir::new().expect("a temporary folder"))
}

/// A host with its folder.
pub struct LocalHost {
    /// The host.
    pub host: Host,
    /// Whose runs.
    pub tenant: Tenant,
    folder: Arc<TempDir>,
    clock: Arc<dyn Clock>,
}

impl LocalHost {
    /// A host over a new folder.
    pub async fn new(performer: impl Performer) -> Self {
        Self::with(performer, |_| ()).await
    }

    /// The same, with another configuration.
    pub async fn with(performer: impl Performer, configure: impl FnOnce(&mut HostConfig)) -> Self {
        Self::open(temporary(), Arc::new(SystemClock), performer, configure).await
    }

    /// A host over a new folder, with a clock of the test's.
    pub async fn with_clock(performer: impl Performer, clock: Arc<dyn Clock>) -> Self {
        Self::open(temporary(), clock, performer, |_| ()).await
    }

    async fn open(
        folder: Arc<TempDir>,
        clock: Arc<dyn Clock>,
        performer: impl Performer,
        configure: impl FnOnce(&mut HostConfig),
    ) -> Self {
        let store = RedbStore::open(&folder.path().join("data")).expect("a store");
        let mut config = HostConfig::new(folder.path().join("cache"));
        configure(&mut config);
        let host = Host::open(config, Arc::new(store), Arc::new(performer), clock.clone()).await.expect("a host");
        Self { host, tenant: Tenant::default(), folder, clock }
    }

    /// Where it keeps what it stores.
    pub fn folder(&self) -> std::path::PathBuf {
        self.folder.path().to_owned()
    }

    /// Stops the host and opens another one on the same folder.
    pub async fn reopen(self, performer: impl Performer) -> Self {
        self.reopen_after(performer, || ()).await
    }

    /// The same; `meanwhile` happens while no host runs.
    pub async fn reopen_after(self, performer: impl Performer, meanwhile: impl FnOnce()) -> Self {
        let Self { host, folder, clock, .. } = self;
        host.shutdown().await;
        drop(host);
        meanwhile();
        Self::open(folder, clock, performer, |_| ()).await
    }

    /// The same, with another configuration.
    pub async fn reopen_with(self, performer: impl Performer, configure: impl FnOnce(&mut HostConfig)) -> Self {
        let Self { host, folder, clock, .. } = self;
        host.shutdown().await;
        drop(host);
        Self::open(folder, clock, performer, configure).await
    }

    /// Stops the host, does something to its store while nobody has it, and opens the host again.
    pub async fn while_closed(self, performer: impl Performer, work: impl AsyncFnOnce(&RedbStore)) -> Self {
        let Self { host, folder, clock, .. } = self;
        host.shutdown().await;
        drop(host);
        let store = RedbStore::open(&folder.path().join("data")).expect("a store");
        work(&store).await;
        drop(store);
        Self::open(folder, clock, performer, |_| ()).await
    }

    /// Uploads a guest under its own name.
    pub async fn deploy(&self, name: &str) -> String {
        self.deploy_as(name, name).await
    }

    /// Uploads a guest under another name, and gives the digest of its version.
    pub async fn deploy_as(&self, guest_name: &str, name: &str) -> String {
        let name = WorkflowName::parse(name).expect("a name");
        let deployed = self.host.deploy(&self.tenant, &name, guest(guest_name)).await.expect("an upload");
        deployed.version.version.to_string()
    }

    /// Starts a run.
    pub async fn start(&self, workflow: &str, id: &str, input: serde_json::Value) -> RunRef {
        let start = StartRun {
            id: Some(CallerId::parse(id).expect("an id")),
            input: Json::from(&input),
            ..StartRun::of(WorkflowName::parse(workflow).expect("a name"))
        };
        RunRef::Run(self.host.start(&self.tenant, start).await.expect("a start").run.run_id)
    }

    /// Sends a signal.
    pub async fn signal(&self, run: &RunRef, name: &str, payload: serde_json::Value) {
        self.host.signal(&self.tenant, run, name, Json::from(&payload), None).await.expect("a signal");
    }

    /// Waits for a run to end.
    pub async fn result(&self, run: &RunRef) -> Run {
        self.host.result(&self.tenant, run, PATIENCE).await.expect("a result")
    }

    /// Waits for a run to have a status.
    pub async fn until(&self, run: &RunRef, status: RunStatus) -> Run {
        let began = std::time::Instant::now();
        loop {
            let row = self.host.describe(&self.tenant, run).await.expect("a description").run;
            if row.status == status {
                return row;
            }
            assert!(began.elapsed() < PATIENCE, "the run is {}, it should be {status}: {row:?}", row.status);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a history to have so many events.
    pub async fn until_length(&self, run: &RunRef, length: usize) {
        let began = std::time::Instant::now();
        while self.history(run).await.len() < length {
            assert!(
                began.elapsed() < PATIENCE,
                "the history stays shorter than {length}: {:?}",
                self.history(run).await
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The whole history of a run.
    pub async fn history(&self, run: &RunRef) -> Vec<HistoryEvent> {
        let mut events = Vec::new();
        loop {
            let from = events.len() as u64;
            let page = self.host.history(&self.tenant, run, from, 1000, Duration::ZERO).await.expect("a history");
            events.extend(page.events);
            if page.next.is_none() {
                return events;
            }
        }
    }

    /// The history in short: one word an event, with the number of the call.
    pub async fn outline(&self, run: &RunRef) -> Vec<String> {
        let events = self.history(run).await;
        events
            .into_iter()
            .map(|event| match event.call {
                Some(call) => format!("{} {call}", event.kind),
                None => event.kind,
            })
            .collect()
    }
}
