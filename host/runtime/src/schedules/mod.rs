//! Schedules: what starts runs when it is time. The rows in the store are the truth. `times` says when a schedule is due, `plan`
//! what is to be done next, `keeping` does it, `asking` changes schedules for their owners, and `showing` describes them.
//!
//! The start of a run and the step of its schedule are one commit, so that no crash loses a due time or takes it twice.

mod asking;
mod keeping;
mod plan;
mod showing;
#[cfg(test)]
mod tests;
mod times;

use abide_history::{ScheduleChange, StoreError};
use abide_model::{
    Error, ErrorCode, IdReuse, OpenRun, Run, RunId, Schedule, ScheduleId, ScheduleSpec, ScheduleState, Tenant,
};

use self::times::Times;
use crate::view::{IfRunning, StartRun};
use crate::{Host, errors};

pub(crate) use keeping::keep;
pub use times::{format_time, parse_time};

/// Gives the step of a schedule that a start is a part of, for the run that starts.
pub(crate) type StepOf<'a> = dyn Fn(&Run) -> ScheduleChange + Send + Sync + 'a;

/// A change is made again so often when somebody else changed the schedule in between.
const TRIES: usize = 16;

/// The change from one row to the next.
fn change(tenant: &Tenant, before: &Schedule, spec: ScheduleSpec, state: ScheduleState) -> ScheduleChange {
    let row = Schedule { id: before.id.clone(), revision: before.revision + 1, spec, state };
    ScheduleChange { tenant: tenant.clone(), id: before.id.clone(), expected: Some(before.revision), row: Some(row) }
}

/// Does something with the due times of a schedule, where that keeps nobody waiting.
async fn with_times<T: Send + 'static>(
    id: &ScheduleId,
    spec: &ScheduleSpec,
    work: impl FnOnce(&Times) -> T + Send + 'static,
) -> Result<T, Error> {
    let (id, spec) = (id.clone(), spec.clone());
    aside(move || Times::of(&id, &spec).map(|times| work(&times))).await?
}

/// Does work that takes long where that keeps nobody waiting.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorCode::Internal, format!("due times could not be worked out: {error}")))
}

impl Host {
    /// The row of a schedule.
    async fn schedule_row(&self, tenant: &Tenant, id: &ScheduleId) -> Result<Schedule, Error> {
        self.inner.store.schedule(tenant, id).await?.ok_or_else(|| errors::no_schedule(id))
    }

    /// Writes a change. `false` where somebody else changed the schedule in between.
    async fn write_schedule(&self, change: ScheduleChange) -> Result<bool, Error> {
        match self.inner.store.change_schedule(change).await {
            Ok(()) => Ok(true),
            Err(StoreError::ScheduleChanged(_)) => Ok(false),
            Err(error) => {
                self.inner.fail(&error);
                Err(error.into())
            }
        }
    }

    /// The state of a schedule without those runs that have ended.
    async fn state_now(&self, tenant: &Tenant, schedule: &Schedule) -> Result<ScheduleState, Error> {
        let mut state = schedule.state.clone();
        let mut open = Vec::with_capacity(state.open.len());
        for run in state.open {
            if let Some(run_id) = self.still_open(tenant, run.run_id).await? {
                open.push(OpenRun { run_id, ..run });
            }
        }
        state.open = open;
        Ok(state)
    }

    /// The run, or the one that took over its id, where that is open.
    async fn still_open(&self, tenant: &Tenant, run_id: RunId) -> Result<Option<RunId>, Error> {
        let store = &self.inner.store;
        let Some(run) = store.run(tenant, run_id).await? else { return Ok(None) };
        if run.status.is_open() {
            return Ok(Some(run_id));
        }
        let Some(latest) = store.latest_run(tenant, &run.id).await? else { return Ok(None) };
        let taken_over = latest != run_id && store.run(tenant, latest).await?.is_some_and(|run| run.status.is_open());
        Ok(taken_over.then_some(latest))
    }

    /// Starts the run of a due time, and writes `state` with it. A run that is there already is taken for the one. The errors
    /// `Conflict`, `RunAlreadyOpen` and `RunIdUsed` say that somebody else was quicker: then nothing was written.
    async fn start_due(
        &self,
        tenant: &Tenant,
        schedule: &Schedule,
        state: &ScheduleState,
        due_ms: u64,
    ) -> Result<Run, Error> {
        let id = plan::run_id_of(schedule, due_ms)?;
        let spec = &schedule.spec;
        if let Some(run_id) = self.inner.store.latest_run(tenant, &id).await? {
            let run = self.row(&crate::inner::RunKey { tenant: tenant.clone(), run_id }).await?;
            let mut state = state.clone();
            plan::found(&mut state, &run, due_ms);
            return match self.write_schedule(change(tenant, schedule, spec.clone(), state)).await? {
                true => Ok(run),
                false => Err(StoreError::ScheduleChanged(schedule.id.clone()).into()),
            };
        }
        let start = StartRun {
            workflow: spec.workflow.clone(),
            id: Some(id),
            input: spec.input.clone(),
            version: spec.version.clone(),
            if_running: IfRunning::Reject,
            id_reuse: IdReuse::Reject,
            run_timeout_ms: None,
            signal: None,
            attributes: Default::default(),
        };
        let step = |run: &Run| {
            let mut state = state.clone();
            plan::started(&mut state, run, due_ms);
            change(tenant, schedule, spec.clone(), state)
        };
        Ok(self.start_with(tenant, start, Some(&step)).await?.run)
    }
}

/// Whether an error says that somebody else was quicker, so that the schedule is to be looked at again.
fn is_race(error: &Error) -> bool {
    matches!(error.code, ErrorCode::Conflict | ErrorCode::RunAlreadyOpen | ErrorCode::RunIdUsed)
}
