//! Commits: what was gathered goes to the store, and what waited for that happens when it is durable.

use std::sync::Arc;

use abide_activities::{Activity, Performed, Veil};
use abide_history::StoreError;
use abide_model::others::AwaitChild;
use abide_model::{Call, CallIndex, CallKind, Digest, Error, Event, Outcome, Recorded, Source, WorkflowName};
use futures_util::FutureExt;

use super::{Commit, RunTask, others};
use crate::batch::{Batch, Effects, write_log};
use crate::inner::Inner;
use crate::sharing::TenantShare;

/// Performs an activity by what holds now for runs on a version. What the run's veil keeps out of its history is not in what this gives.
async fn perform_activity(
    inner: Arc<Inner>,
    share: Arc<TenantShare>,
    (workflow, version): (WorkflowName, Digest),
    mut activity: Activity,
    veil: Arc<Veil>,
) -> Option<Performed> {
    match inner.policy(&activity.tenant, &workflow, version).await {
        Ok(policy) => activity.policy = Arc::new(policy),
        // The host is on its way down, which is no outcome: it is performed when the host is up.
        Err(_) => return std::future::pending().await,
    }
    let veiled = veil.cover(activity.kind, &activity.request).map(|(_, veiled)| veiled);
    let mut performed = perform_admitted(&inner, &share, activity).await;
    if let Some(veiled) = veiled {
        performed.outcome = veiled.cover(performed.outcome);
    }
    Some(performed)
}

impl RunTask {
    /// Whether a host that comes up has to drive this run.
    fn should_be_ready(&self) -> bool {
        // A child may have ended before it was waited for, and does not tell twice: until it was looked at, that is to be done.
        let is_left_to_do = |(call, kind): (&CallIndex, &CallKind)| {
            kind.is_performed() || (*kind == CallKind::ChildrenResult && !self.looked_at.contains(call))
        };
        let waits_for_activity = match &self.seated {
            Some(seated) => seated.session.machine().open_calls().iter().any(is_left_to_do),
            None => !self.handles.is_empty(),
        };
        self.unsettled || (self.is_running() && (self.needs_guest || waits_for_activity))
    }

    /// Sends what is gathered to the store, if nothing else is on its way there.
    pub(super) fn begin_write(&mut self) {
        if self.writing.is_some() {
            return;
        }
        let Some(run) = &self.run else { return };
        let ready = self.should_be_ready();
        // That a child will tell is written with what comes next, or when the guest leaves memory.
        let can_wait = !ready && self.batch.is_empty() && self.seated.is_some() && !self.awaited.is_empty();
        // What is not known is never taken back: a message may come to a run that is still to be driven after a crash.
        if !can_wait && self.ready != Some(ready) && (self.ready.is_some() || (ready && !self.batch.is_empty())) {
            self.batch.commit.ready = Some(ready);
            self.ready = Some(ready);
        }
        if std::mem::take(&mut self.run_changed) {
            self.batch.commit.run = Some(run.clone());
        }
        if self.batch.is_empty() {
            return;
        }
        self.meter_batch();
        let Batch { commit, mut effects } = std::mem::replace(&mut self.batch, Batch::new(&self.key, self.length));
        if !effects.answers.is_empty() {
            effects.run.clone_from(&self.run);
        }
        let requested = |recorded: &Recorded| match &recorded.event {
            Event::CallRequested(requested) => Some(requested.kind),
            _ => None,
        };
        effects.requested = commit.events.iter().filter_map(requested).collect();
        self.send(commit, effects);
    }

    /// Sends a commit to the store.
    pub(super) fn send(&mut self, commit: abide_history::Commit, effects: Effects) {
        let earliest = commit.timers_set.iter().map(|timer| timer.due_ms).min();
        let inner = self.inner.clone();
        let writing: Commit = Box::pin(async move {
            inner.store.commit(commit).await?;
            if let Some(due_ms) = earliest {
                inner.timer_hint.set(due_ms);
            }
            Ok(())
        });
        self.writing = Some((writing, effects));
    }

