//! Import: a run comes back from a capsule. One that had ended is there as it was. One that was open is parked: the host that it comes from may
//! still have it, and no call of it shall be made twice without somebody having said so.

use abide_history::{Commit, Metered, RunTimer, StoreError};
use abide_model::{
    Digest, Error, ErrorCode, Event, IdReuse, Limits, ParkKind, ParkReason, Recorded, Run, RunParked, RunStatus,
    Tenant, VersionChanged,
};
use bytes::Bytes;

use crate::Host;
use crate::capsule::Capsule;
use crate::programs::blocking;
use crate::run_task::open_timers;
use crate::view::Imported;

/// One of the limits of a run.
type LimitOf = fn(&Limits) -> u64;

impl Host {
    /// Brings back the run of a capsule. Refused where a run of its run id or its id is there.
    pub async fn import(&self, tenant: &Tenant, file: Bytes) -> Result<Imported, Error> {
        self.inner.check_ready()?;
        let capsule = blocking(move || Capsule::read(&file)).await?;
        self.check_limits(&capsule)?;
        self.check_free(tenant, &capsule).await?;
        let now_ms = self.inner.clock.now_ms();
        let mut run = capsule.row();
        let mut stored = run.version;
        for component in &capsule.components {
            let (version, bytes) = (component.version, component.bytes.clone());
            self.check_component(&bytes)?;
            stored = self.adopt(tenant, &run.workflow, version, bytes).await?;
        }
        let _starting = self.inner.admit_run(tenant).await?;
        let is_open = run.status.is_open();
        let mut commit = Commit::new(tenant.clone(), run.run_id, 0);
        commit.events = capsule.history.iter().map(|(_, recorded)| recorded.clone()).collect();
        commit.counted = commit.events.len();
        let settled = capsule.history.last().map(|(last, _)| *last);
        commit.ledger = Some(Metered { settled, ..Metered::default() });
        if is_open {
            park(&mut run, stored, &capsule, |event| commit.events.push(Recorded { time_ms: now_ms, event }));
            let timers = open_timers(&capsule.history);
            commit.timers_set = timers.into_iter().map(|(call, due_ms)| RunTimer { due_ms, call }).collect();
        }
        run.version = stored;
        let timers = commit.timers_set.clone();
        commit.nodes = capsule.nodes.into_iter().collect();
        commit.published = capsule.head.published;
        commit.run = Some(run.clone());
        commit.ready = Some(false);
        commit.id_reuse = IdReuse::Reject;
        self.inner.store.commit(commit).await.map_err(|error| {
            self.inner.fail(&error);
            match error {
                StoreError::Conflict { .. } | StoreError::RunAlreadyOpen(_) | StoreError::IdUsed { .. } => there(&run),
                other => other.into(),
            }
        })?;
        for timer in timers {
            self.inner.timer_hint.set(timer.due_ms);
        }
        Ok(Imported { run, events: capsule.history.len() as u64 })
    }

    /// A run brings its limits along. They decide results, so they stay; a host that would not give them refuses the run.
    fn check_limits(&self, capsule: &Capsule) -> Result<(), Error> {
        let (theirs, ours) = (&capsule.started().limits, &self.inner.config.limits);
        let pairs: [(&str, LimitOf); 12] = [
            ("memory_bytes", |limits| limits.memory_bytes),
            ("step_fuel", |limits| limits.step_fuel),
            ("request_bytes", |limits| limits.request_bytes),
            ("open_calls", |limits| limits.open_calls.into()),
            ("published_bytes", |limits| limits.published_bytes),
            ("published_names", |limits| limits.published_names.into()),
            ("history_events", |limits| limits.history_events),
            ("buffered_signals", |limits| limits.buffered_signals.into()),
            // Of a result, those of earlier releases have none: it is bounded by what a commit takes.
            ("history_bytes", Limits::history_bytes),
            ("turn_ms", Limits::turn_ms),
            ("step_bytes", Limits::step_bytes),
            ("log_bytes", Limits::log_bytes),
        ];
        match pairs.into_iter().find(|(_, of)| of(theirs) > of(ours)) {
            None => Ok(()),
            Some((name, of)) => {
                let (theirs, ours) = (of(theirs), of(ours));
                let message = format!(
                    "the run of the capsule may use {theirs} of `limits.{name}`, this host gives {ours}: raise it in the configuration of the host"
                );
                Err(Error::new(ErrorCode::TooLarge, message))
            }
        }
    }

    async fn check_free(&self, tenant: &Tenant, capsule: &Capsule) -> Result<(), Error> {
        let by_run_id = self.store().run(tenant, capsule.run_id()).await?;
        let by_id = self.store().latest_run(tenant, capsule.id()).await?;
        if by_run_id.is_some() || by_id.is_some() {
            return Err(there(&capsule.head.run));
        }
        Ok(())
    }
}

/// What happens to an open run: it is on the version that this host stored, and it is parked.
fn park(run: &mut Run, stored: Digest, capsule: &Capsule, mut record: impl FnMut(Event)) {
    if stored != run.version {
        record(Event::VersionChanged(VersionChanged { version: stored, settled: None }));
    }
    let before = match &capsule.head.run.parked {
        Some(reason) => format!("; it was parked before: {}", reason.message),
        None => String::new(),
    };
    let reason = ParkReason {
        kind: ParkKind::Imported,
        message: format!(
            "imported from a capsule, and nothing was done for it here yet: `abide resume {}` lets it go on; make sure that no other host \
             goes on with it{before}",
            run.run_id
        ),
        event: None,
        backtrace: Vec::new(),
    };
    record(Event::RunParked(RunParked { reason: reason.clone() }));
    (run.status, run.parked) = (RunStatus::Parked, Some(reason));
}

fn there(run: &Run) -> Error {
    let message = format!(
        "a run `{}` or one with the id `{}` is there already: `abide delete` removes one that has ended",
        run.run_id, run.id
    );
    Error::new(ErrorCode::RunIdUsed, message).about(run.run_id)
}
