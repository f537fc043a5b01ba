//! What comes to a run: outcomes of activities, timers, and the messages of callers.

use abide_activities::Performed;
use abide_history::{Commit, KeyUse, StoreError};
use abide_model::{
    CallCompleted, CallDeferred, CallIndex, CancelRequested, Digest, Error, ErrorCode, Event, Json, Run, RunResumed,
    RunStatus, SignalReceived, VersionChanged,
};

use super::RunTask;
use crate::batch::{Answer, Batch};
use crate::checks::message_digest;
use crate::errors;
use crate::registry::{Message, Reply};
use crate::updating::update_key;
use crate::view::Signalled;

impl RunTask {
    /// What was being done for a call came to an outcome, or will not for now.
    pub(super) async fn performed(&mut self, call: CallIndex, performed: Option<Performed>) {
        let wanted = self.handles.remove(&call).is_some() && self.is_open() && self.waits_for(call);
        if performed.is_none() {
            self.looked_at.insert(call);
        }
        if let Some(Performed { outcome, attempts, usage, grant, gateway }) = performed.filter(|_| wanted) {
            self.awaited.remove(&call);
            let gateway = Some(gateway).filter(|notes| !notes.is_empty());
            self.input(Event::CallCompleted(CallCompleted { call, outcome, attempts, grant, usage, gateway })).await;
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
    pub(super) fn waits_for(&self, call: CallIndex) -> bool {
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
            Message::Replace { start, reply } => self.replace(start, reply).await?,
            Message::Delete { reply } => self.delete(reply).await?,
            Message::Resume { version, reply } => self.resume(version, reply),
            Message::Swap { candidate, reply } => self.swap(*candidate, reply).await?,
            Message::HoldBack { held_back, reply } => self.hold_back(held_back, reply),
            Message::Pin { pinned, reply } => self.pin(pinned, reply),
            Message::Update { update, reply } => {
                let key = update_key(&update.id);
                let digest = message_digest(&update.name, &update.arguments);
                self.receive(Event::UpdateReceived(update), Some((key, digest)), reply).await?;
            }
            Message::ChildEnded { child, reply } => self.child_ended(child, reply).await?,
            Message::Timer(timer) => self.timer(timer).await?,
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
        let key_use = key.clone().map(|key| (key, message_digest(&name, &payload)));
        self.receive(Event::SignalReceived(SignalReceived { name, payload, key }), key_use, reply).await
    }

    /// Records a message, once for each key.
    async fn receive(
        &mut self,
        message: Event,
        key: Option<(String, Digest)>,
        reply: Reply<Signalled>,
    ) -> Result<(), StoreError> {
        if let Some((key, digest)) = &key {
            // A key of this very batch is not in the store yet.
            if self.batch.commit.key.is_some() || self.writing.is_some() {
                self.flush().await?;
            }
            if let Some(used) = self.inner.store.key(&self.key.tenant, self.key.run_id, key).await? {
                let answer = if used.digest == *digest {
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
        if let Some(error) = self.message_limit() {
            drop(reply.send(Err(error)));
            return Ok(());
        }
        let event = self.length;
        if let Some((key, digest)) = key {
            self.batch.commit.key = Some((key, KeyUse { digest, seq: event }));
        }
        let answer = Signalled { run_id: self.key.run_id, event, duplicate: false };
        self.batch.effects.answers.push(Answer::Signalled(reply, answer));
        self.input(message).await;
        Ok(())
    }

    /// A sender may not fill a history, nor the memory of a guest that does not receive.
    fn message_limit(&self) -> Option<Error> {
        let buffered = self.seated.as_ref().map_or(0, |seated| seated.session.machine().buffered_messages());
        if buffered >= self.limits.buffered_signals as usize || self.length >= self.limits.history_events {
            return Some(
                Error::new(
                    ErrorCode::LimitExceeded,
                    format!(
                        "the run holds {buffered} signals and updates that it did not receive, and {} events: send again when it \
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
        self.end(reason).await?;
        self.batch.effects.answers.push(Answer::Run(reply));
        Ok(())
    }

    /// Ends the run and starts the one that takes over its id, in one change.
    async fn replace(&mut self, start: Box<Commit>, reply: Reply<Run>) -> Result<(), StoreError> {
        if !self.is_open() {
            drop(reply.send(Err(self.refusal())));
            return Ok(());
        }
        self.end(format!("run {} takes over its id", start.run_id)).await?;
        self.batch.effects.answers.push(Answer::Run(reply));
        self.batch.commit.successor = Some(start);
        Ok(())
    }

    /// Removes the run from the store. Nothing of it is known here afterwards.
    async fn delete(&mut self, reply: Reply<()>) -> Result<(), StoreError> {
        self.flush().await?;
        if self.is_open() || self.run.is_none() {
            let refusal = if self.is_open() { errors::open(self.key.run_id) } else { self.refusal() };
            drop(reply.send(Err(refusal)));
            return Ok(());
        }
        if let Err(error) = self.inner.store.delete(&self.key.tenant, self.key.run_id).await {
            drop(reply.send(Err(error.clone().into())));
            return Err(error);
        }
        self.run = None;
        self.length = 0;
        self.batch = Batch::new(&self.key, 0);
        self.meter = Default::default();
        drop(reply.send(Ok(())));
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
            self.record(Event::VersionChanged(VersionChanged { version, settled: None }));
            self.change_run(|run| run.version = version);
        }
        self.record(Event::RunResumed(RunResumed {}));
        self.change_run(|run| {
            run.status = RunStatus::Running;
            run.parked = None;
            run.parked_for_day = None;
            run.budget_warning = None;
            run.held_back = None;
        });
        self.needs_guest = true;
        self.batch.effects.answers.push(Answer::Run(reply));
    }
}
