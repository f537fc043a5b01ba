//! What the owners of schedules ask for. Each answer is durable.

use abide_history::{ScheduleChange, StoreError};
use abide_model::{
    Backfill, Error, ErrorCode, OverlapPolicy, Schedule, ScheduleId, ScheduleSpec, ScheduleState, Tenant,
};

use super::plan::{self, Step};
use super::{TRIES, aside, change, is_race, times::Times, with_times};
use crate::Host;
use crate::checks::cut;
use crate::view::{BackfillSchedule, CreateSchedule, ScheduleDescription, TriggerOutcome, TriggerSchedule, Triggered};

/// The largest input of a schedule, in bytes. It is written again with each step.
const MAX_INPUT_BYTES: usize = 64 << 10;
/// Ranges that wait to be worked off.
const MAX_BACKFILLS: usize = 10;
/// Due times of one range.
const MAX_BACKFILL_RUNS: usize = 10_000;

impl Host {
    /// Makes a schedule. It is due from now on.
    ///
    /// `ScheduleExists` where there is one with that id, `InvalidArgument` or `TooLarge` where it cannot be kept.
    pub async fn create_schedule(&self, tenant: &Tenant, create: CreateSchedule) -> Result<ScheduleDescription, Error> {
        self.inner.check_ready()?;
        check_input(&create.spec)?;
        let now_ms = self.inner.clock.now_ms();
        let state = ScheduleState {
            created_ms: now_ms,
            updated_ms: now_ms,
            paused: create.paused,
            note: create.note.as_deref().map(cut),
            done_until_ms: now_ms,
            ..ScheduleState::default()
        };
        let mut row = Schedule { id: create.id, revision: 1, spec: create.spec, state };
        row.state.wake_ms = self.wake_of(&row).await?;
        let id = row.id.clone();
        let made = ScheduleChange { tenant: tenant.clone(), id: id.clone(), expected: None, row: Some(row) };
        if !self.write_schedule(made).await? {
            let message =
                format!("there is a schedule `{id}`: take another id, or change it with `abide schedule update`");
            return Err(Error::new(ErrorCode::ScheduleExists, message));
        }
        self.inner.schedule_hint.notify_one();
        self.describe_schedule(tenant, &id).await
    }

    /// Gives a schedule another specification, from now on. What was due before and did not start does not start any more.
    pub async fn update_schedule(
        &self,
        tenant: &Tenant,
        id: &ScheduleId,
        spec: ScheduleSpec,
    ) -> Result<ScheduleDescription, Error> {
        check_input(&spec)?;
        self.edit_schedule(tenant, id, |schedule, now_ms| {
            schedule.spec = spec.clone();
            schedule.state.done_until_ms = now_ms;
            Ok(())
        })
        .await
    }

    /// Deletes a schedule. Its runs go on.
    pub async fn delete_schedule(&self, tenant: &Tenant, id: &ScheduleId) -> Result<(), Error> {
        self.inner.check_ready()?;
        for _ in 0..TRIES {
            let row = self.schedule_row(tenant, id).await?;
            let delete =
                ScheduleChange { tenant: tenant.clone(), id: id.clone(), expected: Some(row.revision), row: None };
            if self.write_schedule(delete).await? {
                return Ok(());
            }
        }
        Err(StoreError::ScheduleChanged(id.clone()).into())
    }

    /// Lets due times pass a schedule by until it is unpaused. A run that waits for an earlier one is skipped; triggers and
    /// backfills work on.
    pub async fn pause_schedule(
        &self,
        tenant: &Tenant,
        id: &ScheduleId,
        note: Option<&str>,
    ) -> Result<ScheduleDescription, Error> {
        self.edit_schedule(tenant, id, |schedule, _| {
            let state = &mut schedule.state;
            if state.buffered_ms.take().is_some() {
                state.counts.skipped += 1;
            }
            state.paused = true;
            state.note = note.map(cut);
            Ok(())
        })
        .await
    }

    /// Lets a paused schedule be due again, from now on. One that is not paused stays as it is, but for the note.
    pub async fn unpause_schedule(
        &self,
        tenant: &Tenant,
        id: &ScheduleId,
        note: Option<&str>,
    ) -> Result<ScheduleDescription, Error> {
        self.edit_schedule(tenant, id, |schedule, now_ms| {
            let state = &mut schedule.state;
            if std::mem::take(&mut state.paused) {
                state.done_until_ms = state.done_until_ms.max(now_ms);
            }
            state.note = note.map(cut);
            Ok(())
        })
        .await
    }

