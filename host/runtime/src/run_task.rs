//! The task that owns a run.
//!
//! It takes inputs (messages, outcomes of activities, timers), records each, gives it to the guest if that is in memory, and gathers
//! what the guest does about it. The gathered batch goes to the store as one commit; only when that is durable are
//! activities performed, callers answered and log lines written. At most one commit is on its way; what comes meanwhile is
//! gathered for the next. So a chain of steps costs one disk sync a step.
//!
//! `inputs` handles what comes in, `loading` brings the guest into memory, `writing` sends commits and does what waited for them.

mod affairs;
mod budget;
mod ending;
mod gathering;
mod inputs;
mod loading;
mod metering;
mod others;
mod swapping;
mod writing;

pub(crate) use loading::open_timers;

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;

use abide_activities::{Performed, Veil};
use abide_history::StoreError;
use abide_model::{CallIndex, Error, Event, Json, Limits, Recorded, Run, RunId, RunStatus, Seq, Source};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::batch::{Batch, Effects};
use crate::inner::{Inner, RunKey, stopping};
use crate::log_allowance::LogAllowance;
use crate::registry::Message;
use crate::residency::Seat;
use crate::session::Session;

use self::metering::Meter;

/// How many inputs that are there already are taken into one batch.
const MAX_GATHERED: usize = 256;

/// What is performed, each on a task of its own, so that it goes on while the guest computes.
type Performing = JoinSet<(CallIndex, Option<Performed>)>;
type Settling = Pin<Box<dyn Future<Output = ()> + Send>>;
type Commit = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// A guest in memory.
struct Seated {
    session: Session,
    seat: Seat,
}

/// The task of a run.
pub(crate) struct RunTask {
    inner: Arc<Inner>,
    key: RunKey,
    mailbox: mpsc::Receiver<Message>,
    /// Ends it, and with it all tasks of its tenant.
    end: CancellationToken,
    /// The row as it will be when everything gathered is durable. `None`: not looked up yet, or there is no such run.
    run: Option<Run>,
    run_changed: bool,
    /// The first events of a run that was started just now; spares the first read.
    fresh: Vec<Recorded>,
    limits: Limits,
    /// Bytes of the history, as far as this task knows it: all of it once the guest was in memory.
    history_bytes: u64,
    log: LogAllowance,
    /// Events, those gathered included.
    length: Seq,
    seated: Option<Seated>,
    /// There are inputs that the guest was not given.
    needs_guest: bool,
    /// What the ready row says, where that is known.
    ready: Option<bool>,
    batch: Batch,
    writing: Option<(Commit, Effects)>,
    performing: Performing,
    handles: HashMap<CallIndex, (Source, AbortHandle)>,
    /// Open timers, the run timeout among them.
    timers: HashMap<CallIndex, u64>,
    /// Whether those are all: a task that begins has not read the history.
    knows_timers: bool,
    /// The children that the guest waits for. Known while it is in memory.
    awaited: HashMap<CallIndex, RunId>,
    /// Calls that wait for a child that had not ended when it was looked at: it will tell.
    looked_at: HashSet<CallIndex>,
    run_timeout_ms: Option<u64>,
    /// What is kept out of the history. Known when the guest was in memory once.
    veil: Arc<Veil>,
    /// The run that this one goes on as, until that is gathered as well.
    continuation: Option<Continuation>,
    /// The run has ended, and not all who are concerned know.
    unsettled: bool,
    settling: Option<Settling>,
    meter: Meter,
}

/// The run that a run goes on as.
struct Continuation {
    run_id: RunId,
    input: Json,
    messages: Vec<Event>,
}

/// What woke the task.
enum Wake {
    Written(Result<(), StoreError>),
    Performed(CallIndex, Option<Performed>),
    /// Something that was performed is not wanted any more.
    GivenUp,
    Settled,
    Message(Option<Message>),
    AskedToLeave,
    Stopping,
}

impl Wake {
    fn of(performed: Result<(CallIndex, Option<Performed>), JoinError>) -> Self {
        match performed {
            Ok((call, performed)) => Self::Performed(call, performed),
            Err(error) => match error.try_into_panic() {
                // As if it had been performed here.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Self::GivenUp,
            },
        }
    }
}