    /// A commit came back: what waited for it happens now.
    pub(super) async fn written(&mut self, result: Result<(), StoreError>) -> Result<(), StoreError> {
        let Some((_, effects)) = self.writing.take() else { return Ok(()) };
        if let Err(error) = result {
            effects.refuse(&Error::from(error.clone()));
            return Err(error);
        }
        let Effects { perform, requested, abort, closed, run, answers, log, successor, settled, ringing } = effects;
        drop(ringing);
        if closed {
            self.meter.leaves(self.inner.clock.now_ms());
            self.seated = None;
            // What the host itself does for the run is quick, and comes to its end: a child that is being started has to be known.
            self.handles.retain(|_, (source, handle)| {
                if *source == Source::Activity {
                    handle.abort();
                }
                *source != Source::Activity
            });
        }
        for call in abort {
            if let Some((_, handle)) = self.handles.remove(&call) {
                handle.abort();
            }
        }
        if let Some(successor) = successor {
            successor.drive(&self.inner);
        }
        for call in settled {
            self.inner.settled(&self.key, call, true);
        }
        if let Some(run) = &self.run {
            let log = self.log.take(log, self.limits.log_bytes());
            write_log(&self.key, run, log);
        }
        if let Some(run) = &run {
            Effects::answer(answers, run);
        }
        self.inner.followers.tell(&self.key, closed);
        if requested.is_empty() || !self.is_running() || !self.park_over_budget(&requested).await? {
            for (call, requested_ms) in perform {
                self.perform(call, requested_ms, None);
            }
        }
        Ok(())
    }

    /// Takes down which child a call waits for, if it does.
    pub(super) fn awaits(&mut self, call: &Call) {
        if call.kind == CallKind::ChildrenResult
            && let Ok(child) = call.request.head.read::<AwaitChild>()
        {
            self.awaited.insert(call.index, child.run_id);
        }
    }

    /// Begins to do what a call asks for, or waits for an activity that was deferred.
    pub(super) fn perform(&mut self, call: Call, requested_ms: u64, deferred: Option<u32>) {
        let (index, source) = (call.index, call.kind.source());
        self.awaits(&call);
        let Some(run) = &self.run else { return };
        let on = (run.workflow.clone(), run.version);
        let share = self.inner.share(&self.key.tenant);
        let turns = share.activities.clone();
        let performed = match source {
            Source::Activity => {
                let activity = Activity {
                    tenant: self.key.tenant.clone(),
                    run_id: self.key.run_id,
                    call: index,
                    kind: call.kind,
                    request: call.request,
                    options: call.options,
                    requested_ms,
                    deferred,
                    secrets: self.inner.secrets_of(&self.key.tenant),
                    policy: Arc::default(),
                    share: share.activities.clone(),
                };
                perform_activity(self.inner.clone(), share, on, activity, self.veil.clone()).boxed()
            }
            _ => others::perform(&self.inner, &self.key, on, call, requested_ms),
        };
        let handle = self.performing.spawn(turns.fairly(performed.map(move |performed| (index, performed))));
        self.handles.insert(index, (source, handle));
    }

    /// Waits until everything gathered is durable.
    pub(super) async fn flush(&mut self) -> Result<(), StoreError> {
        loop {
            self.go_on().await?;
            self.begin_write();
            let Some((writing, _)) = &mut self.writing else { return Ok(()) };
            let result = writing.as_mut().await;
            self.written(result).await?;
        }
    }
}

/// Performs an activity when the quotas of its tenant allow it. One whose answer is waited for was begun before.
async fn perform_admitted(inner: &Inner, share: &Arc<TenantShare>, activity: Activity) -> Performed {
    let admitted = match activity.deferred {
        Some(_) => None,
        None => match inner.sharing.admit(share, activity.options.total_timeout_ms).await {
            Ok(slot) => Some(slot),
            Err(failure) => return Performed::new(Outcome::Failed(failure), 0),
        },
    };
    let performed = inner.performer.perform(activity).await;
    drop(admitted);
    performed
}
