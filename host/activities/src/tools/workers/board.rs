//! The board: every open call that somebody outside answers, and how it stands. It is a machine without IO: the time is an argument,
//! and all of it lies in memory, since the truth is the histories of the runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use abide_model::{Error, Failure, Json, Outcome, Tenant};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::call::{Call, Pending, State, Work, gone, millis};
use super::queue::{Queue, QueueLimits};
use super::recent::{End, Recent};
use super::refusals;
use super::token::{CallKey, Token};
use super::wire::{Beat, Task};
use crate::trouble::{Late, Trouble};

/// How many bytes of arguments go into the answer to one poll; the first task is given whatever its size.
const POLL_BYTES: usize = 4 << 20;

/// An answer that was taken.
#[derive(Debug)]
pub(super) enum Accepted {
    /// The attempt failed; the retry policy goes on from here.
    Noted,
    /// It is the call's outcome once the receiver says so.
    Outcome { durable: oneshot::Receiver<bool>, duplicate: bool },
    /// It had been given before, and is durable.
    Before,
}

/// See the comment of the file.
#[derive(Debug, Default)]
pub(super) struct Board {
    calls: HashMap<CallKey, Call>,
    pub(super) queues: BTreeMap<String, Queue>,
    recent: Recent,
    next_serial: u64,
}

impl Board {
    pub(super) fn add_queue(&mut self, name: &str, limits: QueueLimits, now: Instant) {
        self.queues.insert(name.to_owned(), Queue::new(limits, now));
    }

    /// Whether no call is open.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// A run makes a call, or makes it again. `attempts` were begun before. Gives the number by which it is dropped.
    pub(super) fn open(&mut self, key: &CallKey, work: Arc<Work>, attempts: u32) -> u64 {
        self.remove(key, None);
        self.recent.forget(key);
        let serial = self.next_serial;
        self.next_serial += 1;
        let call = Call {
            work,
            attempt: attempts,
            state: State::Over,
            heartbeat: None,
            late: None,
            serial,
            changed: Arc::default(),
            waiters: Vec::new(),
        };
        self.calls.insert(key.clone(), call);
        serial
    }

    /// Begins an attempt in the queue.
    pub(super) fn enqueue(&mut self, key: &CallKey, now: Instant) -> Result<Pending, Trouble> {
        let (call, queue) = self.parts(key).ok_or_else(gone)?;
        let queue = queue.ok_or_else(gone)?;
        if call.has_outcome() {
            return Ok(call.pending(key));
        }
        let limit = queue.limits.max_waiting;
        let place = queue.stand(key).ok_or_else(|| {
            let message = format!("{limit} tasks wait in the queue `{}`: start more workers", call.work.provider);
            Trouble::passing("queue-full", message)
        })?;
        let until = call.work.schedule_to_start.map(|patience| now + patience);
        Ok(call.begin(key, State::Waiting { place, until }))
    }

    /// Begins an attempt that asks an HTTP tool.
    pub(super) fn ask(&mut self, key: &CallKey) -> Result<Pending, Trouble> {
        let (call, _) = self.parts(key).ok_or_else(gone)?;
        if call.has_outcome() {
            return Ok(call.pending(key));
        }
        Ok(call.begin(key, State::Asked))
    }

    /// Goes on with an attempt that the history says was deferred.
    pub(super) fn still_deferred(&mut self, key: &CallKey) -> Result<Pending, Trouble> {
        let (call, _) = self.parts(key).ok_or_else(gone)?;
        Ok(call.begin(key, State::Deferred { recorded: true }))
    }

    /// Hands out tasks. Where there are none now but will be, it says when to ask again.
    pub(super) fn lease(
        &mut self,
        name: &str,
        tenant: &Tenant,
        worker: &str,
        max_tasks: usize,
        now: Instant,
    ) -> Result<(Vec<Task>, Option<Instant>), Error> {
        let Self { calls, queues, .. } = self;
        let Some(queue) = queues.get_mut(name) else { return Err(refusals::no_queue(name, queues.keys())) };
        queue.saw(tenant, worker, now);
        let (mut tasks, mut bytes) = (Vec::new(), 0);
        while tasks.len() < max_tasks && bytes < POLL_BYTES {
            let key = match queue.next(tenant, now) {
                Ok(key) => key,
                Err(again) => return Ok((tasks, again)),
            };
            let Some(call) = calls.get_mut(&key) else { break };
            let ends = now + call.work.attempt_timeout;
            let until = (now + queue.limits.lease).min(ends);
            call.change(&key, Some(queue), State::Leased { worker: Some(worker.to_owned()), until, ends });
            bytes += call.work.arguments.len();
            tasks.push(call.task(&key, until - now));
        }
        Ok((tasks, None))
    }

    /// When the attempt ends if nothing happens.
    pub(super) fn deadline(&self, key: &CallKey) -> Option<Instant> {
        match self.calls.get(key)?.state {
            State::Waiting { until, .. } => until,
            State::Leased { until, .. } => Some(until),
            State::Asked | State::Deferred { .. } | State::Over | State::Answered => None,
        }
    }

