//! Where a history is cut in two: always between two steps, for a step's outputs follow from one input, so a replay makes all of them.

use abide_model::{
    CallIndex, CallKind, CallRequested, Error, ErrorCode, Event, Recorded, RecordedRequest, Run, Seq, Source,
};

/// A history.
pub(crate) type History = [(Seq, Recorded)];

/// Where a fork begins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    /// The first event that is not shared.
    pub(super) at: usize,
    /// The call that is given an outcome, if one is.
    pub(super) call: Option<Target>,
}

/// A call that is given an outcome.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Target {
    pub(super) call: CallIndex,
    pub(super) kind: CallKind,
    pub(super) request: RecordedRequest,
}

/// The place of the event that somebody named: the events before it are kept.
pub(crate) fn place(run: &Run, history: &History, event: Seq) -> Result<usize, Error> {
    let end = end(history);
    let asked = usize::try_from(event).ok().filter(|event| (1..=end).contains(event));
    asked.ok_or_else(|| {
        invalid(run, format!("`event`: {event} is not between 1 and {end}: `abide history {}` shows them", run.id))
    })
}

/// The latest place, `asked` at most, where no step is cut in two.
pub(crate) fn whole_steps(history: &History, asked: usize) -> usize {
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

/// Where the fork at `event` begins that only goes on.
pub(super) fn before(run: &Run, history: &History, event: Seq) -> Result<Cut, Error> {
    Ok(Cut { at: whole_steps(history, place(run, history, event)?), call: None })
}

/// Where the fork begins in which the call that `event` requested or completed has another outcome.
pub(super) fn with_outcome(run: &Run, history: &History, event: Seq) -> Result<Cut, Error> {
    let found = usize::try_from(event).ok().and_then(|at| Some((at, &history.get(at)?.1.event)));
    let (at, requested) = match found {
        Some((at, Event::CallCompleted(completed))) => {
            (whole_steps(history, at), requested(history, completed.call).filter(|_| whole_steps(history, at) == at))
        }
        Some((at, Event::CallRequested(requested))) => (end_of_step(history, at), Some(requested)),
        Some((_, other)) => {
            let kind = other.kind();
            return Err(invalid(run, format!("`event`: {event} is `{kind}`, and {NEEDED}")));
        }
        None => return Err(invalid(run, format!("`event`: the run has {} events, and {NEEDED}", history.len()))),
    };
    let Some(CallRequested { call, kind, request, .. }) = requested else {
        return Err(invalid(run, format!("`event`: {event} lies within a step: fork the run before it")));
    };
    let (call, kind, request) = (*call, *kind, request.clone());
    if kind.source() == Source::History {
        let message = format!(
            "`event`: {event} is a call of `{kind}`: what it comes back with is another event of the history; fork the run \
             before that, and send the fork what you like"
        );
        return Err(invalid(run, message));
    }
    if at > end(history) {
        return Err(invalid(run, format!("`event`: the run ended in the same step that requested call {call}")));
    }
    let over = |recorded: &Recorded| match &recorded.event {
        Event::CallCompleted(completed) => completed.call == call,
        Event::CallCancelled(cancelled) => cancelled.call == call,
        _ => false,
    };
    match history[..at].iter().find(|(_, recorded)| over(recorded)) {
        Some((seq, recorded)) => {
            let what = recorded.event.kind();
            Err(invalid(run, format!("`event`: call {call} is over before its step ends: event {seq} is `{what}`")))
        }
        None => Ok(Cut { at, call: Some(Target { call, kind, request }) }),
    }
}

const NEEDED: &str = "an outcome is given at one that is `call-requested` or `call-completed`";

fn invalid(run: &Run, message: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, message).about(run.run_id)
}

/// The number of events before the one that ended the run.
fn end(history: &History) -> usize {
    history.iter().position(|(_, recorded)| recorded.event.is_last()).unwrap_or(history.len())
}

fn requested(history: &History, call: CallIndex) -> Option<&CallRequested> {
    history.iter().find_map(|(_, recorded)| match &recorded.event {
        Event::CallRequested(requested) if requested.call == call => Some(requested),
        _ => None,
    })
}

/// The place after the last output of the step that the output at `at` belongs to.
fn end_of_step(history: &History, at: usize) -> usize {
    let step = cause(&history[at].1);
    history.iter().rposition(|(_, recorded)| cause(recorded) == step).unwrap_or(at) + 1
}

fn cause(recorded: &Recorded) -> Option<Seq> {
    match &recorded.event {
        Event::CallRequested(requested) => Some(requested.cause),
        Event::CallCancelled(cancelled) => Some(cancelled.cause),
        Event::UpdateAnswered(answered) => Some(answered.cause),
        Event::MarkerRecorded(marker) => Some(marker.cause),
        Event::RunClosed(closed) => Some(closed.cause),
        Event::RunContinued(continued) => Some(continued.cause),
        _ => None,
    }
}
