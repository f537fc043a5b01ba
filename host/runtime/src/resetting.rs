//! Reset: a run goes on from one of its events as a new run, with the history before that event.

use abide_history::{Commit, RunTimer};
use abide_model::{
    Digest, Error, ErrorCode, Event, Recorded, RecordedRequest, RunId, RunRef, RunReset, Seq, Tenant, VersionChanged,
};

use crate::Host;
use crate::checks::random;
use crate::inner::RunKey;
use crate::new_run::{self, NewRun, RUN_TIMEOUT};
use crate::run_task::open_timers;
use crate::view::{IfRunning, ResetRun, Started};

type History = Vec<(Seq, Recorded)>;

impl Host {
    /// Starts a run with the events of `run` before `reset.event`, and the signals that came after it. An open run is terminated by the same
    /// change. Calls that have an outcome before that event are not made again; the others are.
    pub async fn reset(&self, tenant: &Tenant, run: &RunRef, reset: ResetRun) -> Result<Started, Error> {
        self.inner.check_ready()?;
        let key = self.find(tenant, run).await?;
        let old = self.row(&key).await?;
        let history = self.inner.read_history(&key).await?;
        let end = history.iter().position(|(_, recorded)| recorded.event.is_last()).unwrap_or(history.len());
        let asked = usize::try_from(reset.event).ok().filter(|event| (1..=end).contains(event));
        let asked = asked.ok_or_else(|| {
            let message =
                format!("`event`: {} is not between 1 and {end}: `abide history {}` shows them", reset.event, old.id);
            Error::new(ErrorCode::InvalidArgument, message).about(old.run_id)
        })?;
        let cut = whole_steps(&history, asked);
        let version = match &reset.version {
            Some(version) => Some(self.find_version(tenant, &old.workflow, version).await?),
            None => None,
        };
        let now_ms = self.inner.clock.now_ms();
        let run_id = RunId::new(now_ms, u128::from_be_bytes(random()?));
        let new = continued(&history, cut, run_id, now_ms, (old.version, version), &key)?;
        let mut commit = new.commit();
        // The run timeout of the new run is among its timers already.
        let mut timers = open_timers(&history[..cut]);
        timers.remove(&RUN_TIMEOUT);
        commit.timers_set.extend(timers.iter().map(|(call, due_ms)| RunTimer { due_ms: *due_ms, call: *call }));
        self.copy_requests(&key, &mut commit).await?;
        let what = if old.status.is_open() { IfRunning::Terminate } else { IfRunning::Reject };
        self.commit_start(commit, what).await?;
        for due_ms in timers.into_values() {
            self.inner.timer_hint.set(due_ms);
        }
        let run = new.run.clone();
        new.drive(&self.inner);
        Ok(Started { run, created: true })
    }

    /// Adds the bodies of the requests, which are stored with each run.
    async fn copy_requests(&self, from: &RunKey, commit: &mut Commit) -> Result<(), Error> {
        for recorded in &commit.events {
            if let Event::CallRequested(requested) = &recorded.event
                && let stored @ RecordedRequest::Stored(..) = &requested.request
            {
                let request = self.store().request(&from.tenant, from.run_id, stored).await?;
                RecordedRequest::with_nodes(&request, |digest, node| commit.nodes.push((digest, node)));
            }
        }
        Ok(())
    }
}

/// The latest place, `asked` at most, where no step is cut in two: a step's outputs follow from one input, so a replay makes all of them.
fn whole_steps(history: &History, asked: usize) -> usize {
    let cause = |recorded: &Recorded| match &recorded.event {
        Event::CallRequested(requested) => Some(requested.cause),
        Event::CallCancelled(cancelled) => Some(cancelled.cause),
        Event::UpdateAnswered(answered) => Some(answered.cause),
        Event::MarkerRecorded(marker) => Some(marker.cause),
        Event::RunClosed(closed) => Some(closed.cause),
        Event::RunContinued(continued) => Some(continued.cause),
        _ => None,
    };
    let mut cut = asked;
    while let Some(next) = history[cut..].iter().find_map(|(_, recorded)| cause(recorded)) {
        // The first output that is kept of the same step, if any is.
        match history[..cut].iter().position(|(_, recorded)| cause(recorded) == Some(next)) {
            Some(first) => cut = first,
            None => break,
        }
    }
    cut
}

/// The new run.
fn continued(
    history: &History,
    cut: usize,
    run_id: RunId,
    now_ms: u64,
    (now, version): (Digest, Option<Digest>),
    old: &RunKey,
) -> Result<NewRun, Error> {
    let Some((_, Recorded { event: Event::RunStarted(started), .. })) = history.first() else {
        let message = format!("run `{}` does not begin with its start", old.run_id);
        return Err(Error::new(ErrorCode::StoreCorrupt, message));
    };
    let mut new = NewRun::new(run_id, now_ms, (**started).clone(), Vec::new());
    new.events = history[..cut].iter().map(|(_, recorded)| recorded.clone()).collect();
    let mut add = |event| new.events.push(Recorded { time_ms: now_ms, event });
    add(Event::RunReset(RunReset { run_id: old.run_id, event: cut as Seq }));
    for (_, recorded) in &history[cut..] {
        if let Event::SignalReceived(_) = &recorded.event {
            add(recorded.event.clone());
        }
    }
    let changed = |recorded: &Recorded| match &recorded.event {
        Event::VersionChanged(changed) => Some(changed.version),
        _ => None,
    };
    // Of a run that came in a capsule, the events may name versions that are not here: its row has the last word.
    let kept = match history[cut..].iter().any(|(_, recorded)| changed(recorded).is_some()) {
        true => new.events.iter().rev().find_map(changed).unwrap_or(started.version),
        false => now,
    };
    if let Some(version) = version.filter(|version| *version != kept) {
        new.events.push(Recorded {
            time_ms: now_ms,
            event: Event::VersionChanged(VersionChanged { version, settled: None }),
        });
    }
    new.run.version = version.unwrap_or(kept);
    new.run.pinned = new_run::pinned(new.events.iter().map(|recorded| &recorded.event));
    // Its parent waits for the run that it started.
    new.run.parent = None;
    Ok(new)
}
