//! Group commit: one thread owns all writing. It takes the changes that wait at a moment, writes them in one transaction with
//! one disk sync, and answers each. While the disk syncs, the next ones gather.
//!
//! The thread ends when the [`Committer`] is dropped, after what is queued is written. After an error of the disk nothing is
//! written any more until the store is opened again: what a failed sync left behind is not known.

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

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

/// The one that writes.
#[derive(Debug)]
pub(super) struct Committer {
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Waiting>>,
    /// How many more bytes may wait.
    room: Arc<Semaphore>,
    failure: Arc<OnceLock<StoreError>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(writer: Writer) -> Result<Self, StoreError> {
        let (queue, waiting) = mpsc::channel(limits::QUEUE_COMMITS);
        let failure = Arc::new(OnceLock::new());
        let thread = std::thread::Builder::new()
            .name("abide-history".into())
            .spawn({
                let failure = Arc::clone(&failure);
                move || run(writer, waiting, &failure)
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread to write with: {error}")))?;
        let room = Arc::new(Semaphore::new(limits::QUEUE_UNITS as usize));
        Ok(Self { queue: Some(queue), room, failure, thread: Some(thread) })
    }

    /// Queues a change of about `size` bytes and waits until it is durable. Changes are written in the order in which they
    /// are queued. One whose future is dropped while it waits in the queue is written all the same.
    pub(super) async fn write(&self, change: Change, size: usize) -> Result<(), StoreError> {
        if let Some(failure) = self.failed() {
            return Err(failure);
        }
        let stopped = || StoreError::Unavailable("the thread that writes has stopped".into());
        let units = size.div_ceil(limits::QUEUE_UNIT_BYTES).clamp(1, limits::QUEUE_UNITS as usize);
        let units = u32::try_from(units).expect("clamped to a 32-bit number");
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.map_err(|_| stopped())?;
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.send(Waiting { change, answer, _room: room }).await.map_err(|_| self.died())?;
        answered.await.unwrap_or_else(|_| Err(self.died()))
    }

    /// Why nothing is written any more.
    pub(super) fn failed(&self) -> Option<StoreError> {
        self.failure.get().cloned()
    }

    /// The thread went without an answer: it panicked.
    fn died(&self) -> StoreError {
        let panicked = || StoreError::Unavailable("the thread that writes died; the log says why".into());
        self.failure.get_or_init(panicked).clone()
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

fn run(mut writer: Writer, mut queue: mpsc::Receiver<Waiting>, failure: &OnceLock<StoreError>) {
    let mut batch = Vec::new();
    while queue.blocking_recv_many(&mut batch, limits::BATCH_COMMITS) > 0 {
        let answers = match failure.get() {
            Some(failure) => Err(failure.clone()),
            None => writer.write(batch.iter().map(|waiting| &waiting.change)),
        };
        match answers {
            Ok(answers) => {
                for (waiting, answer) in batch.drain(..).zip(answers) {
                    // Nobody waits for it any more: it is written all the same.
                    let _ = waiting.answer.send(answer);
                }
            }
            Err(error) => {
                let error = fail(failure, error);
                for waiting in batch.drain(..) {
                    let _ = waiting.answer.send(Err(error.clone()));
                }
            }
        }
    }
    // Stopped in order: the next start has nothing to replay.
    if failure.get().is_none()
        && let Err(error) = writer.checkpoint()
    {
        fail(failure, error);
    }
}

/// Makes the store failed for good.
fn fail(failure: &OnceLock<StoreError>, error: StoreError) -> StoreError {
    let known = failure.get().is_some();
    let failure = failure.get_or_init(|| match error {
        error @ StoreError::Unavailable(_) => error,
        other => StoreError::Unavailable(other.to_string()),
    });
    if !known {
        tracing::error!(error = %failure, "the history can no longer be written");
    }
    failure.clone()
}
