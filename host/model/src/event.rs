//! Events: the rows of a run's history.
//!
//! Events are of two sorts. *Inputs* come from outside (the start, outcomes, signals, a request to cancel); the guest is given them
//! one at a time, in the order of the history. *Outputs* are what the guest did about them (calls, cancelled calls, its
//! end); each names the input that caused it. Inputs may be recorded ahead of the outputs that earlier inputs
//! cause, so the two sorts interleave freely, but the order within each sort is the run's.
//!
//! The stored form is CBOR (RFC 8949) by the indices given here. An index is never used a second time for something else; new
//! fields are optional and come last.

use minicbor::{Decode, Encode};

use crate::{
    Attributes, CallIndex, CallKind, CallOptions, CallerId, Configuration, Digest, Failure, Json, Limits, Outcome,
    ParkReason, RecordedRequest, RunId, Tenant, WorkflowName,
};

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
            | Self::CallDeferred(_)
            | Self::RunPinned(_) => false,
        }
    }

    /// Whether no event may follow it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::RunClosed(_) | Self::RunTerminated(_) | Self::RunContinued(_) | Self::RunTimedOut(_))
    }
}

/// See [`Event::RunStarted`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunStarted {
    /// Whose.
    #[n(0)]
    pub tenant: Tenant,
    /// Of which workflow.
    #[n(1)]
    pub workflow: WorkflowName,
    /// On which component.
    #[n(2)]
    pub version: Digest,
    /// What the caller calls it.
    #[n(3)]
    pub id: CallerId,
    /// With what.
    #[n(4)]
    pub input: Json,
    /// The seed of the run's random numbers.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub seed: [u8; 32],
    /// Within which limits.
    #[n(6)]
    pub limits: Limits,
    /// The run that started it as its child.
    #[n(7)]
    pub parent: Option<Parent>,
    /// The run that went on as this one.
    #[n(8)]
    pub continued_from: Option<RunId>,
    /// How long it may take.
    #[n(9)]
    pub run_timeout_ms: Option<u64>,
    /// What it can be found by at first.
    #[n(10)]
    pub attributes: Attributes,
    /// How its version was configured when it started.
    #[n(11)]
    pub configuration: Option<Configuration>,
}

/// The run that started another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, serde::Serialize, serde::Deserialize)]
pub struct Parent {
    /// The parent.
    #[n(0)]
    pub run_id: RunId,
    /// The child as its parent knows it: its first run, where it went on as others.
    #[n(1)]
    pub child: RunId,
}

/// See [`Event::CallRequested`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct CallRequested {
    /// The call's number.
    #[n(0)]
    pub call: CallIndex,
    /// The input after which the guest made it.
    #[n(1)]
    pub cause: Seq,
    /// What it asks for.
    #[n(2)]
    pub kind: CallKind,
    /// With what.
    #[n(3)]
    pub request: RecordedRequest,
    /// And how.
    #[n(4)]
    pub options: CallOptions,
}

/// See [`Event::CallCompleted`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct CallCompleted {
    /// The call's number.
    #[n(0)]
    pub call: CallIndex,
    /// What it came back with.
    #[n(1)]
    pub outcome: Outcome,
    /// How often it was tried by the host that completed it.
    #[n(2)]
    pub attempts: u32,
}

/// See [`Event::CallCancelled`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct CallCancelled {
    /// The call's number.
    #[n(0)]
    pub call: CallIndex,
    /// The input after which the guest dropped it.
    #[n(1)]
    pub cause: Seq,
}

/// See [`Event::SignalReceived`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct SignalReceived {
    /// The signal's name.
    #[n(0)]
    pub name: String,
    /// What it says.
    #[n(1)]
    pub payload: Json,
    /// The sender's idempotency key.
    #[n(2)]
    pub key: Option<String>,
}

/// See [`Event::CancelRequested`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct CancelRequested {
    /// Why, in the words of who asked.
    #[n(0)]
    pub reason: String,
}

