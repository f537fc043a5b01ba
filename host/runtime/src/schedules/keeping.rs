//! The task that starts runs when their schedules are due. It sleeps until the next one; a hint wakes it when a schedule
//! changed, and it looks every second whatever the hints say, for a clock that was put forward is noticed by looking only.

use std::time::Duration;

use abide_history::DueSchedule;
use abide_model::{EndRun, Error, ErrorCode, RunRef, Schedule, ScheduleFailure, ScheduleState, Tenant};
use futures_util::stream::{self, StreamExt};

use super::plan::{self, Step};
use super::{change, is_race, with_times};
use crate::Host;

/// How many schedules are read at a time.
const PAGE_SCHEDULES: usize = 256;
/// How many schedules are worked on at the same time: their commits share disk syncs.
const AT_ONCE: usize = 32;
/// How many steps a schedule makes before the others have their turn.
const STEPS_A_TURN: usize = 32;
/// The store is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same while something waits for a run to end.
const LOOK_SOON: Duration = Duration::from_millis(250);

/// What is left to do about a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing before it is due again.
    Nothing,
    /// It waits for a run to end.
    Waits,
    /// There is more to do now.
    More,
}

/// Starts runs until the host stops.
pub(crate) async fn keep(host: Host) {
    loop {
        let wait = match look(&host).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(%error, "the schedules cannot be read");
                LOOK_EVERY
            }
        };
        tokio::select! {
            () = host.inner.stopping.cancelled() => return,
            () = host.inner.schedule_hint.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Does what is to be done now, and says how long to sleep.
async fn look(host: &Host) -> Result<Duration, Error> {
    let store = &host.inner.store;
    let now_ms = host.inner.clock.now_ms();
    let (mut after, mut waits, mut more) = (None, false, false);
    loop {
        let page = store.due_schedules(now_ms, after.as_ref(), PAGE_SCHEDULES).await.inspect_err(|error| {
            host.inner.fail(error);
        })?;
        let Some(last) = page.last().cloned() else { break };
        let mut done = stream::iter(page).map(|due| turn(host, due)).buffer_unordered(AT_ONCE);
        while let Some(left) = done.next().await {
            waits |= left == Left::Waits;
            more |= left == Left::More;
        }
        if host.inner.stopping.is_cancelled() {
            return Ok(LOOK_EVERY);
        }
        after = Some(last);
    }
    if more {
        return Ok(Duration::ZERO);
    }
    let next_ms = store.next_schedule(now_ms).await?.unwrap_or(u64::MAX);
    let until_next = Duration::from_millis(next_ms.saturating_sub(host.inner.clock.now_ms()));
    Ok(until_next.min(if waits { LOOK_SOON } else { LOOK_EVERY }))
}

/// Some steps of one schedule. What goes wrong with it does not concern the others.
async fn turn(host: &Host, due: DueSchedule) -> Left {
    match steps(host, &due).await {
        Ok(left) => left,
        Err(error) => {
            if !host.inner.stopping.is_cancelled() {
                tracing::error!(schedule = %due.id, %error, "a schedule cannot be kept: it is looked at again in a second");
            }
            Left::Nothing
        }
    }
}

async fn steps(host: &Host, due: &DueSchedule) -> Result<Left, Error> {
    for _ in 0..STEPS_A_TURN {
        if host.inner.stopping.is_cancelled() {
            return Ok(Left::Nothing);
        }
        let Some(schedule) = host.inner.store.schedule(&due.tenant, &due.id).await? else { return Ok(Left::Nothing) };
        let state = host.state_now(&due.tenant, &schedule).await?;
        make_room(host, &due.tenant, &schedule, &state).await?;
        let (row, now_ms) = (schedule.clone(), host.inner.clock.now_ms());
        let planned = with_times(&schedule.id, &schedule.spec, move |times| {
            let mut step = plan::next(&row, state, times, now_ms);
            if let Step::Write(state) | Step::Start { state, .. } = &mut step {
                state.wake_ms = plan::wake(state, times);
            }
            step
        });
        match planned.await {
            Ok(Step::Rest) if schedule.state.wake_ms == Some(0) => return Ok(Left::Waits),
            Ok(Step::Rest) => return Ok(Left::Nothing),
            Ok(Step::Write(state)) => {
                host.write_schedule(change(&due.tenant, &schedule, schedule.spec.clone(), *state)).await?;
            }
            Ok(Step::Start { state, due_ms }) => start(host, &due.tenant, &schedule, *state, due_ms).await?,
            // It was checked when it came: this release, or its time zones, are others.
            Err(error) if error.code == ErrorCode::InvalidArgument => {
                give_up(host, &due.tenant, &schedule, &error, now_ms).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Left::More)
}

/// Starts a run. A start that cannot succeed is counted, and the schedule goes on.
async fn start(
    host: &Host,
    tenant: &Tenant,
    schedule: &Schedule,
    mut state: ScheduleState,
    due_ms: u64,
) -> Result<(), Error> {
    let error = match host.start_due(tenant, schedule, &state, due_ms).await {
        Ok(_) => return Ok(()),
        Err(error) if is_race(&error) => return Ok(()),
        Err(error) => error,
    };
    let refused = matches!(
        error.code,
        ErrorCode::WorkflowNotFound
            | ErrorCode::VersionNotFound
            | ErrorCode::InvalidArgument
            | ErrorCode::TooLarge
            | ErrorCode::LimitExceeded
    );
    if !refused {
        return Err(error);
    }
    tracing::warn!(schedule = %schedule.id, due = super::format_time(due_ms), %error, "a scheduled run did not start");
    plan::failed(&mut state, due_ms, error.message);
    host.write_schedule(change(tenant, schedule, schedule.spec.clone(), state)).await?;
    Ok(())
}

/// Pauses a schedule whose specification cannot be read any more.
async fn give_up(host: &Host, tenant: &Tenant, schedule: &Schedule, error: &Error, now_ms: u64) -> Result<(), Error> {
    tracing::error!(schedule = %schedule.id, %error, "a schedule is paused: its specification is not valid");
    let mut state = schedule.state.clone();
    (state.paused, state.wake_ms, state.buffered_ms) = (true, None, None);
    state.backfills.clear();
    state.last_failure = Some(ScheduleFailure { due_ms: now_ms, message: error.message.clone() });
    host.write_schedule(change(tenant, schedule, schedule.spec.clone(), state)).await?;
    Ok(())
}

/// Ends the runs that are to make room for the next one. What was asked and did not come through is asked again.
async fn make_room(host: &Host, tenant: &Tenant, schedule: &Schedule, state: &ScheduleState) -> Result<(), Error> {
    for open in &state.open {
        let run = RunRef::Run(open.run_id);
        let reason = format!("the schedule `{}` starts its next run", schedule.id);
        let ended = match open.end {
            None => continue,
            Some(EndRun::Terminate) => host.terminate(tenant, &run, &reason).await,
            Some(EndRun::Cancel) => {
                let asked = host.inner.store.run(tenant, open.run_id).await?.is_none_or(|row| row.cancel_requested);
                if asked {
                    continue;
                }
                host.cancel(tenant, &run, &reason).await
            }
        };
        match ended {
            Ok(_) => {}
            Err(error) if error.code == ErrorCode::RunClosed => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
