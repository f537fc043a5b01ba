//! The beginning of a run: its first events and rows, the same whoever starts it.

use std::sync::Arc;

use abide_history::{Commit, RunTimer};
use abide_model::{Event, Recorded, Run, RunId, RunStarted, Tenant};

use crate::inner::{Inner, RunKey};
use crate::run_task::RunTask;

/// The number that stands for the run timeout among the timers of a run. No call has it: a history cannot hold so many.
pub(crate) const RUN_TIMEOUT: abide_model::CallIndex = u32::MAX;

/// A run that begins.
#[derive(Debug, Clone)]
pub(crate) struct NewRun {
    pub(crate) tenant: Tenant,
    pub(crate) run: Run,
    /// The start, and the messages that are there from the beginning.
    pub(crate) events: Vec<Recorded>,
    run_timeout_ms: Option<u64>,
}

impl NewRun {
    /// A run that begins at `time_ms` with `messages` waiting for it.
    pub(crate) fn new(run_id: RunId, time_ms: u64, started: RunStarted, messages: Vec<Event>) -> Self {
        let mut run = Run::begins(run_id, time_ms, &started);
        run.pinned = pinned(&messages);
        let (tenant, run_timeout_ms) = (started.tenant.clone(), started.run_timeout_ms);
        let first = Event::RunStarted(Box::new(started));
        let events = std::iter::once(first).chain(messages).map(|event| Recorded { time_ms, event }).collect();
        Self { tenant, run, events, run_timeout_ms }
    }

    /// What makes it durable.
    pub(crate) fn commit(&self) -> Commit {
        let mut commit = Commit::new(self.tenant.clone(), self.run.run_id, 0);
        commit.events.clone_from(&self.events);
        commit.run = Some(self.run.clone());
        commit.ready = Some(true);
        commit.timers_set.extend(self.run_timeout_ms.map(|timeout_ms| run_timeout(self.run.started_ms, timeout_ms)));
        commit
    }

    /// Drives it, now that it is durable.
    pub(crate) fn drive(self, inner: &Arc<Inner>) {
        if let Some(timeout_ms) = self.run_timeout_ms {
            inner.timer_hint.set(run_timeout(self.run.started_ms, timeout_ms).due_ms);
        }
        let key = RunKey { tenant: self.tenant, run_id: self.run.run_id };
        let (owner, task_key) = (inner.clone(), key.clone());
        inner.registry.started(
            inner,
            move |mailbox| RunTask::started(owner, task_key, mailbox, self.run, self.events),
            key,
        );
    }
}

/// Whether a run stays on its version, by its events.
pub(crate) fn pinned<'e>(events: impl IntoIterator<Item = &'e Event>) -> Option<bool> {
    let pins = events.into_iter().filter_map(|event| match event {
        Event::RunPinned(pinned) => Some(pinned.pinned),
        _ => None,
    });
    pins.last().filter(|pinned| *pinned)
}

/// The timer of a run timeout.
pub(crate) fn run_timeout(started_ms: u64, timeout_ms: u64) -> RunTimer {
    RunTimer { due_ms: started_ms.saturating_add(timeout_ms), call: RUN_TIMEOUT }
}
