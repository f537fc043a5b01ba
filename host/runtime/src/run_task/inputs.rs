//! What comes to a run: outcomes of activities, timers, and the messages of callers.

use abide_activities::Performed;
use abide_history::{KeyUse, StoreError};
use abide_model::{
    CallCompleted, CallDeferred, CallIndex, CancelRequested, Digest, Error, ErrorCode, Event, Failure, Json, Outcome,
    Run, RunResumed, RunStatus, RunTerminated, SignalReceived, VersionChanged,
};

use super::{RunTask, loading};
use crate::batch::Answer;
use crate::errors;
use crate::registry::{Message, Reply};
use crate::timers::RingingTimer;
use crate::view::Signalled;

impl RunTask {
    /// An activity came to an outcome.
    pub(super) async fn performed(&mut self, call: CallIndex, performed: Performed) {
        let wanted = self.handles.remove(&call).is_some() && self.is_open() && self.waits_for(call);
        if wanted {
            let Performed { outcome, attempts } = performed;
            self.input(Event::CallCompleted(CallCompleted { call, outcome, attempts })).await;
            self.batch.effects.settled.push(call);
        } else {
            self.inner.settled(&self.key, call, false);
        }
    }

    /// Whoever performs a call will answer it later: a host that comes up waits for that, and does not begin again.
    fn deferred(&mut self, call: CallIndex, attempt: u32, reply: Reply<()>) {
        let error = if !self.is_open() {
            Some(self.refusal())
        } else if !self.handles.contains_key(&call) {
            let message = format!("call {call} is not under way: nobody waits for an answer");
            Some(Error::new(ErrorCode::TaskClosed, message).about(self.key.run_id))
        } else {
            self.event_limit()
        };
        if let Some(error) = error {
            drop(reply.send(Err(error)));
            return;
        }
        self.record(Event::CallDeferred(CallDeferred { call, attempt }));
        self.batch.effects.answers.push(Answer::Done(reply));
    }

    /// What comes from outside may not fill a history.
    fn event_limit(&self) -> Option<Error> {
        (self.length >= self.limits.history_events).then(|| {
            let message = format!("the history of the run has {} events, and takes no more", self.length);
            Error::new(ErrorCode::LimitExceeded, message).about(self.key.run_id)
        })
    }

    /// Whether the guest may still wait for a call. A guest that is not in memory waits for all that it had not cancelled.
    fn waits_for(&self, call: CallIndex) -> bool {
        self.seated.as_ref().is_none_or(|seated| seated.session.machine().open_calls().contains_key(&call))
    }

    pub(super) async fn message(&mut self, message: Message) -> Result<(), StoreError> {
        match message {
            // The permit goes back when the guest is in memory.
            Message::Drive(permit) => {
                self.ready = self.ready.or(Some(true));
                if self.is_running() && self.seated.is_none() {
                    self.needs_guest = true;
                    self.flush().await?;
                    self.load().await?;
                }
                drop(permit);
            }
            Message::Signal { name, payload, key, reply } => self.signal(name, payload, key, reply).await?,
            Message::Cancel { reason, reply } => self.cancel(reason, reply).await,
            Message::Terminate { reason, reply } => self.terminate(reason, reply).await?,
            Message::Resume { version, reply } => self.resume(version, reply),
            Message::Timer(timer) => self.timer(timer).await,
            Message::Deferred { call, attempt, reply } => self.deferred(call, attempt, reply),
        }
        Ok(())
    }

