//! What the host shows of workflows, runs and histories: the JSON of the HTTP interface and of `-o json`.

mod batch;
mod schedules;

use std::collections::BTreeMap;

use abide_history::{RunPage, Version};
use abide_model::{
    Attributes, CallIndex, CallKind, CallOptions, CallerId, Digest, Event, IdReuse, Json, Outcome, ParkReason,
    Recorded, Run, RunId, Seq, UpdateAnswer, WorkflowName,
};
use serde::{Deserialize, Serialize};

pub use batch::{Batch, BatchAction, BatchFailure, BatchReport, BatchSignal, Deleted, RunCounts};
pub use schedules::{
    BackfillSchedule, CreateSchedule, ScheduleDescription, ScheduleSummary, ScheduledRunView, Schedules,
    TriggerOutcome, TriggerSchedule, Triggered,
};

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
    /// Whether it may take the id of a run that has ended.
    #[serde(default)]
    pub id_reuse: IdReuse,
    /// How long the run may take, in milliseconds; then it ends as `timed_out`, without being asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_timeout_ms: Option<u64>,
    /// A signal that comes with the start: it is there when the run begins. A run that is taken by `if_running: use` is sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<StartSignal>,
    /// What it can be found by; its guest may change them.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl StartRun {
    /// A start of `workflow` on its active version, with all else left to the host.
    pub fn of(workflow: WorkflowName) -> Self {
        Self {
            workflow,
            id: None,
            input: Json::null(),
            version: None,
            if_running: IfRunning::default(),
            id_reuse: IdReuse::default(),
            run_timeout_ms: None,
            signal: None,
            attributes: Attributes::default(),
        }
    }
}

/// A signal that comes with a start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartSignal {
    /// Its name.
    pub name: String,
    /// What it says; `null` without.
    #[serde(default = "Json::null")]
    pub payload: Json,
    /// The sender's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// A request to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRun {
    /// What its sender calls it: the same id with the same request is the same update. Without one the host makes one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is asked for.
    pub name: String,
    /// With what; `null` without.
    #[serde(default = "Json::null")]
    pub arguments: Json,
    /// What to wait for.
    #[serde(default)]
    pub wait_for: WaitFor,
}

/// From where a run is to go on as a new one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetRun {
    /// The first event that the new run does not have. Where that lies within a step, the new run begins before the step.
    pub event: Seq,
    /// On which version: a digest, or 8 or more of its first digits. Without one, the one that the run had then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What the sender of an update waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// That the run says it will be done.
    Accepted,
    /// What came of it.
    #[default]
    Completed,
}

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateStatus {
    /// It is in the history, and the run said nothing yet.
    Received,
    /// It will be done.
    Accepted,
    /// It will not be done; `outcome` says why.
    Rejected,
    /// It was done, or failed; see `outcome`.
    Completed,
}

/// The answer to an update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Updated {
    /// The run that took it.
    pub run_id: RunId,
    /// What it is called.
    pub update_id: String,
    /// The event that records it.
    pub event: Seq,
    /// How far it is.
    pub status: UpdateStatus,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
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
    /// Terminate the open run, and start the new one in its place: both, or neither.
    Terminate,
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
    /// Updates that came and were not received, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buffered_updates: BTreeMap<String, u64>,
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
    /// The name of a signal, an update or a marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the sender of an update calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
    /// The run that this one goes on as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_as: Option<RunId>,
    /// The run that went on as this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_from: Option<RunId>,
    /// The run that started this one as its child.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// How long the run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_timeout_ms: Option<u64>,
    /// The run whose history stands before a reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_from: Option<RunId>,
    /// The first event of that run that was not copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_event: Option<Seq>,
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
    /// What it could be found by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
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
            update: None,
            continued_as: None,
            continued_from: None,
            parent: None,
            run_timeout_ms: None,
            reset_from: None,
            reset_event: None,
            payload: None,
            key: None,
            reason: None,
            parked: None,
            version: None,
            workflow: None,
            id: None,
            input: None,
            attributes: None,
        };
        match &recorded.event {
            Event::RunStarted(started) => {
                shown.version = Some(started.version);
                shown.workflow = Some(started.workflow.clone());
                shown.id = Some(started.id.clone());
                shown.input = Some(started.input.clone());
                shown.parent = started.parent.map(|parent| parent.run_id);
                shown.continued_from = started.continued_from;
                shown.run_timeout_ms = started.run_timeout_ms;
                shown.attributes = Some(started.attributes.clone()).filter(|attributes| !attributes.is_empty());
            }
            Event::UpdateReceived(update) => {
                shown.update = Some(update.id.clone());
                shown.name = Some(update.name.clone());
                shown.payload = Some(update.arguments.clone());
            }
            Event::UpdateAnswered(answered) => {
                shown.update = Some(answered.id.clone());
                shown.cause = Some(answered.cause);
                shown.outcome = match &answered.answer {
                    UpdateAnswer::Accepted => None,
                    UpdateAnswer::Rejected(failure) => Some(Outcome::Failed(failure.clone())),
                    UpdateAnswer::Completed(outcome) => Some(outcome.clone()),
                };
            }
            Event::MarkerRecorded(marker) => {
                shown.name = Some(marker.id.clone());
                shown.cause = Some(marker.cause);
                shown.payload = Some(marker.value.clone());
            }
            Event::RunContinued(continued) => {
                shown.cause = Some(continued.cause);
                shown.input = Some(continued.input.clone());
                shown.continued_as = Some(continued.run_id);
            }
            Event::RunReset(reset) => {
                shown.reset_from = Some(reset.run_id);
                shown.reset_event = Some(reset.event);
            }
            Event::RunTimedOut(timed_out) => shown.run_timeout_ms = Some(timed_out.run_timeout_ms),
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