    /// Has the due times of a range of the past worked off, in their order. Those whose run is there already are passed over.
    pub async fn backfill_schedule(
        &self,
        tenant: &Tenant,
        id: &ScheduleId,
        range: BackfillSchedule,
    ) -> Result<ScheduleDescription, Error> {
        let BackfillSchedule { from_ms, to_ms, overlap } = range;
        let overlap = overlap.unwrap_or(OverlapPolicy::AllowAll);
        let invalid = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if matches!(overlap, OverlapPolicy::CancelOther | OverlapPolicy::TerminateOther) {
            return invalid("a backfill ends no run: give `allow_all`, `skip` or `buffer_one`".to_owned());
        }
        if from_ms > to_ms || to_ms > self.inner.clock.now_ms() {
            return invalid("`from_ms` to `to_ms` is no range of the past: give the earlier moment first".to_owned());
        }
        let row = self.schedule_row(tenant, id).await?;
        let due = with_times(id, &row.spec, move |times| {
            let due = std::iter::successors(times.next_after(from_ms.saturating_sub(1)), |due| times.next_after(*due));
            due.take_while(|due_ms| *due_ms <= to_ms).take(MAX_BACKFILL_RUNS + 1).count()
        });
        match due.await? {
            0 => return invalid(format!("the schedule `{id}` was not due in that range: give another one")),
            1..=MAX_BACKFILL_RUNS => {}
            _ => {
                return invalid(format!(
                    "more than {MAX_BACKFILL_RUNS} runs were due in that range: give a part of it"
                ));
            }
        }
        self.edit_schedule(tenant, id, |schedule, _| {
            if schedule.state.backfills.len() >= MAX_BACKFILLS {
                let message = format!("{MAX_BACKFILLS} ranges wait to be worked off: try again when one is done");
                return Err(Error::new(ErrorCode::LimitExceeded, message));
            }
            schedule.state.backfills.push(Backfill { from_ms, to_ms, overlap });
            Ok(())
        })
        .await
    }

    /// Starts a run now, as if the schedule were due; also while it is paused. The errors are those of a start.
    pub async fn trigger_schedule(
        &self,
        tenant: &Tenant,
        id: &ScheduleId,
        trigger: TriggerSchedule,
    ) -> Result<Triggered, Error> {
        self.inner.check_ready()?;
        for _ in 0..TRIES {
            let row = self.schedule_row(tenant, id).await?;
            let mut state = self.state_now(tenant, &row).await?;
            // Due times are whole seconds: the id of this run is no other's.
            let mut due_ms = self.inner.clock.now_ms().max(state.triggered_ms + 1);
            due_ms += u64::from(due_ms.is_multiple_of(1000));
            state.triggered_ms = due_ms;
            let policy = trigger.overlap.unwrap_or(row.spec.overlap);
            let step = with_times(id, &row.spec, move |times| {
                let mut step = plan::overlap(state, due_ms, policy);
                if let Step::Write(state) | Step::Start { state, .. } = &mut step {
                    state.wake_ms = plan::wake(state, times);
                }
                step
            });
            let done = match step.await? {
                Step::Start { state, due_ms } => match self.start_due(tenant, &row, &state, due_ms).await {
                    Ok(run) => Some(Triggered { outcome: TriggerOutcome::Started, run: Some(run) }),
                    Err(error) if is_race(&error) => None,
                    Err(error) => return Err(error),
                },
                Step::Write(state) => {
                    let buffered = state.buffered_ms == Some(due_ms);
                    let outcome = if buffered { TriggerOutcome::Buffered } else { TriggerOutcome::Skipped };
                    let written = self.write_schedule(change(tenant, &row, row.spec.clone(), *state)).await?;
                    written.then_some(Triggered { outcome, run: None })
                }
                Step::Rest => None,
            };
            if let Some(done) = done {
                self.inner.schedule_hint.notify_one();
                return Ok(done);
            }
        }
        Err(StoreError::ScheduleChanged(id.clone()).into())
    }

    /// Changes the row of a schedule, again where somebody else was quicker.
    async fn edit_schedule(
        &self,
        tenant: &Tenant,
        id: &ScheduleId,
        edit: impl Fn(&mut Schedule, u64) -> Result<(), Error>,
    ) -> Result<ScheduleDescription, Error> {
        self.inner.check_ready()?;
        for _ in 0..TRIES {
            let before = self.schedule_row(tenant, id).await?;
            let now_ms = self.inner.clock.now_ms();
            let mut row = before.clone();
            edit(&mut row, now_ms)?;
            row.state.updated_ms = now_ms;
            row.state.wake_ms = self.wake_of(&row).await?;
            if self.write_schedule(change(tenant, &before, row.spec, row.state)).await? {
                self.inner.schedule_hint.notify_one();
                return self.describe_schedule(tenant, id).await;
            }
        }
        Err(StoreError::ScheduleChanged(id.clone()).into())
    }

    /// When a schedule has to be looked at. Checks its specification.
    async fn wake_of(&self, row: &Schedule) -> Result<Option<u64>, Error> {
        let row = row.clone();
        aside(move || Times::of(&row.id, &row.spec).map(|times| plan::wake(&row.state, &times))).await?
    }
}

fn check_input(spec: &ScheduleSpec) -> Result<(), Error> {
    let bytes = spec.input.len();
    if bytes > MAX_INPUT_BYTES {
        let message = format!(
            "the input has {bytes} bytes, the limit is {MAX_INPUT_BYTES} for a schedule: pass a reference instead"
        );
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    Ok(())
}