    /// Ends the attempt if its time is over.
    pub(super) fn expire(&mut self, key: &CallKey, now: Instant) -> Option<Trouble> {
        let (call, queue) = self.parts(key)?;
        let (provider, tool) = (&call.work.provider, &call.work.tool);
        let trouble = match &call.state {
            State::Waiting { until: Some(until), .. } if *until <= now => {
                let waited_ms = call.work.schedule_to_start.unwrap_or_default().as_millis();
                let message =
                    format!("no worker of the queue `{provider}` took `{tool}` within {waited_ms} ms: start one");
                Trouble::lasting("no-worker", message)
            }
            State::Leased { ends, .. } if *ends <= now => {
                let limit_ms = call.work.attempt_timeout.as_millis();
                let message = format!("a worker of the queue `{provider}` did not end `{tool}` within {limit_ms} ms");
                Trouble::passing("timeout", message)
            }
            State::Leased { worker, until, .. } if *until <= now => {
                let worker = worker.as_deref().map(|name| format!(" `{}`", name.escape_debug())).unwrap_or_default();
                let message = format!("the worker{worker} of the queue `{provider}` had `{tool}` and fell silent");
                Trouble::passing("lease-expired", message)
            }
            _ => return None,
        };
        call.change(key, queue, State::Over);
        Some(trouble)
    }

    /// The answer, once it is there.
    pub(super) fn take(&mut self, key: &CallKey) -> Option<Late> {
        self.calls.get_mut(key)?.late.take()
    }

    /// Whether there is an answer to take.
    pub(super) fn is_answered(&self, key: &CallKey) -> bool {
        self.calls.get(key).is_some_and(|call| call.late.is_some())
    }

    /// The request of an HTTP tool came to its end, unless an answer by token was quicker: then this gives `false`.
    pub(super) fn over(&mut self, key: &CallKey) -> bool {
        match self.parts(key) {
            Some((call, _)) if call.has_outcome() => false,
            Some((call, queue)) => {
                call.change(key, queue, State::Over);
                true
            }
            None => true,
        }
    }

    /// Takes an answer. `queue`: where the caller believes the call to be.
    pub(super) fn answer(&mut self, token: &Token, queue: Option<&str>, outcome: Outcome) -> Result<Accepted, Error> {
        if let (None, Some(end)) = (self.calls.get(&token.key), self.recent.get(&token.key)) {
            return match end {
                End::Answered(attempt) if attempt == token.attempt => Ok(Accepted::Before),
                end => Err(refusals::ended(token, end)),
            };
        }
        let (call, of) = self.present(token, queue)?;
        let (durable_sender, durable) = oneshot::channel();
        if matches!(call.state, State::Answered) {
            call.waiters.push(durable_sender);
            return Ok(Accepted::Outcome { durable, duplicate: true });
        }
        // Who took the call over has the last word: the retries of the host are for attempts that it minds itself.
        let taken_over = matches!(call.state, State::Deferred { .. } | State::Asked);
        let late = match outcome {
            Outcome::Ok(result) => Late::Done(result),
            Outcome::Failed(failure) if taken_over => Late::GivenUp(failure),
            Outcome::Failed(failure) => Late::Failed(Trouble { failure, retry_after_ms: None }),
        };
        let is_outcome = !matches!(&late, Late::Failed(Trouble { failure: Failure { retryable: true, .. }, .. }));
        call.late = Some(late);
        call.change(&token.key, of, if is_outcome { State::Answered } else { State::Over });
        if !is_outcome {
            return Ok(Accepted::Noted);
        }
        call.waiters.push(durable_sender);
        Ok(Accepted::Outcome { durable, duplicate: false })
    }

    /// A worker is still at it.
    pub(super) fn heartbeat(
        &mut self,
        token: &Token,
        queue: &str,
        details: Option<Json>,
        now: Instant,
    ) -> Result<Beat, Error> {
        if let (None, Some(End::Dropped)) = (self.calls.get(&token.key), self.recent.get(&token.key)) {
            return Ok(Beat { cancelled: true, lease_ms: 0 });
        }
        let (call, of) = self.present(token, Some(queue))?;
        let lease = of.as_ref().map_or(Duration::ZERO, |queue| queue.limits.lease);
        let lease = match &mut call.state {
            State::Leased { until, ends, .. } => {
                *until = (now + lease).min(*ends);
                until.saturating_duration_since(now)
            }
            // The host was restarted, and the worker still has it.
            State::Waiting { .. } => {
                let ends = now + call.work.attempt_timeout;
                let until = (now + lease).min(ends);
                call.change(&token.key, of, State::Leased { worker: None, until, ends });
                until - now
            }
            State::Deferred { .. } | State::Asked => Duration::ZERO,
            State::Over | State::Answered => return Err(refusals::ended(token, End::Answered(token.attempt))),
        };
        if details.is_some() {
            call.heartbeat = details;
        }
        Ok(Beat { cancelled: false, lease_ms: millis(lease) })
    }

