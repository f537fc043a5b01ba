//! The run's own part in a swap: the copy comes to where the run stands, and takes the place of its guest.

use abide_history::StoreError;
use abide_model::{Error, Event, HeldBack, Run, RunPinned, RunStatus, VersionChanged};

use super::RunTask;
use crate::batch::Answer;
use crate::registry::Reply;
use crate::swapping::{Candidate, Swap};

impl RunTask {
    /// Goes on with another version, if its copy of the run did what the history says, to its end.
    pub(super) async fn swap(&mut self, candidate: Candidate, reply: Reply<Swap>) -> Result<(), StoreError> {
        self.flush().await?;
        // Inputs that the guest was not given yet have what follows from them on its own version.
        if self.is_running() && self.seated.is_none() && (self.needs_guest || self.may_be_behind().await?) {
            self.load().await?;
            self.flush().await?;
        }
        if let Some(answer) = self.stays(&candidate) {
            drop(reply.send(answer));
            return Ok(());
        }
        let version = candidate.version;
        let tail = self.inner.history_from(&self.key, candidate.length()).await?;
        match candidate.finish(tail).await {
            Ok((mut session, last)) => {
                // What it did was counted as its history was made.
                self.meter.is_replaced_by(&mut session);
                // Who performs the calls in flight does so for the copy.
                drop(session.take_recorded_calls());
                if let Some(seated) = &mut self.seated {
                    seated.seat.busy(session.memory_bytes());
                    seated.session = session;
                }
                self.record(Event::VersionChanged(VersionChanged { version, settled: Some(last) }));
                self.change_run(|run| {
                    run.version = version;
                    run.held_back = None;
                });
                self.batch.effects.answers.push(Answer::Swapped(reply, Swap::Swapped));
            }
            Err(reason) => {
                self.hold(HeldBack { version, reason: reason.clone() });
                self.batch.effects.answers.push(Answer::Swapped(reply, Swap::HeldBack(reason)));
            }
        }
        Ok(())
    }

    /// Whether the store may have inputs that the guest was not given, as far as that is not known here.
    async fn may_be_behind(&mut self) -> Result<bool, StoreError> {
        Ok(self.ready.is_none() && self.inner.store.is_ready(&self.key.tenant, self.key.run_id).await?)
    }

    /// The answer where there is nothing to swap.
    fn stays(&self, candidate: &Candidate) -> Option<Result<Swap, Error>> {
        match &self.run {
            Some(run) if run.status == RunStatus::Parked => Some(Ok(Swap::Parked)),
            Some(run) if !run.status.is_open() => Some(Err(self.refusal())),
            None => Some(Err(self.refusal())),
            Some(run) if run.version == candidate.version => Some(Ok(Swap::Unchanged)),
            Some(run) if run.is_pinned() => Some(Ok(Swap::Pinned)),
            Some(_) => None,
        }
    }

    /// Takes down why the run stays on its version.
    pub(super) fn hold_back(&mut self, held_back: HeldBack, reply: Reply<Run>) {
        if !self.is_open() {
            drop(reply.send(Err(self.refusal())));
            return;
        }
        self.hold(held_back);
        self.batch.effects.answers.push(Answer::Run(reply));
    }

    fn hold(&mut self, held_back: HeldBack) {
        if self.run.as_ref().is_some_and(|run| run.held_back.as_ref() != Some(&held_back)) {
            self.change_run(|run| run.held_back = Some(held_back));
        }
    }

    /// Stays on its version from here on, or no longer.
    pub(super) fn pin(&mut self, pinned: bool, reply: Reply<Run>) {
        if !self.is_open() {
            drop(reply.send(Err(self.refusal())));
            return;
        }
        self.batch.effects.answers.push(Answer::Run(reply));
        if self.run.as_ref().is_some_and(|run| run.is_pinned() != pinned) {
            self.record(Event::RunPinned(RunPinned { pinned }));
            self.change_run(|run| run.pinned = pinned.then_some(true));
        }
    }
}
