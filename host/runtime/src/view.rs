//! What the host shows of workflows, runs and histories: the JSON of the HTTP interface and of `-o json`.

mod batch;
mod forks;
mod history;
mod identity;
mod inspection;
mod ledger;
mod replay;
mod schedules;
mod secrets;
mod tools;
mod usage;
mod versions;

use std::collections::BTreeMap;

use abide_history::RunPage;
use abide_model::{Attributes, CallIndex, CallKind, CallerId, IdReuse, Json, Outcome, Run, RunId, Seq, WorkflowName};
use serde::{Deserialize, Serialize};

pub use abide_history::Version;
pub use batch::{Batch, BatchAction, BatchFailure, BatchReport, BatchSignal, Deleted, RunCounts};
pub use forks::{ForkRun, Forked, Forks, KeepRun, Kept};
pub use history::{History, HistoryEvent};
pub use identity::{
    Audit, AuditView, CreateTenant, CreateToken, CreatedToken, Identity, TenantSetting, TenantView, Tenants, TokenView,
    Tokens,
};
pub use inspection::Inspection;
pub use ledger::{BudgetShare, BudgetState, LedgerEntry, LedgerGroup, LedgerQuery, LedgerReport, RunLedgerReport};
pub use replay::{
    CallAt, Difference, DifferenceKind, Imported, LoggedLine, Proof, ProofEngine, ReplayReport, ReplayVerdict, RunAt,
};
pub use schedules::{
    BackfillSchedule, CreateSchedule, ScheduleDescription, ScheduleSummary, ScheduledRunView, Schedules,
    TriggerOutcome, TriggerSchedule, Triggered,
};
pub use secrets::{PutSecret, SecretView, Secrets};
pub use tools::{DeletedTool, PutTool, ToolComponent, ToolComponents, ToolSource};
pub use usage::TenantUsage;
pub use versions::{
    ChangeVersion, ChangeWorkflow, CheckSummary, CheckVerdict, CheckedRun, Deployed, PinRun, SetRamp, SwapReport,
    SwapRuns, SwapVerdict, SwappedRun, Upload, VersionDescription, Workflow,
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