impl RunTask {
    /// The task of a run that is in the store.
    pub(crate) fn found(inner: Arc<Inner>, key: RunKey, mailbox: mpsc::Receiver<Message>) -> Self {
        let batch = Batch::new(&key, 0);
        let limits = inner.config.limits.clone();
        Self {
            end: inner.end_of(&key.tenant),
            inner,
            key,
            mailbox,
            run: None,
            run_changed: false,
            fresh: Vec::new(),
            limits,
            history_bytes: 0,
            log: LogAllowance::default(),
            length: 0,
            seated: None,
            needs_guest: false,
            ready: None,
            batch,
            writing: None,
            performing: JoinSet::new(),
            handles: HashMap::new(),
            timers: HashMap::new(),
            knows_timers: false,
            awaited: HashMap::new(),
            looked_at: HashSet::new(),
            run_timeout_ms: None,
            veil: Arc::default(),
            continuation: None,
            unsettled: false,
            settling: None,
            meter: Meter::default(),
        }
    }

    /// The task of a run whose start was made durable just now.
    pub(crate) fn started(
        inner: Arc<Inner>,
        key: RunKey,
        mailbox: mpsc::Receiver<Message>,
        run: Run,
        first: Vec<Recorded>,
    ) -> Self {
        let mut task = Self::found(inner, key, mailbox);
        task.run = Some(run);
        task.length = first.len() as Seq;
        task.batch = Batch::new(&task.key, task.length);
        task.fresh = first;
        task.needs_guest = true;
        task.ready = Some(true);
        task
    }

    /// Owns the run until nothing is left in memory that the store does not have.
    pub(crate) fn work(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Boxed, since a task may send a stray message on, which may make a task.
        Box::pin(async {
            let share = self.inner.share(&self.key.tenant).activities.clone();
            share.fairly(self.work_to_the_end()).await;
        })
    }

    async fn work_to_the_end(mut self) {
        let result = self.own().await;
        if let Err(error) = result {
            self.inner.fail(&error);
            tracing::error!(run_id = %self.key.run_id, %error, "a run stops here and is driven again later");
            let error = Error::from(error);
            if let Some((_, effects)) = self.writing.take() {
                effects.refuse(&error);
            }
            std::mem::take(&mut self.batch.effects).refuse(&error);
        }
        // Nothing of it outlives the task.
        self.performing.shutdown().await;
        self.mailbox.close();
        self.inner.registry.forget(&self.key);
        while let Some(message) = self.mailbox.recv().await {
            // Of another owner, or of nobody on the way down: then who sent it is told so by the dropped reply.
            let _ = self.inner.registry.send(&self.inner, &self.key, message).await;
        }
    }

    async fn own(&mut self) -> Result<(), StoreError> {
        if self.run.is_none() {
            self.run = self.inner.store.run(&self.key.tenant, self.key.run_id).await?;
            self.length = self.inner.store.length(&self.key.tenant, self.key.run_id).await?;
            self.batch = Batch::new(&self.key, self.length);
            // Whether all who are concerned know of an end is not known either; they are told once more.
            self.unsettled = self.run.as_ref().is_some_and(affairs::are_open);
        }
        loop {
            if self.needs_guest && self.is_running() && self.seated.is_none() {
                self.flush().await?;
                self.load().await?;
            }
            self.go_on().await?;
            self.offer_seat();
            self.begin_write();
            self.begin_to_settle();
            if self.has_nothing_to_do() && self.inner.registry.leave(&self.key, &mut self.mailbox) {
                return Ok(());
            }
            // Where disk and activities are quick, nothing below ever waits: others have their turn all the same.
            tokio::task::coop::consume_budget().await;
            match self.next_wake().await {
                Wake::Stopping => {
                    self.flush().await?;
                    self.drop_guest();
                    return self.flush().await;
                }
                wake => self.handle(wake).await?,
            }
            for _ in 0..MAX_GATHERED {
                match self.wake_that_is_there() {
                    Some(wake) => self.handle(wake).await?,
                    None => break,
                }
            }
        }
    }

