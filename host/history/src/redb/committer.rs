//! Group commit: one writes at a time. A thread takes the changes that wait at a moment, writes them in one transaction with one
//! disk sync, and answers each. While the disk syncs, the next ones gather.
//!
//! A change that comes while nothing else is written is written where it comes from, if the disk is quick: two hand-overs between threads
//! cost more than such a sync. So a single run goes as fast as the disk, and many runs share its syncs.
//!
//! Tenants share the queue fairly: each has its own order in it, a batch takes from all by what they wrote, and the room for waiting bytes is
//! shared out in the same way. While more than one tenant is at work, a batch has no more of one than is worth a sync, and the thread takes a
//! turn to compute of one whose changes it writes ([`turns`]): writing is a part of what that tenant has of the cores. So a tenant's flood of
//! changes makes another's wait for one short batch, and leaves it a core.
//!
//! The thread ends when the [`Committer`] is dropped, after what is queued is written. After an error of the disk nothing is
//! written any more until the store is opened again: what a failed sync left behind is not known.

mod queue;
mod turns;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;

use abide_fair::{Ask, Charge, Slots};
use abide_model::Tenant;
use tokio::sync::oneshot;

use self::queue::{Flow, Queue, Waiting};
use self::turns::{Bell, Turn};
use super::batch::Change;
use super::limits;
use super::writer::Writer;
use crate::{StoreError, StoreShare};

/// What the thread shares with those who write themselves.
#[derive(Debug)]
struct Shared {
    /// Who has this writes. A panic while it was held means that nobody knows what is written: then there is a failure.
    writer: Mutex<Writer>,
    /// Changes that were queued and are not yet written. While there are any, nobody overtakes them.
    queued: AtomicUsize,
    queue: Mutex<Queue>,
    /// Wakes the thread.
    bell: Arc<Bell>,
    failure: OnceLock<StoreError>,
}

/// The one that writes.
#[derive(Debug)]
pub(super) struct Committer {
    /// The bytes that may wait.
    room: Slots<Flow>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(writer: Writer) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            writer: Mutex::new(writer),
            queued: AtomicUsize::new(0),
            queue: Mutex::default(),
            bell: Arc::default(),
            failure: OnceLock::new(),
        });
        let thread = std::thread::Builder::new()
            .name("abide-history".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || run(&shared)
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread to write with: {error}")))?;
        let room = Slots::new(limits::QUEUE_UNITS, Charge::Each);
        Ok(Self { room, shared, thread: Some(thread) })
    }

    /// What the changes of a tenant have, beside those of others.
    pub(super) fn share(&self, tenant: &Tenant, share: StoreShare) {
        self.shared.queue().shares.insert(tenant.clone(), share);
    }

    /// Makes a change of about `size` bytes durable. The changes of a tenant are written in the order in which this is first polled, as long as
    /// there is room in the queue. One whose future is dropped while it waits in the queue is written all the same.
    pub(super) async fn write(&self, change: Change, size: usize) -> Result<(), StoreError> {
        if let Some(failure) = self.failed() {
            return Err(failure);
        }
        let flow = change.tenant().cloned();
        if let Some(writer) = self.shared.writer_for_one(&flow, size) {
            return self.shared.write_one(writer, &change);
        }
        let units = size.div_ceil(limits::QUEUE_UNIT_BYTES).clamp(limits::LEAST_UNITS, limits::QUEUE_UNITS as usize);
        let units = u32::try_from(units).expect("clamped to a 32-bit number");
        let weight = self.shared.queue().weight(&flow);
        let room = self.room.take(Ask::one(flow.clone(), weight).units(units)).await;
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = self.shared.queue();
            if queue.closed {
                return Err(self.shared.died());
            }
            self.shared.queued.fetch_add(1, Ordering::SeqCst);
            queue.waiting.push(&flow, weight, Waiting { change, size, answer, _room: room });
        }
        self.shared.bell.ring();
        answered.await.unwrap_or_else(|_| Err(self.shared.died()))
    }

    /// Why nothing is written any more.
    pub(super) fn failed(&self) -> Option<StoreError> {
        self.shared.failure.get().cloned()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.bell.ring();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the history panicked");
        }
    }
}

