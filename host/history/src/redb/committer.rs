//! Group commit: one writes at a time. A thread takes the changes that wait at a moment, writes them in one transaction with one
//! disk sync, and answers each. While the disk syncs, the next ones gather.
//!
//! A change that comes while nothing else is written is written where it comes from, if the disk is quick: two hand-overs between threads
//! cost more than such a sync. So a single run goes as fast as the disk, and many runs share its syncs.
//!
//! Tenants share the queue fairly: each has its own order in it, a batch takes from all by what they wrote, and the room for waiting bytes is
//! shared out in the same way. So a tenant's flood of changes makes another's wait for one batch, and not for the flood.
//!
//! The thread ends when the [`Committer`] is dropped, after what is queued is written. After an error of the disk nothing is
//! written any more until the store is opened again: what a failed sync left behind is not known.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use abide_fair::{Ask, Charge, FairQueue, Fit, Slot, Slots};
use abide_model::Tenant;
use tokio::sync::oneshot;

use super::batch::Change;
use super::limits;
use super::writer::Writer;
use crate::StoreError;

/// A change that waits to be written.
#[derive(Debug)]
struct Waiting {
    change: Change,
    /// About, in bytes.
    size: usize,
    answer: oneshot::Sender<Result<(), StoreError>>,
    /// Its share of the queue's bytes, given back when it is answered.
    _room: Slot<Flow>,
}

/// Whose change it is; `None`: the host's.
type Flow = Option<Tenant>;

/// What waits, and whether more may come.
#[derive(Debug, Default)]
struct Queue {
    waiting: FairQueue<Flow, Waiting>,
    weights: HashMap<Tenant, u32>,
    closed: bool,
}

/// What the thread shares with those who write themselves.
#[derive(Debug)]
struct Shared {
    /// A panic while it was held means that nobody knows what is written: then there is a failure.
    turn: Mutex<Turn>,
    /// Changes that were queued and are not yet written. While there are any, nobody overtakes them.
    queued: AtomicUsize,
    queue: Mutex<Queue>,
    /// Wakes the thread.
    came: Condvar,
    failure: OnceLock<StoreError>,
}

/// Who has this writes.
#[derive(Debug)]
struct Turn {
    writer: Writer,
    /// How long the last write took.
    took: Duration,
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
            // How quick the disk is will be seen.
            turn: Mutex::new(Turn { writer, took: Duration::MAX }),
            queued: AtomicUsize::new(0),
            queue: Mutex::default(),
            came: Condvar::new(),
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

    /// What the changes of a tenant weigh, compared with those of others.
    pub(super) fn weigh(&self, tenant: &Tenant, weight: u32) {
        self.shared.queue().weights.insert(tenant.clone(), weight);
    }

    /// Makes a change of about `size` bytes durable. The changes of a tenant are written in the order in which this is first polled, as long as
    /// there is room in the queue. One whose future is dropped while it waits in the queue is written all the same.
    pub(super) async fn write(&self, change: Change, size: usize) -> Result<(), StoreError> {
        if let Some(failure) = self.failed() {
            return Err(failure);
        }
        if let Some(turn) = self.shared.turn_of_a_single_one(size) {
            return self.shared.write_one(turn, &change);
        }
        let units = size.div_ceil(limits::QUEUE_UNIT_BYTES).clamp(limits::LEAST_UNITS, limits::QUEUE_UNITS as usize);
        let units = u32::try_from(units).expect("clamped to a 32-bit number");
        let flow = change.tenant().cloned();
        let weight = flow.as_ref().map_or(HOST_WEIGHT, |tenant| self.shared.queue().weight(tenant));
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
        self.shared.came.notify_one();
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
        self.shared.came.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the history panicked");
        }
    }
}

impl Queue {
    fn weight(&self, tenant: &Tenant) -> u32 {
        self.weights.get(tenant).copied().unwrap_or(HOST_WEIGHT)
    }

    /// Takes what comes next into a batch that is not full: as many changes and as many bytes as one transaction should have.
    fn take_into(&mut self, batch: &mut Vec<Waiting>) {
        let mut bytes: usize = batch.iter().map(|waiting| waiting.size).sum();
        while batch.len() < limits::BATCH_COMMITS {
            let first = batch.is_empty();
            let taken = self.waiting.pop_if(|_, waiting| {
                let fits = first || bytes + waiting.size <= limits::BATCH_BYTES;
                // What a change costs is its sync and its bytes.
                (if fits { Fit::Take } else { Fit::Stop }, (waiting.size + limits::CHANGE_BYTES) as u64)
            });
            let Some((_, waiting)) = taken else { return };
            bytes += waiting.size;
            batch.push(waiting);
        }
    }
}

/// What the host's own changes weigh, and those of a tenant of which nothing was said.
const HOST_WEIGHT: u32 = 100;

impl Shared {
    /// The queue. What is done under its lock does not panic, and if it did, what is in it is still whole.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for changes, and takes some. `false` where none will come.
    fn wait_for(&self, batch: &mut Vec<Waiting>) -> bool {
        let mut queue = self.queue();
        loop {
            queue.take_into(batch);
            if !batch.is_empty() || queue.closed {
                return !batch.is_empty();
            }
            queue = self.came.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The turn, for one small change that need wait neither for others nor for a slow disk.
    fn turn_of_a_single_one(&self, size: usize) -> Option<MutexGuard<'_, Turn>> {
        if size > limits::DIRECT_BYTES || self.queued.load(Ordering::SeqCst) > 0 {
            return None;
        }
        let turn = self.turn.try_lock().ok()?;
        // Again: what was queued before the lock was taken comes first.
        let alone = self.queued.load(Ordering::SeqCst) == 0;
        (alone && turn.took < limits::DIRECT_TIME && turn.writer.has_room(size)).then_some(turn)
    }

    /// Writes a change by itself.
    fn write_one(&self, mut turn: MutexGuard<'_, Turn>, change: &Change) -> Result<(), StoreError> {
        let answers = self.write(&mut turn, std::iter::once(change))?;
        answers.into_iter().next().expect("one answer for one change")
    }

    /// Writes changes, and looks how long that takes.
    fn write<'c>(
        &self,
        turn: &mut Turn,
        changes: impl Iterator<Item = &'c Change>,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if let Some(failure) = self.failure.get() {
            return Err(failure.clone());
        }
        let began = Instant::now();
        let answers = turn.writer.write(changes);
        turn.took = began.elapsed();
        answers.map_err(|error| self.fail(error))
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

/// The thread: writes what is queued, and at the end makes the database durable as a whole.
fn run(shared: &Shared) {
    // Whoever waits when this ends, however it ends, is told.
    let _closing = Closing(shared);
    let mut batch = Vec::new();
    while shared.wait_for(&mut batch) {
        let answers = match shared.turn.lock() {
            Ok(mut turn) => {
                // More may have come while another wrote.
                shared.queue().take_into(&mut batch);
                let answers = shared.write(&mut turn, batch.iter().map(|waiting| &waiting.change));
                shared.queued.fetch_sub(batch.len(), Ordering::SeqCst);
                answers
            }
            Err(_) => Err(shared.died()),
        };
        match answers {
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
        && let Ok(mut turn) = shared.turn.lock()
        && let Err(error) = turn.writer.checkpoint()
    {
        shared.fail(error);
    }
}