    /// Waits for whatever comes first. Appends nothing: that is for [`RunTask::handle`].
    async fn next_wake(&mut self) -> Wake {
        let Self { end, mailbox, seated, writing, performing, settling, .. } = self;
        let seat = seated.as_ref().map(|seated| &seated.seat);
        tokio::select! {
            biased;
            written = async { writing.as_mut().expect("the branch is on only while writing").0.as_mut().await },
                if writing.is_some() => Wake::Written(written),
            Some(performed) = performing.join_next(), if !performing.is_empty() => Wake::of(performed),
            () = async { settling.as_mut().expect("the branch is on only while settling").as_mut().await },
                if settling.is_some() => Wake::Settled,
            message = mailbox.recv() => Wake::Message(message),
            () = async { seat.expect("the branch is on only while seated").asked_to_leave().await },
                if seat.is_some() => Wake::AskedToLeave,
            () = end.cancelled() => Wake::Stopping,
        }
    }

    /// Another outcome or message that is there already: it can share the next commit.
    fn wake_that_is_there(&mut self) -> Option<Wake> {
        if let Some(performed) = self.performing.try_join_next() {
            return Some(Wake::of(performed));
        }
        self.mailbox.try_recv().ok().map(|message| Wake::Message(Some(message)))
    }

    async fn handle(&mut self, wake: Wake) -> Result<(), StoreError> {
        match wake {
            Wake::Written(result) => self.written(result).await?,
            Wake::Performed(call, performed) => self.performed(call, performed).await,
            Wake::Settled => {
                self.settling = None;
                self.unsettled = false;
            }
            Wake::GivenUp => {}
            Wake::Message(Some(message)) => self.message(message).await?,
            // The registry has a sender as long as this task is registered.
            Wake::Message(None) | Wake::Stopping => {}
            Wake::AskedToLeave => {
                if self.batch.is_empty() && self.writing.is_none() {
                    self.drop_guest();
                }
            }
        }
        Ok(())
    }

    fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.status == RunStatus::Running)
    }

    fn is_open(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.status.is_open())
    }

    fn has_nothing_to_do(&self) -> bool {
        self.seated.is_none()
            && self.performing.is_empty()
            && self.batch.is_empty()
            && self.writing.is_none()
            && self.settling.is_none()
            && !(self.needs_guest && self.is_running())
    }

    /// A guest that waits may be dropped; it is dropped at once where memory is short.
    fn offer_seat(&mut self) {
        let Some(seated) = &self.seated else { return };
        if self.batch.is_empty() && self.writing.is_none() && seated.seat.idle() {
            self.drop_guest();
        }
    }

    fn drop_guest(&mut self) {
        self.seated = None;
        self.awaited.clear();
        self.meter.drops(self.inner.clock.now_ms());
        self.write_metered();
    }

    /// Appends an event to what is gathered, and gives its place.
    fn record(&mut self, event: Event) -> (Seq, Recorded) {
        let recorded = Recorded { time_ms: self.inner.clock.now_ms(), event };
        self.batch.push(recorded.clone());
        self.history_bytes = self.history_bytes.saturating_add(recorded.bytes());
        self.length += 1;
        (self.length - 1, recorded)
    }

    /// Records an input, and gives it to the guest.
    async fn input(&mut self, event: Event) -> Seq {
        let (seq, recorded) = self.record(event);
        match &mut self.seated {
            Some(seated) => {
                let delivered = seated.session.deliver(seq, &recorded).await;
                seated.seat.busy(seated.session.memory_bytes());
                match delivered {
                    Ok(news) => {
                        self.meter.stands_at(seq);
                        self.take(news);
                    }
                    Err(reason) => self.park(reason),
                }
            }
            None => self.needs_guest = true,
        }
        seq
    }

    fn change_run(&mut self, change: impl FnOnce(&mut Run)) {
        if let Some(run) = &mut self.run {
            change(run);
            self.run_changed = true;
        }
    }

    fn refusal(&self) -> Error {
        match &self.run {
            Some(run) => crate::errors::closed(run),
            None if self.inner.stopping.is_cancelled() => stopping(),
            None => crate::errors::no_run(&self.key),
        }
    }
}
