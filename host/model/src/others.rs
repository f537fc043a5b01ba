//! What a run asks of the host about other runs: the requests and outcomes of `children` and `runs`, as they are recorded.

use serde::{Deserialize, Serialize};

use crate::{CallIndex, CallerId, Digest, Json, RunId, WorkflowName};

/// What happens to a child that is open when its parent has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentClose {
    /// It is asked to end.
    #[default]
    Cancel,
    /// It is ended.
    Terminate,
    /// Nothing.
    Abandon,
}

/// `children.start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartChild {
    /// Of which workflow.
    pub workflow: WorkflowName,
    /// With what.
    pub input: Json,
    /// What to call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CallerId>,
    /// On which version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What happens to it when the parent has ended.
    #[serde(default)]
    pub parent_close: ParentClose,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_timeout_ms: Option<u64>,
}

/// The outcome of `children.start`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildStarted {
    /// What it is called.
    pub id: CallerId,
    /// What the host calls it.
    pub run_id: RunId,
}

/// `children.await-result`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AwaitChild {
    /// The child.
    pub run_id: RunId,
}

/// `runs.signal`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalRun {
    /// A run id or an id.
    pub run: String,
    /// The signal's name.
    pub name: String,
    /// What it says.
    pub payload: Json,
}

/// `runs.cancel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelRun {
    /// A run id or an id.
    pub run: String,
    /// Why.
    pub reason: String,
}

/// The run id of the child that a call starts. It follows from parent and call, so that a start that is made again after a crash finds the
/// child that it made before.
pub fn child_run_id(parent: RunId, call: CallIndex, requested_ms: u64) -> RunId {
    derived_run_id(parent, b"child", u64::from(call), requested_ms)
}

/// The run id of the run that a run goes on as.
pub fn next_run_id(run: RunId, time_ms: u64) -> RunId {
    derived_run_id(run, b"next", 0, time_ms)
}

fn derived_run_id(from: RunId, what: &[u8], number: u64, time_ms: u64) -> RunId {
    let digest = Digest::of_parts([&from.to_bytes()[..], what, &number.to_be_bytes()[..]]);
    let (random, _) = digest.as_bytes().split_first_chunk::<16>().expect("a digest has 32 bytes");
    RunId::new(time_ms, u128::from_be_bytes(*random))
}
