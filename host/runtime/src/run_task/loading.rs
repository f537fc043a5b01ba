//! Brings a guest into memory: replays its history, and goes on where that ends.

use std::collections::HashMap;

use abide_fair::Slice;
use abide_history::StoreError;
use abide_model::{
    CallIndex, CallKind, Error, ErrorCode, Event, Json, ParkKind, ParkReason, Recorded, RecordedRequest, Seq, Source,
};

use super::{RunTask, Seated};
use crate::new_run::{RUN_TIMEOUT, run_timeout};
use crate::session::Session;

impl RunTask {
    /// Replays the history on the run's version. What the guest does beyond it is gathered; a guest that cannot go on parks the run.
    pub(super) async fn load(&mut self) -> Result<(), StoreError> {
        let Some(run) = self.run.clone() else { return Ok(()) };
        let program = match self.inner.programs.get(&self.key.tenant, run.version).await {
            Ok(program) => program,
            Err(error) if matches!(error.code, ErrorCode::StoreUnavailable) => {
                return Err(StoreError::Unavailable(error.message));
            }
            Err(error) => {
                self.park(version_unavailable(&error));
                return Ok(());
            }
        };
        let ledger = self.inner.store.run_ledger(&self.key.tenant, self.key.run_id).await?;
        let settled = ledger.and_then(|ledger| ledger.settled);
        let share = self.inner.share(&self.key.tenant);
        let seat = self.inner.residency.sit(&self.key, share.claim()).await;
        self.meter.sits(settled, self.inner.clock.now_ms());
        let history = match std::mem::take(&mut self.fresh) {
            first if !first.is_empty() => (0..).zip(first).collect(),
            _ => self.inner.read_history(&self.key).await?,
        };
        if history.len() as Seq != self.length {
            return Err(StoreError::Conflict {
                run_id: self.key.run_id,
                expected: self.length,
                actual: history.len() as Seq,
            });
        }
        let Some((_, Recorded { time_ms, event: Event::RunStarted(started) })) = history.first() else {
            return Err(StoreError::Corrupt(format!("run {} does not begin with its start", self.key.run_id)));
        };
        self.limits = started.limits.clone();
        self.history_bytes = history.iter().map(|(_, recorded)| recorded.bytes()).sum();
        self.run_timeout_ms = started.run_timeout_ms;
        self.timers = open_timers(&history);
        self.knows_timers = true;
        let mut session = Session::new(&program, self.key.run_id, *time_ms, started, &history);
        session.watch_fuel();
        self.veil = session.veil();
        session.limit_turns(&started.limits);
        let mut slice = Slice::begin();
        for (seq, recorded) in &history {
            slice.yielded().await;
            self.meter.comes_to(*seq, &mut session);
            match session.deliver(*seq, recorded).await {
                Ok(news) => {
                    self.meter.stands_at(*seq);
                    self.take(news);
                }
                Err(reason) => {
                    self.meter.read(&mut session);
                    self.park(reason);
                    return Ok(());
                }
            }
            if !self.is_running() {
                self.meter.read(&mut session);
                self.meter.leaves(self.inner.clock.now_ms());
                return Ok(());
            }
        }
        self.meter.comes_to(self.length, &mut session);
        self.needs_guest = false;
        self.seated = Some(Seated { session, seat });
        self.perform_again(&history).await?;
        if let Some(Seated { session, seat }) = &self.seated {
            seat.busy(session.memory_bytes());
        }
        Ok(())
    }

    /// What was being done when the host went down is done again, an activity under the same idempotency key. Children that the guest waits
    /// for are looked at.
    async fn perform_again(&mut self, history: &[(Seq, Recorded)]) -> Result<(), StoreError> {
        let Some(seated) = &mut self.seated else { return Ok(()) };
        let mut calls = seated.session.take_recorded_calls();
        // What was begun before the guest left goes on. It may have looked at a child already that ended since.
        calls.iter().for_each(|call| self.awaits(call));
        calls.retain(|call| !self.handles.contains_key(&call.index));
        let kinds: Vec<_> = calls.iter().map(|call| call.kind).collect();
        if calls.is_empty() || self.park_over_budget(&kinds).await? {
            return Ok(());
        }
        let mut requested_ms: HashMap<CallIndex, u64> = HashMap::new();
        let mut deferred: HashMap<CallIndex, u32> = HashMap::new();
        let mut begun_ms = 0;
        for (_, recorded) in history {
            match &recorded.event {
                Event::CallRequested(requested) => {
                    requested_ms.insert(requested.call, recorded.time_ms);
                }
                Event::CallDeferred(of) => {
                    deferred.insert(of.call, of.attempt);
                }
                // What was under way for the run before is begun anew for this one, which whoever took it over does not know.
                Event::RunForked(_) | Event::RunReset(_) => {
                    deferred.clear();
                    begun_ms = recorded.time_ms;
                }
                _ => {}
            }
        }
        for call in calls {
            let mut requested_ms = requested_ms.get(&call.index).copied().unwrap_or_default();
            if call.kind.source() == Source::Activity {
                requested_ms = requested_ms.max(begun_ms);
            }
            let deferred = deferred.get(&call.index).copied();
            self.perform(call, requested_ms, deferred);
        }
        Ok(())
    }
}

fn version_unavailable(error: &Error) -> ParkReason {
    ParkReason {
        kind: ParkKind::VersionUnavailable,
        message: format!("{}: then let the run go on with `abide resume RUN`", error.message),
        event: None,
        backtrace: Vec::new(),
    }
}

/// When a timer rings, by the request of `timer.sleep`, which the host itself wrote.
pub(super) fn due_ms(request: &Json, requested_ms: u64) -> u64 {
    let request: serde_json::Value = request.read().unwrap_or_default();
    let number = |name: &str| request.get(name).and_then(serde_json::Value::as_u64);
    match (number("until_ms"), number("duration_ms")) {
        (Some(until_ms), _) => until_ms,
        (None, duration_ms) => requested_ms.saturating_add(duration_ms.unwrap_or_default()),
    }
}

/// The timers of a history that neither rang nor were cancelled.
pub(crate) fn open_timers(history: &[(Seq, Recorded)]) -> HashMap<CallIndex, u64> {
    let mut timers = HashMap::new();
    let mut run_timeout_ms = None;
    for (_, recorded) in history {
        match &recorded.event {
            Event::RunStarted(started) => {
                let due_ms = started.run_timeout_ms.map(|timeout_ms| run_timeout(recorded.time_ms, timeout_ms).due_ms);
                timers.extend(due_ms.map(|due_ms| (RUN_TIMEOUT, due_ms)));
                run_timeout_ms = started.run_timeout_ms;
            }
            // From here on it is another run, whose time begins anew.
            Event::RunForked(_) | Event::RunReset(_) => {
                let due_ms = run_timeout_ms.map(|timeout_ms| run_timeout(recorded.time_ms, timeout_ms).due_ms);
                timers.extend(due_ms.map(|due_ms| (RUN_TIMEOUT, due_ms)));
            }
            Event::CallRequested(requested) if requested.kind == CallKind::TimerSleep => {
                if let RecordedRequest::Inline(request) = &requested.request {
                    timers.insert(requested.call, due_ms(request, recorded.time_ms));
                }
            }
            Event::CallCompleted(completed) => {
                timers.remove(&completed.call);
            }
            Event::CallCancelled(cancelled) => {
                timers.remove(&cancelled.call);
            }
            _ => {}
        }
    }
    timers
}