/// See [`Event::VersionChanged`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct VersionChanged {
    /// The new version.
    #[n(0)]
    pub version: Digest,
    /// Of a swap: the last input before it. The new version did what the history says up to there, and nothing more; so it does in every
    /// later replay.
    #[n(1)]
    pub settled: Option<Seq>,
}

/// See [`Event::RunPinned`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunPinned {
    /// Whether it stays.
    #[n(0)]
    pub pinned: bool,
}

/// See [`Event::RunParked`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunParked {
    /// Why.
    #[n(0)]
    pub reason: ParkReason,
}

/// See [`Event::RunResumed`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunResumed {}

/// See [`Event::RunClosed`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunClosed {
    /// The input after which the workflow ended.
    #[n(0)]
    pub cause: Seq,
    /// What it gave.
    #[n(1)]
    pub outcome: Outcome,
    /// Whether it failed as `cancelled` after it was asked to end.
    #[n(2)]
    pub cancelled: bool,
}

/// See [`Event::RunTerminated`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunTerminated {
    /// Why, in the words of who did it.
    #[n(0)]
    pub reason: String,
}

/// See [`Event::UpdateReceived`]. As JSON it is what `updates.receive` gives.
#[derive(Debug, Clone, PartialEq, Encode, Decode, serde::Serialize, serde::Deserialize)]
pub struct UpdateReceived {
    /// What its sender calls it; an update of a run comes once.
    #[n(0)]
    pub id: String,
    /// What is asked for.
    #[n(1)]
    pub name: String,
    /// With what.
    #[n(2)]
    pub arguments: Json,
}

/// See [`Event::UpdateAnswered`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct UpdateAnswered {
    /// Which update.
    #[n(0)]
    pub id: String,
    /// The input after which the guest said it.
    #[n(1)]
    pub cause: Seq,
    /// What it said.
    #[n(2)]
    pub answer: UpdateAnswer,
}

/// What a guest says to an update.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub enum UpdateAnswer {
    /// It will be done.
    #[n(0)]
    Accepted,
    /// It will not be done. Nothing more is said of it.
    #[n(1)]
    Rejected(#[n(0)] Failure),
    /// It was done, or it failed. Nothing more is said of it.
    #[n(2)]
    Completed(#[n(0)] Outcome),
}

/// See [`Event::MarkerRecorded`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct MarkerRecorded {
    /// What the code calls it.
    #[n(0)]
    pub id: String,
    /// The input after which it was recorded: it counts from there on.
    #[n(1)]
    pub cause: Seq,
    /// The value; `true` of a patch.
    #[n(2)]
    pub value: Json,
}

/// See [`Event::RunContinued`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunContinued {
    /// The input after which the workflow ended.
    #[n(0)]
    pub cause: Seq,
    /// What the new run begins with.
    #[n(1)]
    pub input: Json,
    /// The new run.
    #[n(2)]
    pub run_id: RunId,
}

/// See [`Event::RunTimedOut`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunTimedOut {
    /// How long it was allowed to take.
    #[n(0)]
    pub run_timeout_ms: u64,
}

/// See [`Event::RunReset`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunReset {
    /// The other run.
    #[n(0)]
    pub run_id: RunId,
    /// Its first event that was not copied.
    #[n(1)]
    pub event: Seq,
}

impl From<&RunTimedOut> for Failure {
    fn from(timed_out: &RunTimedOut) -> Self {
        Self::new("timed-out", format!("the run took longer than its {} ms", timed_out.run_timeout_ms))
    }
}

/// See [`Event::CallDeferred`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct CallDeferred {
    /// The call's number.
    #[n(0)]
    pub call: CallIndex,
    /// The attempt whose token the answer will carry.
    #[n(1)]
    pub attempt: u32,
}

/// A failure as the reason of an end, for the row of a run.
impl From<&RunTerminated> for Failure {
    fn from(terminated: &RunTerminated) -> Self {
        Self::new("terminated", terminated.reason.clone())
    }
}
