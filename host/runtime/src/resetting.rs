//! Reset: a run goes on from one of its events as a new run, with the history before that event.

use abide_history::{Commit, Metered, RunTimer};
use abide_model::{
    Digest, Error, ErrorCode, Event, Recorded, RecordedRequest, RunId, RunRef, RunReset, Seq, Tenant, VersionChanged,
};

use crate::Host;
use crate::checks::random;
use crate::forking::{History, place, version_at, whole_steps};
use crate::inner::RunKey;
use crate::new_run::{NewRun, RUN_TIMEOUT};
use crate::prefix::{self, Shown};
use crate::run_task::open_timers;
use crate::session::guest_run_id;
use crate::view::{IfRunning, ResetRun, Started};

impl Host {
    /// Starts a run with the events of `run` before `reset.event`, and the signals that came after it. An open run is terminated by the same
    /// change. Calls that have an outcome before that event are not made again; the others are.
    pub async fn reset(&self, tenant: &Tenant, run: &RunRef, reset: ResetRun) -> Result<Started, Error> {
        self.inner.check_ready()?;
        let key = self.find(tenant, run).await?;
        let old = self.row(&key).await?;
        let history = self.inner.read_history(&key).await?;
        let cut = whole_steps(&history, place(&old, &history, reset.event)?);
        let version = match &reset.version {
            Some(version) => Some(self.find_version(tenant, &old.workflow, version).await?),
            None => None,
        };
        let now_ms = self.inner.clock.now_ms();
        let run_id = RunId::new(now_ms, u128::from_be_bytes(random()?));
        let mut new = continued(&history, cut, run_id, now_ms, (old.version, version), &key)?;
        let told = guest_run_id(key.run_id, &history);
        let shown = self.shown_by(&key, new.run.version, told, &history[..cut]).await?;
        if let Some(attributes) = shown.attributes {
            new.run.attributes = attributes;
        }
        let mut commit = new.commit();
        commit.counted = cut;
        commit.ledger = Some(Metered { settled: cut.checked_sub(1).map(|last| last as Seq), ..Metered::default() });
        commit.published = shown.published.into_iter().collect();
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

    /// What the run had published by the end of `history`. A version that does not come so far parks the new run, which says why: here it is
    /// only seen how far it comes.
    async fn shown_by(&self, key: &RunKey, version: Digest, told: RunId, history: &History) -> Result<Shown, Error> {
        match self.inner.programs.get(&key.tenant, version).await {
            Ok(program) => Ok(prefix::replay(&self.inner, key, &program, told, history).await?.shown),
            Err(error) if error.code == ErrorCode::StoreUnavailable => Err(error),
            Err(_) => Ok(Shown::default()),
        }
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

/// The new run.
fn continued(
    history: &History,
    cut: usize,
    run_id: RunId,
    now_ms: u64,
    (now, version): (Digest, Option<Digest>),
    old: &RunKey,
) -> Result<NewRun, Error> {
    let (_, started) = prefix::start_of(old, history)?;
    let mut new = NewRun::new(run_id, now_ms, started.clone(), Vec::new());
    new.events = history[..cut].iter().map(|(_, recorded)| recorded.clone()).collect();
    let mut add = |event| new.events.push(Recorded { time_ms: now_ms, event });
    add(Event::RunReset(RunReset {
        run_id: old.run_id,
        event: cut as Seq,
        guest_run_id: Some(guest_run_id(old.run_id, history)),
    }));
    for (_, recorded) in &history[cut..] {
        if let Event::SignalReceived(_) = &recorded.event {
            add(recorded.event.clone());
        }
    }
    let kept = version_at(now, started.version, history, cut);
    if let Some(version) = version.filter(|version| *version != kept) {
        new.events.push(Recorded {
            time_ms: now_ms,
            event: Event::VersionChanged(VersionChanged { version, settled: None }),
        });
    }
    new.run.version = version.unwrap_or(kept);
    new.run.goes_on_from(history[..cut].iter().map(|(_, recorded)| &recorded.event));
    Ok(new)
}
