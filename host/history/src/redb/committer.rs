//! Group commit: one writes at a time. A thread takes the changes that wait at a moment, writes them in one transaction with one
//! disk sync, and answers each. While the disk syncs, the next ones gather.
//!
//! A change that comes while nothing else is written is written where it comes from, if the disk is quick: two hand-overs between threads
//! cost more than such a sync. So a single run goes as fast as the disk, and many runs share its syncs.
//!
//! The thread ends when the [`Committer`] is dropped, after what is queued is written. After an error of the disk nothing is
//! written any more until the store is opened again: what a failed sync left behind is not known.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::batch::Change;
use super::limits;
use super::writer::Writer;
use crate::StoreError;

/// A change that waits to be written.
struct Waiting {
    change: Change,
    answer: oneshot::Sender<Result<(), StoreError>>,
    /// Its share of the queue's bytes, given back when it is answered.
    _room: OwnedSemaphorePermit,
}

/// What the thread shares with those who write themselves.
#[derive(Debug)]
struct Shared {
    /// A panic while it was held means that nobody knows what is written: then there is a failure.
    turn: Mutex<Turn>,
    /// Changes that were queued and are not yet written. While there are any, nobody overtakes them.
    queued: AtomicUsize,
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
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Waiting>>,
    /// How many more bytes may wait.
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(writer: Writer) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(limits::QUEUE_COMMITS);
        let shared = Arc::new(Shared {
            // How quick the disk is will be seen.
            turn: Mutex::new(Turn { writer, took: Duration::MAX }),
            queued: AtomicUsize::new(0),
            failure: OnceLock::new(),
        });
        let thread = std::thread::Builder::new()
            .name("abide-history".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || run(&shared, waiting)
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread to write with: {error}")))?;
        let room = Arc::new(Semaphore::new(limits::QUEUE_UNITS as usize));
        Ok(Self { queue: Some(queue), room, shared, thread: Some(thread) })
    }

    /// Makes a change of about `size` bytes durable. Changes are written in the order in which this is first polled, as long as
    /// there is room in the queue. One whose future is dropped while it waits in the queue is written all the same.
    pub(super) async fn write(&self, change: Change, size: usize) -> Result<(), StoreError> {
        if let Some(failure) = self.failed() {
            return Err(failure);
        }
        if let Some(turn) = self.shared.turn_of_a_single_one(size) {
            return self.shared.write_one(turn, &change);
        }
        let stopped = || StoreError::Unavailable("the thread that writes has stopped".into());
        let units = size.div_ceil(limits::QUEUE_UNIT_BYTES).clamp(1, limits::QUEUE_UNITS as usize);
        let units = u32::try_from(units).expect("clamped to a 32-bit number");
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(|_| stopped())?;
        let (answer, answered) = oneshot::channel();
        let place = self.queue.as_ref().ok_or_else(stopped)?.reserve().await.map_err(|_| self.shared.died())?;
        self.shared.queued.fetch_add(1, Ordering::SeqCst);
        place.send(Waiting { change, answer, _room: room });
        answered.await.unwrap_or_else(|_| Err(self.shared.died()))
    }

    /// Why nothing is written any more.
    pub(super) fn failed(&self) -> Option<StoreError> {
        self.shared.failure.get().cloned()
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the history panicked");
        }
    }
}

impl Shared {
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

/// The thread: writes what is queued, and at the end makes the database durable as a whole.
fn run(shared: &Shared, mut queue: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while queue.blocking_recv_many(&mut batch, limits::BATCH_COMMITS) > 0 {
        let answers = match shared.turn.lock() {
            Ok(mut turn) => {
                // More may have come while another wrote.
                while batch.len() < limits::BATCH_COMMITS
                    && let Ok(waiting) = queue.try_recv()
                {
                    batch.push(waiting);
                }
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
