//! Timers, and the ends of runs: by hand, by time, by going on as a new run, and the ends of children.

use abide_history::{Commit, StoreError};
use abide_model::{
    CallCompleted, Error, ErrorCode, Event, Failure, Json, Outcome, RunId, RunPinned, RunStarted, RunStatus,
    RunTerminated, RunTimedOut,
};

use super::{Continuation, RunTask, loading, others};
use crate::Host;
use crate::batch::Answer;
use crate::new_run::{NewRun, RUN_TIMEOUT};
use crate::registry::Reply;
use crate::timers::RingingTimer;

impl RunTask {
    /// Ends the run without asking it.
    pub(super) async fn end(&mut self, reason: String) -> Result<(), StoreError> {
        self.know_timers().await?;
        let terminated = RunTerminated { reason };
        let outcome = Outcome::Failed(Failure::from(&terminated));
        let (_, recorded) = self.record(Event::RunTerminated(terminated));
        self.close(RunStatus::Terminated, Some(outcome), recorded.time_ms);
        Ok(())
    }

    /// A timer rang.
    pub(super) async fn timer(&mut self, ringing: RingingTimer) -> Result<(), StoreError> {
        let timer = ringing.timer;
        if self.run.is_none() {
            // A run that is gone has no commits that could clear it, and it would ring for ever.
            let mut clear = Commit::new(self.key.tenant.clone(), self.key.run_id, self.length);
            clear.timers_cleared.push(timer);
            return self.inner.store.commit(clear).await;
        }
        if timer.call == RUN_TIMEOUT && self.is_open() {
            self.know_timers().await?;
            let timed_out = RunTimedOut { run_timeout_ms: self.run_timeout_ms.unwrap_or_default() };
            let outcome = Outcome::Failed(Failure::from(&timed_out));
            let (_, recorded) = self.record(Event::RunTimedOut(timed_out));
            self.close(RunStatus::TimedOut, Some(outcome), recorded.time_ms);
        }
        if self.is_open() {
            self.know_timers().await?;
        }
        self.batch.clear_timer(timer);
        self.batch.effects.ringing.push(ringing);
        // A timer that rang, or was cancelled, may be told once more: its row was read while the change that clears it was being written.
        let is_set = self.timers.remove(&timer.call).is_some();
        if self.is_open() && is_set && self.waits_for(timer.call) {
            let outcome = Outcome::Ok(Json::from(&self.inner.clock.now_ms().into()));
            self.input(Event::CallCompleted(CallCompleted::new(timer.call, outcome, 0))).await;
        }
        Ok(())
    }

    /// Makes sure that the timers are known, so that they can be cleared.
    async fn know_timers(&mut self) -> Result<(), StoreError> {
        if !self.knows_timers {
            self.flush().await?;
            let history = self.inner.read_history(&self.key).await?;
            self.timers = loading::open_timers(&history);
            self.knows_timers = true;
            if let Some((_, Event::RunStarted(started))) = history.first().map(|(seq, first)| (seq, &first.event)) {
                self.run_timeout_ms = started.run_timeout_ms;
            }
        }
        Ok(())
    }

    /// A child has ended: a guest that waits for it is given its result.
    pub(super) async fn child_ended(&mut self, child: RunId, reply: Reply<()>) -> Result<(), StoreError> {
        // The guest comes into memory, for only then is it known what it waits for.
        if self.is_running() && self.seated.is_none() {
            self.needs_guest = true;
            self.flush().await?;
            self.load().await?;
        }
        let waiting: Vec<_> =
            self.awaited.iter().filter(|(_, awaited)| **awaited == child).map(|(call, _)| *call).collect();
        // A run that is parked looks at its children when it goes on.
        if self.is_running() && self.seated.is_some() && !waiting.is_empty() {
            let host = Host { inner: self.inner.clone() };
            let outcome = match others::result_of(&host, &self.key, child).await {
                Ok(Some(result)) => Outcome::Ok(result),
                // Nobody knows what it came to: the child says so again.
                Err(failure) if failure.code == others::UNAVAILABLE => {
                    drop(reply.send(Err(Error::new(ErrorCode::Unavailable, failure.message))));
                    return Ok(());
                }
                Err(failure) => Outcome::Failed(failure),
                Ok(None) => return self.answer_when_durable(reply),
            };
            for call in waiting {
                self.awaited.remove(&call);
                self.handles.remove(&call);
                if self.is_running() && self.waits_for(call) {
                    let outcome = outcome.clone();
                    self.input(Event::CallCompleted(CallCompleted::new(call, outcome, 0))).await;
                }
            }
        }
        self.answer_when_durable(reply)
    }

    fn answer_when_durable(&mut self, reply: Reply<()>) -> Result<(), StoreError> {
        if self.run.is_some() {
            self.batch.effects.answers.push(Answer::Done(reply));
        } else {
            drop(reply.send(Err(self.refusal())));
        }
        Ok(())
    }

    /// Gathers the start of the run that this one goes on as: both are one change.
    pub(super) async fn go_on(&mut self) -> Result<(), StoreError> {
        let (Some(Continuation { run_id, input, messages }), Some(run)) = (self.continuation.take(), self.run.clone())
        else {
            return Ok(());
        };
        let tenant = &self.key.tenant;
        let version = match run.is_pinned() {
            true => run.version,
            false => {
                let routing = self.inner.store.routing(tenant, &run.workflow).await?;
                routing.version_for(&run.workflow, &run.id).unwrap_or(run.version)
            }
        };
        let configuration = self.inner.programs.configuration(tenant, &run.workflow, version).await?;
        let pinned = run.is_pinned().then_some(Event::RunPinned(RunPinned { pinned: true }));
        let started = RunStarted {
            tenant: tenant.clone(),
            workflow: run.workflow,
            version,
            id: run.id,
            input,
            seed: crate::checks::random().map_err(|error| StoreError::Unavailable(error.message))?,
            limits: self.inner.limits_for(tenant),
            parent: run.parent,
            continued_from: Some(run.run_id),
            run_timeout_ms: self.run_timeout_ms,
            attributes: run.attributes,
            configuration,
            veil: self.inner.veil_for(tenant),
        };
        let messages = pinned.into_iter().chain(messages).collect();
        let mut next = NewRun::new(run_id, self.inner.clock.now_ms(), started, messages);
        next.run.fork_race = run.fork_race;
        self.batch.commit.successor = Some(Box::new(next.commit()));
        self.batch.effects.successor = Some(next);
        Ok(())
    }
}
