//! What stands in each kind of event.

use minicbor::{Decode, Encode};

use super::Seq;
use crate::{
    Attributes, CallIndex, CallKind, CallOptions, CallUsage, CallerId, Configuration, Digest, Failure, GatewayNote,
    Json, Limits, Outcome, ParkReason, RecordedRequest, RunId, Tenant, WorkflowName,
};

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
    /// The rules of its tenant's gateway that keep what they find out of this history.
    #[n(12)]
    pub veil: Option<Json>,
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
    /// The grant by which it was allowed, where it took one.
    #[n(3)]
    pub grant: Option<String>,
    /// What it used, where somebody outside performed it.
    #[n(4)]
    pub usage: Option<CallUsage>,
    /// What the rules of the gateway did to it.
    #[n(5)]
    pub gateway: Option<Vec<GatewayNote>>,
}

impl CallCompleted {
    /// An outcome, of which nothing more is known.
    pub fn new(call: CallIndex, outcome: Outcome, attempts: u32) -> Self {
        Self { call, outcome, attempts, grant: None, usage: None, gateway: None }
    }
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
    /// The run id that the guest was told before, and is told still. Without one it is told that of its own run.
    #[n(2)]
    pub guest_run_id: Option<RunId>,
}

/// See [`Event::RunForked`].
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct RunForked {
    /// The other run.
    #[n(0)]
    pub run_id: RunId,
    /// Its first event that is not shared.
    #[n(1)]
    pub event: Seq,
    /// Whether the outcome that follows was given by who forked the run.
    #[n(2)]
    pub set_outcome: bool,
    /// The run id that the guest was told before, and is told still: its requests may have it.
    #[n(3)]
    pub guest_run_id: RunId,
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
