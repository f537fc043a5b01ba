//! The handle to a host.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use abide_activities::{Activity, Performed, Performer};
use abide_engine::{CompiledCache, Compiler, Engine, EngineConfig};
use abide_history::Store;
use abide_model::{
    CallerId, Clock, Error, ErrorCode, Event, Failure, Json, Limits, Outcome, Run, RunId, RunRef, RunStarted,
    SignalReceived, Tenant,
};
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::checks::{check_message, check_size, check_timeout, cut, first_key, message_digest, random};
use crate::inner::{Inner, RunKey, stopping};
use crate::new_run::NewRun;
use crate::programs::Programs;
use crate::registry::{Message, Reply};
use crate::residency::Residency;
use crate::retention::{self, Retention};
use crate::schedules::{self, StepOf};
use crate::sharing::{REPLAY_SEATS, Sharing};
use crate::tasks::ByRunTasks;
use crate::view::{ReplayReport, Signalled, StartRun, StartSignal, Started};
use crate::{budgets, driving, queries, replaying, starting, swapping, timers, tool_components, usage, warming};

/// Histories that a swap or a check replays at the same time: half of the seats, so that queries have the others.
pub(crate) const REPLAYS_AT_ONCE: usize = REPLAY_SEATS as usize / 2;

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// Where compiled components are cached.
    pub cache_dir: PathBuf,
    /// So many bytes of them at most, but for the one that came last.
    pub cache_bytes: u64,
    /// Guests in memory at the same time.
    pub max_resident: usize,
    /// Bytes of linear memory of all guests in memory. Pages that were never touched, or that the guests of a component share, count for
    /// nothing as long as the whole process has less in memory.
    pub resident_bytes: u64,
    /// Limits of new runs.
    pub limits: Limits,
    /// The largest component that may be uploaded, in bytes.
    pub max_component_bytes: usize,
    /// What compiles components, where that is another process.
    pub compiler: Option<Compiler>,
    /// How long runs that have ended are kept.
    pub retention: Retention,
}

impl HostConfig {
    /// The defaults, with a cache in `cache_dir`.
    pub fn new(cache_dir: PathBuf) -> Self {
        Self {
            cache_dir,
            cache_bytes: CompiledCache::MOST_BYTES,
            max_resident: 1000,
            resident_bytes: 2 << 30,
            limits: Limits::default(),
            max_component_bytes: 64 << 20,
            compiler: None,
            retention: Retention::default(),
        }
    }
}

/// A host at work. Cheap to clone; the last clone does not stop it, [`Host::shutdown`] does.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

/// Performs the calls of a host that only looks, which makes none.
struct Nobody;

impl Performer for Nobody {
    fn perform(&self, activity: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        let message = format!("`{}` is not performed: this host only looks", activity.kind);
        let outcome = Outcome::Failed(Failure::new("unavailable", message));
        Box::pin(std::future::ready(Performed::new(outcome, 0)))
    }
}

impl Host {
    /// Opens a host: it drives at once what `store` says is to be driven.
    pub async fn open(
        config: HostConfig,
        store: Arc<dyn Store>,
        performer: Arc<dyn Performer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let host = Self::assemble(config, store, performer, clock)?;
        let inner = &host.inner;
        if let Some(workers) = inner.performer.workers() {
            workers.record_in(ByRunTasks(Arc::downgrade(inner)));
        }
        inner.load_tenants().await?;
        inner.finish_erasures().await?;
        // Before a run is driven that calls one of them.
        tool_components::load(inner).await?;
        inner.tasks.spawn(driving::drive(inner.clone()));
        inner.tasks.spawn(timers::ring(inner.clone()));
        inner.tasks.spawn(retention::keep(inner.clone()));
        inner.tasks.spawn(usage::keep(inner.clone()));
        inner.tasks.spawn(warming::warm(inner.clone()));
        inner.tasks.spawn(schedules::keep(host.clone()));
        inner.tasks.spawn(swapping::keep(host.clone()));
        inner.tasks.spawn(budgets::keep(host.clone()));
        Ok(host)
    }

    /// Opens a host to look at what is in `store`: it drives no run, and performs nothing.
    pub fn open_to_look(config: HostConfig, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::assemble(config, store, Arc::new(Nobody), clock)
    }

