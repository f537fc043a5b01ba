//! Which runs have a task now. A run's task owns the run: nobody else in this host writes its history.
//!
//! A task is made when there is something to do for a run, and ends when nothing is left in memory that the store does not
//! have. A message and the end of a task cannot miss each other: both happen under the lock of this map.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abide_fair::Slot;
use abide_history::Commit;
use abide_model::{CallIndex, Digest, Error, HeldBack, Json, Run, RunId, Tenant, UpdateReceived};
use tokio::sync::{mpsc, oneshot};

use crate::inner::{Inner, RunKey, stopping};
use crate::run_task::RunTask;
use crate::swapping::{Candidate, Swap};
use crate::tenants::no_tenant;
use crate::timers::RingingTimer;
use crate::view::Signalled;

/// Messages that a task has not taken. More wait at the sender.
const MAILBOX: usize = 64;

/// The answer to a message.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What a run's task is asked.
pub(crate) enum Message {
    /// The store says that there is something to do. The permit bounds how many runs come up at the same time.
    Drive(Option<Slot<Tenant>>),
    Signal {
        name: String,
        payload: Json,
        key: Option<String>,
        reply: Reply<Signalled>,
    },
    Cancel {
        reason: String,
        reply: Reply<Run>,
    },
    Terminate {
        reason: String,
        reply: Reply<Run>,
    },
    /// To end, and to let another run take over the id in the same change.
    Replace {
        start: Box<Commit>,
        reply: Reply<Run>,
    },
    Delete {
        reply: Reply<()>,
    },
    Resume {
        version: Option<Digest>,
        reply: Reply<Run>,
    },
    /// To go on with another version, on which the history was replayed so far.
    Swap {
        candidate: Box<Candidate>,
        reply: Reply<Swap>,
    },
    /// To take down why it could not go on with another version.
    HoldBack {
        held_back: HeldBack,
        reply: Reply<Run>,
    },
    /// To stay on its version, or no longer.
    Pin {
        pinned: bool,
        reply: Reply<Run>,
    },
    /// A request that waits for the guest's answer.
    Update {
        update: UpdateReceived,
        reply: Reply<Signalled>,
    },
    /// A child, by its first run, has ended.
    ChildEnded {
        child: RunId,
        reply: Reply<()>,
    },
    Timer(RingingTimer),
    /// A call that is under way will be answered later.
    Deferred {
        call: CallIndex,
        attempt: u32,
        reply: Reply<()>,
    },
}

/// The tasks of a host.
#[derive(Default)]
pub(crate) struct Registry {
    tasks: Mutex<HashMap<RunKey, mpsc::Sender<Message>>>,
}

impl Registry {
    /// Sends a message to a run's task, which is made where there is none.
    pub(crate) async fn send(&self, inner: &Arc<Inner>, key: &RunKey, message: Message) -> Result<(), Error> {
        let mut message = message;
        loop {
            if inner.end_of(&key.tenant).is_cancelled() {
                return Err(if inner.stopping.is_cancelled() { stopping() } else { no_tenant(&key.tenant) });
            }
            let sender = match self.lock().entry(key.clone()) {
                Entry::Occupied(task) if !task.get().is_closed() => task.get().clone(),
                entry => {
                    let (sender, mailbox) = mpsc::channel(MAILBOX);
                    entry.insert_entry(sender.clone());
                    inner.tasks.spawn(RunTask::found(inner.clone(), key.clone(), mailbox).work());
                    sender
                }
            };
            match sender.send(message).await {
                Ok(()) => return Ok(()),
                // The task ended between the two; the next round makes a new one. Where the runtime is going down, no task begins any more:
                // then this gives way, and goes with it.
                Err(refused) => {
                    message = refused.0;
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Makes the task of a run that was started just now.
    pub(crate) fn started(
        &self,
        inner: &Arc<Inner>,
        task: impl FnOnce(mpsc::Receiver<Message>) -> RunTask,
        key: RunKey,
    ) {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        match self.lock().entry(key) {
            // A scan of the ready rows was quicker: its task drives the run.
            Entry::Occupied(task) if !task.get().is_closed() => {}
            entry => {
                entry.insert_entry(sender);
                inner.tasks.spawn(task(mailbox).work());
            }
        }
    }

    /// Whether a run has a task.
    pub(crate) fn has(&self, key: &RunKey) -> bool {
        self.lock().get(key).is_some_and(|task| !task.is_closed())
    }

    /// Whether a run of a tenant has a task.
    pub(crate) fn has_any(&self, tenant: &Tenant) -> bool {
        self.lock().iter().any(|(key, task)| key.tenant == *tenant && !task.is_closed())
    }

    /// Ends a task's registration, if no message came in between. What still comes out of the mailbox afterwards was sent by
    /// somebody who had the channel already, and goes to [`Registry::send`] again.
    pub(crate) fn leave(&self, key: &RunKey, mailbox: &mut mpsc::Receiver<Message>) -> bool {
        let mut tasks = self.lock();
        if !mailbox.is_empty() {
            return false;
        }
        mailbox.close();
        tasks.remove(key);
        true
    }

    /// Forgets a task that closed its mailbox.
    pub(crate) fn forget(&self, key: &RunKey) {
        let mut tasks = self.lock();
        if tasks.get(key).is_some_and(mpsc::Sender::is_closed) {
            tasks.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunKey, mpsc::Sender<Message>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