    /// Begins to defer a call: its lease no longer runs. `true` where the history has it already.
    pub(super) fn hold(&mut self, token: &Token, queue: Option<&str>) -> Result<bool, Error> {
        let (call, of) = self.present(token, queue)?;
        match call.state {
            State::Deferred { recorded } => Ok(recorded),
            State::Over | State::Answered => Err(refusals::ended(token, End::Answered(token.attempt))),
            State::Waiting { .. } | State::Leased { .. } | State::Asked => {
                call.change(&token.key, of, State::Deferred { recorded: false });
                Ok(false)
            }
        }
    }

    /// The history says that the call is deferred, or could not be made to: then a worker has it as before.
    pub(super) fn held(&mut self, token: &Token, recorded: bool, now: Instant) {
        let Some((call, queue)) = self.parts(&token.key) else { return };
        if call.attempt != token.attempt || !matches!(call.state, State::Deferred { recorded: false }) {
            return;
        }
        let state = match &queue {
            _ if recorded => State::Deferred { recorded },
            Some(queue) => {
                let ends = now + call.work.attempt_timeout;
                State::Leased { worker: None, until: (now + queue.limits.lease).min(ends), ends }
            }
            None => State::Asked,
        };
        call.change(&token.key, queue, state);
    }

    /// The call came to an outcome. Where that is the answer, it stays until it is durable.
    pub(super) fn came_to_an_end(&mut self, key: &CallKey, serial: u64) {
        let Some(call) = self.calls.get(key).filter(|call| call.serial == serial) else { return };
        if !matches!(call.state, State::Answered) || call.late.is_some() {
            self.remove(key, Some(End::GaveUp));
        }
    }

    /// Nobody waits for the call any more.
    pub(super) fn dropped(&mut self, key: &CallKey, serial: u64) {
        if self.calls.get(key).is_some_and(|call| call.serial == serial) {
            self.remove(key, Some(End::Dropped));
        }
    }

    /// The outcome of the call is durable, or will never be.
    pub(super) fn settled(&mut self, key: &CallKey, recorded: bool) {
        if let Some(call) = self.calls.get_mut(key).filter(|call| matches!(call.state, State::Answered)) {
            let end = if recorded { End::Answered(call.attempt) } else { End::Dropped };
            for waiter in call.waiters.drain(..) {
                // Who no longer waits asks again, or not.
                let _ = waiter.send(recorded);
            }
            self.remove(key, Some(end));
        }
    }

    fn remove(&mut self, key: &CallKey, end: Option<End>) {
        if let Some((call, queue)) = self.parts(key) {
            // Leaves the line or gives the lease back; the waiters hear of it as their channels close.
            call.change(key, queue, State::Over);
            self.calls.remove(key);
        }
        if let Some(end) = end {
            self.recent.remember(key.clone(), end);
        }
    }

    fn parts(&mut self, key: &CallKey) -> Option<(&mut Call, Option<&mut Queue>)> {
        let call = self.calls.get_mut(key)?;
        let queue = self.queues.get_mut(&call.work.provider);
        Some((call, queue))
    }

    /// The call of a token, if that is of its present attempt. A token of a higher attempt is of before a restart of the host, where
    /// the count began anew; it is as good.
    fn present(&mut self, token: &Token, queue: Option<&str>) -> Result<(&mut Call, Option<&mut Queue>), Error> {
        if !self.calls.contains_key(&token.key) {
            return Err(match self.recent.get(&token.key) {
                Some(end) => refusals::ended(token, end),
                None => refusals::not_found(token),
            });
        }
        let (call, of) = self.parts(&token.key).ok_or_else(|| refusals::not_found(token))?;
        if let Some(queue) = queue
            && call.work.provider != queue
        {
            return Err(refusals::other_queue(token, queue, &call.work.provider));
        }
        let over = matches!(call.state, State::Over);
        if token.attempt < call.attempt || over {
            return Err(refusals::superseded(token, call.attempt + u32::from(over)));
        }
        call.attempt = token.attempt;
        Ok((call, of))
    }

    /// How many calls of a tenant wait, are out, and are deferred in a queue; and how many tasks each worker has.
    pub(super) fn count(&self, tenant: &Tenant, queue: &str) -> (usize, usize, usize, HashMap<&str, usize>) {
        let (mut waiting, mut leased, mut deferred, mut of_workers) = (0, 0, 0, HashMap::new());
        let here = |(key, call): &(&CallKey, &Call)| key.tenant == *tenant && call.work.provider == queue;
        for (_, call) in self.calls.iter().filter(here) {
            match &call.state {
                State::Waiting { .. } => waiting += 1,
                State::Leased { worker, .. } => {
                    leased += 1;
                    *of_workers.entry(worker.as_deref().unwrap_or_default()).or_default() += 1;
                }
                State::Deferred { .. } => deferred += 1,
                State::Asked | State::Over | State::Answered => {}
            }
        }
        (waiting, leased, deferred, of_workers)
    }
}

#[cfg(test)]
mod tests;