impl Shared {
    /// The queue. What is done under its lock does not panic, and if it did, what is in it is still whole.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer, for one small change that need wait neither for others nor for a slow disk.
    fn writer_for_one(&self, flow: &Flow, size: usize) -> Option<MutexGuard<'_, Writer>> {
        if size > limits::DIRECT_BYTES || !self.may_go_first(flow) {
            return None;
        }
        let writer = self.writer.try_lock().ok()?;
        // Again: what was queued before the lock was taken comes first.
        (self.may_go_first(flow) && is_quick(&writer) && writer.has_room(size)).then_some(writer)
    }

    /// Whether a change that comes now overtakes nobody: none waits, or all that wait do so for a turn of their tenants, of which this is none.
    fn may_go_first(&self, flow: &Flow) -> bool {
        if self.queued.load(Ordering::SeqCst) == 0 {
            return true;
        }
        let queue = self.queue();
        queue.waits_for_turn && !queue.waiting.has(flow)
    }

    /// Writes a change by itself.
    fn write_one(&self, mut writer: MutexGuard<'_, Writer>, change: &Change) -> Result<(), StoreError> {
        let answers = self.write(&mut writer, std::iter::once(change), || ())?;
        answers.into_iter().next().expect("one answer for one change")
    }

    /// Writes changes, and tells when they are computed.
    fn write<'c>(
        &self,
        writer: &mut Writer,
        changes: impl Iterator<Item = &'c Change>,
        is_computed: impl FnOnce(),
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if let Some(failure) = self.failure.get() {
            return Err(failure.clone());
        }
        writer.write(changes, is_computed).map_err(|error| self.fail(error))
    }

    /// Writes a batch of what waits, and takes it from the queue in any case.
    fn write_batch(&self, mut turn: Turn, batch: &mut Vec<Waiting>) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let Ok(mut writer) = self.writer.lock() else {
            self.queue().take_into(batch, limits::BATCH_COMMITS);
            return Err(self.died());
        };
        {
            let mut queue = self.queue();
            let most = if queue.is_shared() { worth_a_sync(&writer) } else { limits::BATCH_COMMITS };
            queue.take_into(batch, most);
        }
        // Others can use the time in which a slow disk syncs. Of a quick one, it is over before they could.
        let is_quick = is_quick(&writer);
        let is_computed = || {
            if !is_quick {
                turn.take();
            }
        };
        let answers = self.write(&mut writer, batch.iter().map(|waiting| &waiting.change), is_computed);
        self.queued.fetch_sub(batch.len(), Ordering::SeqCst);
        answers
    }

    /// Makes the store failed for good.
    fn fail(&self, error: StoreError) -> StoreError {
        let known = self.failure.get().is_some();
        let failure = self.failure.get_or_init(|| match error {
            error @ StoreError::Unavailable(_) => error,
            other => StoreError::Unavailable(other.to_string()),
        });
        if !known {
            tracing::error!(error = %failure, "the history can no longer be written");
        }
        failure.clone()
    }

    /// The one that wrote went without an answer: it panicked.
    fn died(&self) -> StoreError {
        self.fail(StoreError::Unavailable("the thread that writes died; the log says why".into()))
    }
}

/// Lets nothing wait for a thread that has ended.
struct Closing<'s>(&'s Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let left = {
            let mut queue = self.0.queue();
            queue.closed = true;
            std::iter::from_fn(|| queue.waiting.pop(1)).collect::<Vec<_>>()
        };
        // Dropped without an answer, and not under the lock: they give back their room.
        drop(left);
    }
}

/// Whether a task may wait for the disk.
fn is_quick(writer: &Writer) -> bool {
    writer.sync_time().is_some_and(|time| time < limits::DIRECT_TIME)
}

/// So many changes of a tenant take about as long as the sync that follows.
fn worth_a_sync(writer: &Writer) -> usize {
    let changes = writer.sync_time().unwrap_or_default().as_micros() / limits::CHANGE_TIME.as_micros();
    usize::try_from(changes).unwrap_or(usize::MAX).clamp(limits::SHARED_CHANGES, limits::BATCH_COMMITS)
}

/// The thread: writes what is queued, and at the end makes the database durable as a whole.
fn run(shared: &Shared) {
    // Whoever waits when this ends, however it ends, is told.
    let _closing = Closing(shared);
    let waker = Waker::from(Arc::clone(&shared.bell));
    let mut batch = Vec::new();
    while let Some(turn) = shared.wait_for_turn(&waker) {
        match shared.write_batch(turn, &mut batch) {
            Ok(answers) => {
                for (waiting, answer) in batch.drain(..).zip(answers) {
                    // Nobody waits for it any more: it is written all the same.
                    let _ = waiting.answer.send(answer);
                }
            }
            Err(error) => {
                for waiting in batch.drain(..) {
                    let _ = waiting.answer.send(Err(error.clone()));
                }
            }
        }
    }
    // Stopped in order: the next start has nothing to replay.
    if shared.failure.get().is_none()
        && let Ok(mut writer) = shared.writer.lock()
        && let Err(error) = writer.checkpoint()
    {
        shared.fail(error);
    }
}