    fn assemble(
        config: HostConfig,
        store: Arc<dyn Store>,
        performer: Arc<dyn Performer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let seats = u32::try_from(config.max_resident).ok().filter(|seats| (1..=100_000).contains(seats));
        let seats = seats.ok_or_else(|| {
            Error::new(ErrorCode::InvalidConfig, "the number of resident guests has to be 1 to 100000")
        })?;
        let engine_config = EngineConfig {
            max_guests: seats + REPLAY_SEATS,
            max_memory_bytes: config.limits.memory_bytes.max(EngineConfig::default().max_memory_bytes),
        };
        let engine = Engine::compiled_by(&engine_config, config.compiler.clone())?;
        let cache = CompiledCache::open(&config.cache_dir, config.cache_bytes)?;
        let inner = Arc::new(Inner {
            programs: Programs::new(engine, cache, store.clone()),
            residency: Residency::new(config.max_resident, config.resident_bytes),
            sharing: Sharing::new(),
            tool_turn: Semaphore::new(1),
            tenants: Default::default(),
            settings: Default::default(),
            secrets: Default::default(),
            ends: Default::default(),
            revocations: watch::Sender::new(()),
            settings_turn: Semaphore::new(1),
            registry: Default::default(),
            followers: Default::default(),
            timer_hint: Default::default(),
            schedule_hint: Default::default(),
            swap_hint: Default::default(),
            budget_warnings: Default::default(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            failure: watch::Sender::new(None),
            config,
            store,
            performer,
            clock,
        });
        Ok(Self { inner })
    }

    /// Starts a run. It is durable when this gives `Ok`.
    pub async fn start(&self, tenant: &Tenant, start: StartRun) -> Result<Started, Error> {
        self.start_with(tenant, start, None).await
    }

    /// The same, with the step of the schedule that it is a part of in the same commit.
    pub(crate) async fn start_with(
        &self,
        tenant: &Tenant,
        start: StartRun,
        step: Option<&StepOf<'_>>,
    ) -> Result<Started, Error> {
        let inner = &self.inner;
        inner.check_ready()?;
        check_size("the input", start.input.len())?;
        starting::check(&start)?;
        check_timeout(start.run_timeout_ms)?;
        let messages = start.signal.map(|signal| self.first_signal(signal)).transpose()?;
        let now_ms = inner.clock.now_ms();
        let run_id = RunId::new(now_ms, u128::from_be_bytes(random()?));
        let id = match start.id {
            Some(id) => id,
            None => CallerId::for_run(&start.workflow, run_id),
        };
        let version = self.version_for(tenant, &start.workflow, &id, start.version.as_deref()).await?;
        let configuration = inner.programs.configuration(tenant, &start.workflow, version).await?;
        let started = RunStarted {
            tenant: tenant.clone(),
            workflow: start.workflow,
            version,
            id,
            input: start.input,
            seed: random()?,
            limits: inner.limits_for(tenant),
            parent: None,
            continued_from: None,
            run_timeout_ms: start.run_timeout_ms,
            attributes: start.attributes,
            configuration,
            veil: inner.veil_for(tenant),
        };
        let signal = messages.clone();
        let new = NewRun::new(run_id, now_ms, started, messages.into_iter().map(Event::SignalReceived).collect());
        let mut commit = new.commit();
        commit.schedule = step.map(|step| step(&new.run));
        commit.id_reuse = start.id_reuse;
        commit.key = signal.as_ref().and_then(first_key);
        if let Some(open) = self.commit_start(commit, start.if_running).await? {
            if let Some(SignalReceived { name, payload, key }) = signal {
                self.signal(tenant, &RunRef::Run(open.run_id), &name, payload, key).await?;
            }
            return Ok(Started { run: open, created: false });
        }
        let run = new.run.clone();
        new.drive(inner);
        Ok(Started { run, created: true })
    }

    fn first_signal(&self, signal: StartSignal) -> Result<SignalReceived, Error> {
        check_message("a signal", &signal.name, signal.key.as_deref())?;
        check_size("the payload", signal.payload.len())?;
        Ok(SignalReceived { name: signal.name, payload: signal.payload, key: signal.key })
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    /// Sends a signal. It is durable when this gives `Ok`.
    pub async fn signal(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        name: &str,
        payload: Json,
        key: Option<String>,
    ) -> Result<Signalled, Error> {
        check_message("a signal", name, key.as_deref())?;
        check_size("the payload", payload.len())?;
        self.inner.share(tenant).check_stored()?;
        let known = key.clone().map(|key| (key, message_digest(name, &payload)));
        let message = |reply| {
            let (name, payload, key) = (name.to_owned(), payload.clone(), key.clone());
            Message::Signal { name, payload, key, reply }
        };
        self.deliver(tenant, run, known, message).await
    }

    /// Asks a run to end. It decides itself what to do about it.
    pub async fn cancel(&self, tenant: &Tenant, run: &RunRef, reason: &str) -> Result<Run, Error> {
        let reason = cut(reason);
        self.ask_last(tenant, run, |reply| Message::Cancel { reason: reason.clone(), reply }).await
    }

    /// Ends a run without asking it.
    pub async fn terminate(&self, tenant: &Tenant, run: &RunRef, reason: &str) -> Result<Run, Error> {
        let reason = cut(reason);
        self.ask_last(tenant, run, |reply| Message::Terminate { reason: reason.clone(), reply }).await
    }

    /// Lets a parked run go on, on another version of its workflow if one is named.
    pub async fn resume(&self, tenant: &Tenant, run: &RunRef, version: Option<&str>) -> Result<Run, Error> {
        let key = self.find(tenant, run).await?;
        let version = match version {
            Some(text) => {
                let row = self.row(&key).await?;
                Some(self.find_version(tenant, &row.workflow, text).await?)
            }
            None => None,
        };
        self.ask_task(&key, |reply| Message::Resume { version, reply }).await
    }

    /// Asks a run something by the name `query`: a value that it published, else its own `query` on a copy of the run.
    pub async fn query(&self, tenant: &Tenant, run: &RunRef, name: &str, arguments: Json) -> Result<Json, Error> {
        check_size("the arguments", arguments.len())?;
        let key = self.find(tenant, run).await?;
        queries::query(&self.inner, &key, name, arguments).await
    }

    /// Runs the history again with no live calls, on its own version or on `component`.
    pub async fn replay(&self, tenant: &Tenant, run: &RunRef, component: Option<Bytes>) -> Result<ReplayReport, Error> {
        if let Some(component) = &component {
            self.check_component(component)?;
        }
        let key = self.find(tenant, run).await?;
        replaying::replay(&self.inner, &key, component, false).await
    }

    /// Runs the history again on each version that the run was on, as far as it was on it.
    pub async fn replay_chain(&self, tenant: &Tenant, run: &RunRef) -> Result<Vec<ReplayReport>, Error> {
        let key = self.find(tenant, run).await?;
        replaying::replay_chain(&self.inner, &key).await
    }

    /// `Err` while the host cannot take work.
    pub fn ready(&self) -> Result<(), Error> {
        self.inner.check_ready()
    }

    /// How many guests are in memory.
    pub fn resident(&self) -> usize {
        self.inner.residency.resident()
    }

    /// Completes when the store failed: then the process should stop, for what is on the disk is not known until it is opened again.
    pub async fn failed(&self) -> Error {
        let mut failure = self.inner.failure.subscribe();
        loop {
            if let Some(error) = failure.borrow_and_update().clone() {
                return error;
            }
            if failure.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Does what is to be done for a tenant when it is its turn: what it computes is shared out among tenants, as what their guests do is.
    pub async fn fairly<T>(&self, tenant: &Tenant, work: impl Future<Output = T>) -> T {
        let share = self.inner.share(tenant).activities.clone();
        share.fairly(work).await
    }

    /// Stops taking work, and waits until what was gathered is durable. Activities in flight are dropped; they are performed again when
    /// the host is up.
    pub async fn shutdown(&self) {
        self.inner.stopping.cancel();
        self.inner.tasks.close();
        // A guest that computes is left: nothing of it is lost.
        let _ = tokio::time::timeout(Duration::from_secs(10), self.inner.tasks.wait()).await;
    }

    pub(crate) fn check_component(&self, file: &Bytes) -> Result<(), Error> {
        let limit = self.inner.config.max_component_bytes;
        if file.len() > limit {
            return Err(Error::new(
                ErrorCode::TooLarge,
                format!(
                    "the component has {} bytes, the limit is {limit}: build it with `opt-level = \"s\"` and `strip`",
                    file.len()
                ),
            ));
        }
        Ok(())
    }

    pub(crate) async fn ask_task<T>(
        &self,
        key: &RunKey,
        message: impl FnOnce(Reply<T>) -> Message,
    ) -> Result<T, Error> {
        self.inner.check_ready()?;
        let (reply, answer) = oneshot::channel();
        self.inner.registry.send(&self.inner, key, message(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}
