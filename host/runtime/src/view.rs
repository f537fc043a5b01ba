//! What the host shows of workflows, runs and histories: the JSON of the HTTP interface and of `-o json`.

use std::collections::BTreeMap;

use abide_history::{RunPage, Version};
use abide_model::{
    CallIndex, CallKind, CallOptions, CallerId, Digest, Event, Json, Outcome, ParkReason, Recorded, Run, RunId, Seq,
    WorkflowName,
};
use serde::{Deserialize, Serialize};

/// A run that is to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// Of which workflow.
    pub workflow: WorkflowName,
    /// What the caller calls it; without one the host makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CallerId>,
    /// With what; `null` without.
    #[serde(default = "Json::null")]
    pub input: Json,
    /// On which version: a digest, or 8 or more of its first digits. Without one, the active version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What to do while a run of that id is open.
    #[serde(default)]
    pub if_running: IfRunning,
}

/// What to do while a run of the same id is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfRunning {
    /// Refuse, and name the open run.
    #[default]
    Reject,
    /// Answer with the open run.
    Use,
}

/// The answer to a start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Started {
    /// The run.
    pub run: Run,
    /// Whether this start made it.
    pub created: bool,
}

/// The answer to an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployed {
    /// The version.
    pub version: Version,
    /// Whether it was not there before.
    pub created: bool,
}

/// A workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name.
    pub name: WorkflowName,
    /// The version that new runs take.
    pub active: Digest,
    /// All versions, oldest first.
    pub versions: Vec<Version>,
}

/// A page of runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Runs {
    /// The runs, newest first.
    pub runs: Vec<Run>,
    /// What to give as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RunId>,
}

impl From<RunPage> for Runs {
    fn from(page: RunPage) -> Self {
        Self { runs: page.runs, next: page.next }
    }
}

/// A run in detail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Description {
    /// Its row.
    pub run: Run,
    /// How many events its history has.
    pub history_length: Seq,
    /// The calls that it waits for.
    pub open_calls: Vec<OpenCall>,
    /// Signals that came and were not received, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buffered_signals: BTreeMap<String, u64>,
    /// What it published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, Json>,
    /// Whether its guest is in memory now.
    pub resident: bool,
}

/// A call that has no outcome yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenCall {
    /// Its number.
    pub call: CallIndex,
    /// The event that requested it.
    pub event: Seq,
    /// What it asks for.
    pub kind: CallKind,
    /// With what, cut short for people.
    pub summary: String,
    /// Since when.
    pub since_ms: u64,
}

/// A page of a history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct History {
    /// The run.
    pub run_id: RunId,
    /// The events, in order.
    pub events: Vec<HistoryEvent>,
    /// What to give as `from` for the next page; none where this page reaches the present end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Seq>,
    /// Whether no more events can come after the last of this page.
    pub ended: bool,
}

/// An event as users see it. Which fields are there depends on `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Its place, from 0.
    pub seq: Seq,
    /// When the host recorded it.
    pub time_ms: u64,
    /// Such as `call-requested`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of an output: the input after which the guest did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Seq>,
    /// The number of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallIndex>,
    /// What the call asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_kind: Option<CallKind>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Json>,
    /// And how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<CallOptions>,
    /// What the call, or the run, came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How often the call was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// The name of a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Json>,
    /// The sender's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Why somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the run is parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkReason>,
    /// The component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Digest>,
    /// The workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowName>,
    /// What the caller calls the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CallerId>,
    /// What the run began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Json>,
}

impl HistoryEvent {
    /// Shows `recorded`. `request` is the whole request of a [`Event::CallRequested`].
    pub fn of(seq: Seq, recorded: &Recorded, request: Option<Json>) -> Self {
        let mut shown = Self {
            seq,
            time_ms: recorded.time_ms,
            kind: recorded.event.kind().to_owned(),
            cause: None,
            call: None,
            call_kind: None,
            request,
            options: None,
            outcome: None,
            attempts: None,
            name: None,
            payload: None,
            key: None,
            reason: None,
            parked: None,
            version: None,
            workflow: None,
            id: None,
            input: None,
        };
        match &recorded.event {
            Event::RunStarted(started) => {
                shown.version = Some(started.version);
                shown.workflow = Some(started.workflow.clone());
                shown.id = Some(started.id.clone());
                shown.input = Some(started.input.clone());
            }
            Event::CallRequested(requested) => {
                shown.call = Some(requested.call);
                shown.cause = Some(requested.cause);
                shown.call_kind = Some(requested.kind);
                shown.options = Some(requested.options.clone()).filter(|options| *options != CallOptions::default());
            }
            Event::CallCompleted(completed) => {
                shown.call = Some(completed.call);
                shown.outcome = Some(completed.outcome.clone());
                shown.attempts = Some(completed.attempts).filter(|attempts| *attempts > 0);
            }
            Event::CallCancelled(cancelled) => {
                shown.call = Some(cancelled.call);
                shown.cause = Some(cancelled.cause);
            }
            Event::SignalReceived(signal) => {
                shown.name = Some(signal.name.clone());
                shown.payload = Some(signal.payload.clone());
                shown.key.clone_from(&signal.key);
            }
            Event::CancelRequested(cancel) => shown.reason = Some(cancel.reason.clone()),
            Event::VersionChanged(changed) => shown.version = Some(changed.version),
            Event::RunParked(parked) => shown.parked = Some(parked.reason.clone()),
            Event::RunResumed(_) => {}
            Event::RunClosed(closed) => {
                shown.cause = Some(closed.cause);
                shown.outcome = Some(closed.outcome.clone());
            }
            Event::RunTerminated(terminated) => shown.reason = Some(terminated.reason.clone()),
            Event::CallDeferred(deferred) => {
                shown.call = Some(deferred.call);
                shown.attempts = Some(deferred.attempt);
            }
        }
        shown
    }
}

/// The answer to a signal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Signalled {
    /// The run.
    pub run_id: RunId,
    /// The event that records it.
    pub event: Seq,
    /// Whether the same idempotency key had sent it before: then nothing was sent now.
    pub duplicate: bool,
}

/// What a replay found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The run.
    pub run_id: RunId,
    /// The component that it was replayed on.
    pub version: Digest,
    /// `identical`, `diverged`, or how the component stopped.
    pub verdict: ReplayVerdict,
    /// How many events were replayed.
    pub events: u64,
    /// Where and why it is not identical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ParkReason>,
    /// A digest over all that the guest did and published and all its log lines, in order: equal for equal replays.
    pub trace: Digest,
    /// The log lines of the guest, oldest first (the last 1000).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// How long it took, in microseconds.
    pub micros: u64,
}

/// How a replay went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayVerdict {
    /// The component did exactly what the history says.
    Identical,
    /// It did something else.
    Diverged,
    /// It trapped or met a limit.
    Stopped,
}
