//! A call that somebody outside answers: what it asks for, and how it stands.

use std::sync::Arc;
use std::time::Duration;

use abide_model::Json;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::queue::Queue;
use super::token::{CallKey, Token};
use super::wire::Task;
use crate::trouble::{Late, Trouble};

/// What a call asks for. It is the same in every attempt.
#[derive(Debug)]
pub(super) struct Work {
    /// The provider. It is the name of the queue, where there is one.
    pub(super) provider: String,
    pub(super) tool: String,
    pub(super) arguments: Json,
    pub(super) idempotency_key: String,
    pub(super) attempt_timeout: Duration,
    pub(super) schedule_to_start: Option<Duration>,
    pub(super) deadline_ms: u64,
}

/// How a call stands.
#[derive(Debug)]
pub(super) enum State {
    /// In line, for a worker to take it.
    Waiting { place: u64, until: Option<Instant> },
    /// A worker has it. Who has a token of before a restart is not known by name.
    Leased { worker: Option<String>, until: Instant, ends: Instant },
    /// An HTTP tool was asked, and may answer by token too.
    Asked,
    /// Somebody will answer. `recorded`: the history says so.
    Deferred { recorded: bool },
    /// The attempt ended without an answer that counts; another may follow.
    Over,
    /// It has its answer, which is not durable yet.
    Answered,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) work: Arc<Work>,
    /// The attempt under way, or the last one.
    pub(super) attempt: u32,
    pub(super) state: State,
    pub(super) heartbeat: Option<Json>,
    /// An answer that came and was not taken by the run yet.
    pub(super) late: Option<Late>,
    /// Tells this call from the same one of an earlier time.
    pub(super) serial: u64,
    /// Wakes who waits for the answer and minds the deadline.
    pub(super) changed: Arc<Notify>,
    /// They hear whether the answer became durable.
    pub(super) waiters: Vec<oneshot::Sender<bool>>,
}

/// What an attempt waits for.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) token: Token,
    pub(super) changed: Arc<Notify>,
}

impl Pending {
    /// The token as it is given out.
    pub(crate) fn token(&self) -> String {
        self.token.to_string()
    }
}

impl Call {
    /// Begins an attempt.
    pub(super) fn begin(&mut self, key: &CallKey, state: State) -> Pending {
        self.attempt = self.attempt.saturating_add(1);
        self.late = None;
        self.state = state;
        self.pending(key)
    }

    pub(super) fn pending(&self, key: &CallKey) -> Pending {
        Pending { token: self.token(key), changed: self.changed.clone() }
    }

    /// Whether it was answered for good while its attempt ran out of time: the next attempt ends with that answer.
    pub(super) fn has_outcome(&self) -> bool {
        matches!(self.state, State::Answered) && self.late.is_some()
    }

    /// Changes the state, with what the queue has to know of it.
    pub(super) fn change(&mut self, key: &CallKey, queue: Option<&mut Queue>, state: State) {
        let before = std::mem::replace(&mut self.state, state);
        if let Some(queue) = queue {
            let was_leased = matches!(before, State::Leased { .. });
            let is_leased = matches!(self.state, State::Leased { .. });
            match before {
                State::Waiting { place, .. } => queue.step_out(&key.tenant, place),
                _ if was_leased && !is_leased => queue.give_back(),
                _ => {}
            }
            if is_leased && !was_leased {
                queue.lend();
            }
        }
        self.changed.notify_one();
    }

    pub(super) fn token(&self, key: &CallKey) -> Token {
        Token { key: key.clone(), attempt: self.attempt }
    }

    pub(super) fn task(&self, key: &CallKey, lease: Duration) -> Task {
        let Work { provider, tool, arguments, idempotency_key, deadline_ms, .. } = &*self.work;
        Task {
            token: self.token(key).to_string(),
            queue: provider.clone(),
            tool: tool.clone(),
            arguments: arguments.clone(),
            attempt: self.attempt,
            idempotency_key: idempotency_key.clone(),
            tenant: key.tenant.clone(),
            run_id: key.run_id,
            call: key.call,
            lease_ms: millis(lease),
            deadline_ms: *deadline_ms,
            heartbeat: self.heartbeat.clone(),
        }
    }
}

pub(super) fn gone() -> Trouble {
    Trouble::passing("unavailable", "the call was made again in the meantime")
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
