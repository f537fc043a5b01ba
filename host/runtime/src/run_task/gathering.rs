//! What the guest did, gathered for the next commit, with what it means for the run.

use abide_history::RunTimer;
use abide_model::{Call, CallKind, Event, Outcome, ParkKind, ParkReason, RunContinued, RunStatus, Source};

use super::{Continuation, RunTask, affairs, loading};
use crate::session::News;

impl RunTask {
    /// Gathers what the guest did.
    pub(super) fn take(&mut self, news: News) {
        let News { events, mut nodes, published, attributes, log, calls, cancelled, take_along, ended } = news;
        if self.length + events.len() as u64 > self.limits.history_events && !ended {
            return self.park(ParkReason {
                kind: ParkKind::HistoryFull,
                message: format!(
                    "the history has {} events, its limit is {}: end the run with `abide terminate`, and start it \
                     again with less to do",
                    self.length, self.limits.history_events
                ),
                event: Some(self.length),
                backtrace: Vec::new(),
            });
        }
        self.history_bytes += nodes.iter().map(|(_, node)| node.text.len() as u64).sum::<u64>();
        if let Some(reason) = self.is_too_large().filter(|_| !ended) {
            return self.park(reason);
        }
        if let Some(attributes) = attributes {
            self.change_run(|run| run.attributes = attributes);
        }
        let mut calls = calls.into_iter();
        let mut take_along = Some(take_along);
        for event in events {
            let (_, recorded) = self.record(event);
            match &recorded.event {
                Event::CallRequested(_) => {
                    let call = calls.next().expect("a session gives a call for each requested event");
                    self.requested(call, recorded.time_ms);
                }
                Event::RunClosed(closed) => {
                    let status = match &closed.outcome {
                        Outcome::Ok(_) => RunStatus::Completed,
                        Outcome::Failed(_) if closed.cancelled => RunStatus::Cancelled,
                        Outcome::Failed(_) => RunStatus::Failed,
                    };
                    self.close(status, Some(closed.outcome.clone()), recorded.time_ms);
                }
                Event::RunContinued(continued) => {
                    let RunContinued { input, run_id, .. } = continued.clone();
                    self.close(RunStatus::Continued, None, recorded.time_ms);
                    self.change_run(|run| run.continued_as = Some(run_id));
                    let messages = take_along.take().unwrap_or_default();
                    self.continuation = Some(Continuation { run_id, input, messages });
                }
                _ => {}
            }
        }
        for call in cancelled {
            self.awaited.remove(&call);
            match self.timers.remove(&call) {
                Some(due_ms) => self.batch.clear_timer(RunTimer { due_ms, call }),
                None => self.batch.effects.abort.push(call),
            }
        }
        self.batch.commit.nodes.append(&mut nodes);
        self.batch.commit.published.extend(published);
        self.batch.effects.log.extend(log);
    }

    /// Why the run cannot go on for its size, or for that of all that its tenant has.
    fn is_too_large(&self) -> Option<ParkReason> {
        let limit = self.limits.history_bytes();
        let message = if self.history_bytes > limit {
            format!(
                "the history has {} bytes, its limit is {limit}: end the run with `abide terminate`, and start it again with less to do",
                self.history_bytes
            )
        } else {
            let refused = self.inner.share(&self.key.tenant).check_stored().err()?;
            return Some(ParkReason {
                kind: ParkKind::QuotaExceeded,
                message: format!("{}; then let it go on with `abide resume RUN`", refused.message),
                event: Some(self.length),
                backtrace: Vec::new(),
            });
        };
        Some(ParkReason { kind: ParkKind::HistoryFull, message, event: Some(self.length), backtrace: Vec::new() })
    }

    /// The guest requested a call.
    pub(super) fn requested(&mut self, call: Call, requested_ms: u64) {
        match call.kind.source() {
            Source::Activity | Source::Host | Source::OtherRun => {
                if call.kind == CallKind::ChildrenStart
                    && self.run.as_ref().is_some_and(|run| run.has_children.is_none())
                {
                    self.change_run(|run| run.has_children = Some(true));
                }
                self.batch.effects.perform.push((call, requested_ms));
            }
            Source::Timer => {
                let due_ms = loading::due_ms(&call.request.head, requested_ms);
                self.timers.insert(call.index, due_ms);
                self.batch.set_timer(RunTimer { due_ms, call: call.index });
            }
            Source::History => {}
        }
    }

    /// The run ends: nothing of it may stay behind.
    pub(super) fn close(&mut self, status: RunStatus, outcome: Option<Outcome>, closed_ms: u64) {
        for (call, due_ms) in std::mem::take(&mut self.timers) {
            self.batch.clear_timer(RunTimer { due_ms, call });
        }
        self.batch.effects.perform.clear();
        self.batch.effects.closed = true;
        self.needs_guest = false;
        self.change_run(|run| {
            run.status = status;
            run.outcome = outcome;
            run.closed_ms = Some(closed_ms);
            run.parked = None;
            run.parked_for_day = None;
        });
        self.unsettled = self.run.as_ref().is_some_and(affairs::are_open);
    }

    /// The run stops, keeps everything, and waits for a person. Activities that are on their way go on; their outcomes are recorded.
    pub(super) fn park(&mut self, mut reason: ParkReason) {
        if reason.kind == ParkKind::Divergence {
            reason.message.push_str(
                ": let it go on with a version that does what its history says (`abide swap`, or `abide resume RUN --version V`)",
            );
        }
        tracing::warn!(run_id = %self.key.run_id, reason = reason.message, "a run is parked");
        self.stop_metering();
        self.seated = None;
        self.record(Event::RunParked(abide_model::RunParked { reason: reason.clone() }));
        self.needs_guest = false;
        self.change_run(|run| {
            run.status = RunStatus::Parked;
            run.parked = Some(reason);
        });
    }
}
