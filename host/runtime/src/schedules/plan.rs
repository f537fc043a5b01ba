//! What is to be done next about a schedule, as a function of values: its row, the time, and which of its runs are open. Who
//! asks does it, and asks again, until there is nothing left.

use abide_model::{
    CallerId, EndRun, OpenRun, OverlapPolicy, Run, Schedule, ScheduleFailure, ScheduleState, ScheduledRun,
};

use super::times::Times;

/// How many runs a row remembers.
const RECENT_RUNS: usize = 10;
/// How many open runs a row follows. With `allow_all` there may be more: the oldest are forgotten.
const OPEN_RUNS: usize = 100;
/// How many due times are counted as missed at once. What is missed beyond that is passed over without being counted.
const MISSED_AT_ONCE: u64 = 10_000;

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Nothing.
    Rest,
    /// Write the row: no run starts.
    Write(Box<ScheduleState>),
    /// Start a run and write the row, which takes note of the run, in one commit.
    Start { state: Box<ScheduleState>, due_ms: u64 },
}

/// What is to be done about a schedule at `now_ms`, whose runs in `state.open` are open.
pub(super) fn next(schedule: &Schedule, mut state: ScheduleState, times: &Times, now_ms: u64) -> Step {
    if let Some(due_ms) = state.buffered_ms.filter(|_| state.open.is_empty()) {
        state.buffered_ms = None;
        return Step::Start { state: Box::new(state), due_ms };
    }
    if let Some(due_ms) = next_due(&state, times).filter(|due_ms| times.starts_at(*due_ms) <= now_ms) {
        let window_ms = schedule.spec.catchup_window_ms;
        if times.starts_at(due_ms).saturating_add(window_ms) < now_ms {
            return miss(state, times, now_ms - window_ms);
        }
        state.done_until_ms = due_ms;
        return overlap(state, due_ms, schedule.spec.overlap);
    }
    if let Some(backfill) = state.backfills.first().copied() {
        let due_ms = times.next_after(backfill.from_ms.saturating_sub(1)).filter(|due_ms| *due_ms <= backfill.to_ms);
        let Some(due_ms) = due_ms else {
            state.backfills.remove(0);
            return Step::Write(Box::new(state));
        };
        // The runs of a backfill need not hurry: with `buffer_one` each waits for the one before.
        if backfill.overlap != OverlapPolicy::BufferOne || (state.open.is_empty() && state.buffered_ms.is_none()) {
            state.backfills[0].from_ms = due_ms + 1;
            return overlap(state, due_ms, backfill.overlap);
        }
    }
    // A newer database of time zones, for example, may have moved the due times.
    if wake(&state, times) == schedule.state.wake_ms { Step::Rest } else { Step::Write(Box::new(state)) }
}

/// What the overlap policy makes of a due time.
pub(super) fn overlap(mut state: ScheduleState, due_ms: u64, policy: OverlapPolicy) -> Step {
    let end = match policy {
        _ if state.open.is_empty() && state.buffered_ms.is_none() => {
            return Step::Start { state: Box::new(state), due_ms };
        }
        OverlapPolicy::AllowAll => return Step::Start { state: Box::new(state), due_ms },
        OverlapPolicy::BufferOne if state.buffered_ms.is_none() => None,
        OverlapPolicy::Skip | OverlapPolicy::BufferOne => {
            state.counts.skipped += 1;
            return Step::Write(Box::new(state));
        }
        OverlapPolicy::CancelOther => Some(EndRun::Cancel),
        OverlapPolicy::TerminateOther => Some(EndRun::Terminate),
    };
    if state.buffered_ms.replace(due_ms).is_some() {
        state.counts.skipped += 1;
    }
    for open in &mut state.open {
        open.end = end.or(open.end);
    }
    Step::Write(Box::new(state))
}

/// Passes over the due times whose window closed before `until_ms`.
fn miss(mut state: ScheduleState, times: &Times, until_ms: u64) -> Step {
    for _ in 0..MISSED_AT_ONCE {
        match next_due(&state, times) {
            Some(due_ms) if times.starts_at(due_ms) < until_ms => {
                state.done_until_ms = due_ms;
                state.counts.missed += 1;
            }
            _ => return Step::Write(Box::new(state)),
        }
    }
    state.done_until_ms = state.done_until_ms.max(until_ms.saturating_sub(1));
    Step::Write(Box::new(state))
}

fn next_due(state: &ScheduleState, times: &Times) -> Option<u64> {
    if state.paused { None } else { times.next_after(state.done_until_ms) }
}

/// When the host has to look at a schedule in this state.
pub(super) fn wake(state: &ScheduleState, times: &Times) -> Option<u64> {
    let waits =
        state.buffered_ms.is_some() || !state.backfills.is_empty() || state.open.iter().any(|open| open.end.is_some());
    if waits { Some(0) } else { next_due(state, times).map(|due_ms| times.starts_at(due_ms)) }
}

/// Takes note of a run that was started.
pub(super) fn started(state: &mut ScheduleState, run: &Run, due_ms: u64) {
    state.counts.started += 1;
    found(state, run, due_ms);
}

/// Takes note of a run that is there already.
pub(super) fn found(state: &mut ScheduleState, run: &Run, due_ms: u64) {
    if state.recent.iter().any(|recent| recent.run_id == run.run_id) {
        return;
    }
    state.recent.push(ScheduledRun { run_id: run.run_id, id: run.id.clone(), due_ms });
    keep_last(&mut state.recent, RECENT_RUNS);
    if run.status.is_open() && state.open.iter().all(|open| open.run_id != run.run_id) {
        state.open.push(OpenRun { run_id: run.run_id, end: None });
        keep_last(&mut state.open, OPEN_RUNS);
    }
}

/// Takes note of a start that failed.
pub(super) fn failed(state: &mut ScheduleState, due_ms: u64, message: String) {
    state.counts.failed += 1;
    state.last_failure = Some(ScheduleFailure { due_ms, message });
}

fn keep_last<T>(items: &mut Vec<T>, count: usize) {
    items.drain(..items.len().saturating_sub(count));
}

/// The id of the run of a due time.
pub(super) fn run_id_of(schedule: &Schedule, due_ms: u64) -> Result<CallerId, abide_model::Error> {
    CallerId::parse(&format!("{}-{}", schedule.id, super::times::format_time(due_ms)))
}
