//! How large what is recorded is: what limits and quotas count. It is the bytes of texts, with something for the rest; how a store packs
//! them is its own affair, and decides nothing.

use super::{Event, Recorded, UpdateAnswer};
use crate::{Failure, Outcome, RecordedRequest};

/// What counts for an event beside its texts.
const EVENT_BYTES: u64 = 64;

impl Failure {
    /// The bytes of its texts.
    pub fn bytes(&self) -> u64 {
        (self.code.len() + self.message.len() + self.details.as_ref().map_or(0, crate::Json::len)) as u64
    }
}

impl Outcome {
    /// The bytes of its texts.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Ok(value) => value.len() as u64,
            Self::Failed(failure) => failure.bytes(),
        }
    }
}

impl UpdateAnswer {
    /// The bytes of its texts.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Accepted => 0,
            Self::Rejected(failure) => failure.bytes(),
            Self::Completed(outcome) => outcome.bytes(),
        }
    }
}

impl Recorded {
    /// What it adds to the size of a history. A request that is stored beside it is not in it.
    pub fn bytes(&self) -> u64 {
        let texts = match &self.event {
            Event::RunStarted(started) => started.input.len() as u64,
            Event::CallRequested(requested) => match &requested.request {
                RecordedRequest::Inline(request) => request.len() as u64,
                RecordedRequest::Stored(..) => EVENT_BYTES,
            },
            Event::CallCompleted(completed) => completed.outcome.bytes(),
            Event::SignalReceived(signal) => (signal.name.len() + signal.payload.len()) as u64,
            Event::CancelRequested(cancel) => cancel.reason.len() as u64,
            Event::RunParked(parked) => {
                let frames: usize = parked.reason.backtrace.iter().map(String::len).sum();
                (parked.reason.message.len() + frames) as u64
            }
            Event::RunClosed(closed) => closed.outcome.bytes(),
            Event::RunTerminated(terminated) => terminated.reason.len() as u64,
            Event::UpdateReceived(update) => (update.id.len() + update.name.len() + update.arguments.len()) as u64,
            Event::UpdateAnswered(answered) => answered.answer.bytes(),
            Event::MarkerRecorded(marker) => (marker.id.len() + marker.value.len()) as u64,
            Event::RunContinued(continued) => continued.input.len() as u64,
            Event::CallCancelled(_)
            | Event::VersionChanged(_)
            | Event::RunResumed(_)
            | Event::RunTimedOut(_)
            | Event::RunReset(_)
            | Event::RunForked(_)
            | Event::CallDeferred(_)
            | Event::RunPinned(_) => 0,
        };
        EVENT_BYTES + texts
    }
}