    async fn signal(
        &mut self,
        name: String,
        payload: Json,
        key: Option<String>,
        reply: Reply<Signalled>,
    ) -> Result<(), StoreError> {
        let digest = Digest::of_parts([name.as_bytes(), &b"\0"[..], payload.as_str().as_bytes()]);
        if let Some(key) = &key {
            // A key of this very batch is not in the store yet.
            if self.batch.commit.key.is_some() || self.writing.is_some() {
                self.flush().await?;
            }
            if let Some(used) = self.inner.store.key(&self.key.tenant, self.key.run_id, key).await? {
                let answer = if used.digest == digest {
                    Ok(Signalled { run_id: self.key.run_id, event: used.seq, duplicate: true })
                } else {
                    Err(errors::key_conflict(key))
                };
                drop(reply.send(answer));
                return Ok(());
            }
        }
        if !self.is_open() {
            drop(reply.send(Err(self.refusal())));
            return Ok(());
        }
        if let Some(error) = self.signal_limit() {
            drop(reply.send(Err(error)));
            return Ok(());
        }
        let event = self.length;
        if let Some(key) = &key {
            self.batch.commit.key = Some((key.clone(), KeyUse { digest, seq: event }));
        }
        let answer = Signalled { run_id: self.key.run_id, event, duplicate: false };
        self.batch.effects.answers.push(Answer::Signalled(reply, answer));
        self.input(Event::SignalReceived(SignalReceived { name, payload, key })).await;
        Ok(())
    }

    /// A sender may not fill a history, nor the memory of a guest that does not receive.
    fn signal_limit(&self) -> Option<Error> {
        let buffered = self.seated.as_ref().map_or(0, |seated| seated.session.machine().buffered_signals());
        if buffered >= self.limits.buffered_signals as usize || self.length >= self.limits.history_events {
            return Some(
                Error::new(
                    ErrorCode::LimitExceeded,
                    format!(
                        "the run holds {buffered} signals that it did not receive, and {} events: send again when it \
                         went on",
                        self.length
                    ),
                )
                .about(self.key.run_id),
            );
        }
        None
    }

    async fn cancel(&mut self, reason: String, reply: Reply<Run>) {
        if !self.is_open() {
            drop(reply.send(Err(self.refusal())));
            return;
        }
        self.batch.effects.answers.push(Answer::Run(reply));
        if self.run.as_ref().is_some_and(|run| run.cancel_requested) {
            return;
        }
        self.change_run(|run| run.cancel_requested = true);
        self.input(Event::CancelRequested(CancelRequested { reason })).await;
    }

    async fn terminate(&mut self, reason: String, reply: Reply<Run>) -> Result<(), StoreError> {
        if !self.is_open() {
            drop(reply.send(Err(self.refusal())));
            return Ok(());
        }
        if self.seated.is_none() {
            self.flush().await?;
            self.timers = loading::open_timers(&self.inner.read_history(&self.key).await?);
        }
        self.batch.effects.answers.push(Answer::Run(reply));
        let terminated = RunTerminated { reason };
        let outcome = Outcome::Failed(Failure::from(&terminated));
        let (_, recorded) = self.record(Event::RunTerminated(terminated));
        self.close(RunStatus::Terminated, outcome, recorded.time_ms);
        Ok(())
    }

    fn resume(&mut self, version: Option<Digest>, reply: Reply<Run>) {
        match self.run.as_ref().map(|run| run.status) {
            Some(RunStatus::Parked) => {}
            Some(RunStatus::Running) => {
                drop(reply.send(Err(errors::not_parked(self.key.run_id))));
                return;
            }
            _ => {
                drop(reply.send(Err(self.refusal())));
                return;
            }
        }
        if let Some(version) = version {
            self.record(Event::VersionChanged(VersionChanged { version }));
            self.change_run(|run| run.version = version);
        }
        self.record(Event::RunResumed(RunResumed {}));
        self.change_run(|run| {
            run.status = RunStatus::Running;
            run.parked = None;
        });
        self.needs_guest = true;
        self.batch.effects.answers.push(Answer::Run(reply));
    }

    async fn timer(&mut self, ringing: RingingTimer) {
        let timer = ringing.timer;
        self.batch.clear_timer(timer);
        self.batch.effects.ringing.push(ringing);
        self.timers.remove(&timer.call);
        // A row without a waiting call is a leftover: it is cleared, and that is all.
        if self.is_open() && self.waits_for(timer.call) {
            let outcome = Outcome::Ok(Json::from(&self.inner.clock.now_ms().into()));
            self.input(Event::CallCompleted(CallCompleted { call: timer.call, outcome, attempts: 0 })).await;
        }
    }
}
