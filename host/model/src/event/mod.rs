//! Events: the rows of a run's history.
//!
//! Events are of two sorts. *Inputs* come from outside (the start, outcomes, signals, a request to cancel); the guest is given them
//! one at a time, in the order of the history. *Outputs* are what the guest did about them (calls, cancelled calls, its
//! end); each names the input that caused it. Inputs may be recorded ahead of the outputs that earlier inputs
//! cause, so the two sorts interleave freely, but the order within each sort is the run's.
//!
//! The stored form is CBOR (RFC 8949) by the indices given here. An index is never used a second time for something else; new
//! fields are optional and come last.

mod payload;
mod size;

use minicbor::{Decode, Encode};

use crate::Outcome;

pub use payload::*;

/// The place of an event in its history, from 0.
pub type Seq = u64;

/// An event with the time at which the host recorded it.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Recorded {
    /// When.
    #[n(0)]
    pub time_ms: u64,
    /// What.
    #[n(1)]
    pub event: Event,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum Event {
    /// Input: the run started.
    #[n(0)]
    RunStarted(#[n(0)] Box<RunStarted>),
    /// Output: the guest made a call.
    #[n(1)]
    CallRequested(#[n(0)] CallRequested),
    /// Input: a call came back.
    #[n(2)]
    CallCompleted(#[n(0)] CallCompleted),
    /// Output: the guest dropped a call that it waited for. Its outcome is not recorded after this.
    #[n(3)]
    CallCancelled(#[n(0)] CallCancelled),
    /// Input: a signal came.
    #[n(4)]
    SignalReceived(#[n(0)] SignalReceived),
    /// Input: somebody asked the run to end.
    #[n(5)]
    CancelRequested(#[n(0)] CancelRequested),
    /// From here on, the whole history is replayed on this version.
    #[n(6)]
    VersionChanged(#[n(0)] VersionChanged),
    /// The run stopped and waits for a person.
    #[n(7)]
    RunParked(#[n(0)] RunParked),
    /// It goes on.
    #[n(8)]
    RunResumed(#[n(0)] RunResumed),
    /// Output: the workflow gave its result, or failed. The last event.
    #[n(9)]
    RunClosed(#[n(0)] RunClosed),
    /// Somebody ended the run without asking it. The last event.
    #[n(10)]
    RunTerminated(#[n(0)] RunTerminated),
    /// Input: somebody asks the run for something and waits for its answer.
    #[n(11)]
    UpdateReceived(#[n(0)] UpdateReceived),
    /// Output: what the guest said to an update.
    #[n(12)]
    UpdateAnswered(#[n(0)] UpdateAnswered),
    /// Output: a value that the code gave once and that counts from then on, whatever the code gives later: `versions.patched`
    /// and `versions.record`.
    #[n(13)]
    MarkerRecorded(#[n(0)] MarkerRecorded),
    /// Output: the workflow goes on as a new run. The last event.
    #[n(14)]
    RunContinued(#[n(0)] RunContinued),
    /// The time of the run was over. The last event.
    #[n(15)]
    RunTimedOut(#[n(0)] RunTimedOut),
    /// What stands before this was copied from another run.
    #[n(16)]
    RunReset(#[n(0)] RunReset),
    /// What stands before this is shared with another run, which this one was forked from.
    #[n(17)]
    RunForked(#[n(0)] RunForked),
    /// Whoever performs a call will answer it later: from here on it is waited for, and no attempt is begun again.
    #[n(20)]
    CallDeferred(#[n(0)] CallDeferred),
    /// The run stays on its version from here on, or no longer does.
    #[n(21)]
    RunPinned(#[n(0)] RunPinned),
}

impl Event {
    /// The kind, as users see it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted(_) => "run-started",
            Self::CallRequested(_) => "call-requested",
            Self::CallCompleted(_) => "call-completed",
            Self::CallCancelled(_) => "call-cancelled",
            Self::SignalReceived(_) => "signal-received",
            Self::CancelRequested(_) => "cancel-requested",
            Self::VersionChanged(_) => "version-changed",
            Self::RunParked(_) => "run-parked",
            Self::RunResumed(_) => "run-resumed",
            Self::RunClosed(closed) => match closed.outcome {
                Outcome::Ok(_) => "run-completed",
                Outcome::Failed(_) if closed.cancelled => "run-cancelled",
                Outcome::Failed(_) => "run-failed",
            },
            Self::RunTerminated(_) => "run-terminated",
            Self::UpdateReceived(_) => "update-received",
            Self::UpdateAnswered(answered) => match answered.answer {
                UpdateAnswer::Accepted => "update-accepted",
                UpdateAnswer::Rejected(_) => "update-rejected",
                UpdateAnswer::Completed(_) => "update-completed",
            },
            Self::MarkerRecorded(_) => "marker-recorded",
            Self::RunContinued(_) => "run-continued",
            Self::RunTimedOut(_) => "run-timed-out",
            Self::RunReset(_) => "run-reset",
            Self::RunForked(_) => "run-forked",
            Self::CallDeferred(_) => "call-deferred",
            Self::RunPinned(pinned) => match pinned.pinned {
                true => "run-pinned",
                false => "run-unpinned",
            },
        }
    }

    /// Whether the guest is given it.
    pub fn is_input(&self) -> bool {
        match self {
            Self::RunStarted(_)
            | Self::CallCompleted(_)
            | Self::SignalReceived(_)
            | Self::CancelRequested(_)
            | Self::UpdateReceived(_) => true,
            Self::CallRequested(_)
            | Self::CallCancelled(_)
            | Self::VersionChanged(_)
            | Self::RunParked(_)
            | Self::RunResumed(_)
            | Self::RunClosed(_)
            | Self::RunTerminated(_)
            | Self::UpdateAnswered(_)
            | Self::MarkerRecorded(_)
            | Self::RunContinued(_)
            | Self::RunTimedOut(_)
            | Self::RunReset(_)
            | Self::RunForked(_)
            | Self::CallDeferred(_)
            | Self::RunPinned(_) => false,
        }
    }

    /// Whether no event may follow it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::RunClosed(_) | Self::RunTerminated(_) | Self::RunContinued(_) | Self::RunTimedOut(_))
    }
}
