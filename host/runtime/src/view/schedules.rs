//! What the host shows of schedules, and what it is asked about them.

use abide_model::{
    Backfill, CallerId, Outcome, OverlapPolicy, Run, RunId, RunStatus, ScheduleCounts, ScheduleFailure, ScheduleId,
    ScheduleSpec, WorkflowName,
};
use serde::{Deserialize, Serialize};

/// A schedule that is to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSchedule {
    /// What its owner calls it.
    pub id: ScheduleId,
    /// What to start, and when.
    pub spec: ScheduleSpec,
    /// Whether it begins paused.
    #[serde(default)]
    pub paused: bool,
    /// What its owner says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A run that is to start now.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerSchedule {
    /// What to do while an earlier run is open; without it, what the schedule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<OverlapPolicy>,
}

/// A range of the past whose due times are to be worked off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackfillSchedule {
    /// The first moment.
    pub from_ms: u64,
    /// The last moment.
    pub to_ms: u64,
    /// What to do while an earlier run is open: `allow_all` (if not given), `skip`, or `buffer_one`, with which the runs start
    /// one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<OverlapPolicy>,
}

/// A schedule in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScheduleSummary {
    /// Its id.
    pub id: ScheduleId,
    /// What it starts.
    pub workflow: WorkflowName,
    /// Whether due times pass it by.
    pub paused: bool,
    /// What its owner says about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it is due next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due_ms: Option<u64>,
    /// What came of its due times.
    pub counts: ScheduleCounts,
}

/// A page of schedules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Schedules {
    /// The schedules, by id.
    pub schedules: Vec<ScheduleSummary>,
    /// What to give as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ScheduleId>,
}

/// A schedule in detail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScheduleDescription {
    /// Its id.
    pub id: ScheduleId,
    /// What it starts, and when.
    pub spec: ScheduleSpec,
    /// Whether due times pass it by.
    pub paused: bool,
    /// What its owner says about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was made.
    pub created_ms: u64,
    /// When its owner changed it last.
    pub updated_ms: u64,
    /// When it is due next, without jitter; the first five. Empty while it is paused.
    pub next_due_ms: Vec<u64>,
    /// A due time whose run starts when the earlier runs have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffered_due_ms: Option<u64>,
    /// Its last ten runs, newest first.
    pub recent: Vec<ScheduledRunView>,
    /// What came of its due times.
    pub counts: ScheduleCounts,
    /// Ranges of the past that are still to be worked off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backfills: Vec<Backfill>,
    /// Why the last start that failed did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<ScheduleFailure>,
}

/// A run of a schedule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScheduledRunView {
    /// The run.
    pub run_id: RunId,
    /// Its id: that of the schedule, and the due time.
    pub id: CallerId,
    /// When it was due, or triggered.
    pub due_ms: u64,
    /// When it started.
    pub started_ms: u64,
    /// Where it stands.
    pub status: RunStatus,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_ms: Option<u64>,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// The answer to a trigger.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Triggered {
    /// What the overlap policy made of it.
    pub outcome: TriggerOutcome,
    /// The run, where one started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// What the overlap policy made of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOutcome {
    /// A run started.
    Started,
    /// A run starts when the earlier ones have ended.
    Buffered,
    /// An earlier run is open, so none starts.
    Skipped,
}
