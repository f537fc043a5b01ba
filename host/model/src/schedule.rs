//! The row of a schedule: what its owner asked for, and how far the host has come with it. When it is due follows from the
//! [`ScheduleSpec`] and is worked out by the runtime.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{CallerId, Error, ErrorCode, Json, RunId, ScheduleId, WorkflowName};

/// What to start, and when. A schedule is due whenever one of its cron expressions or intervals says so.
#[derive(Debug, Clone, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Starts runs of this workflow.
    #[n(0)]
    pub workflow: WorkflowName,
    /// With what; `null` without.
    #[n(1)]
    #[serde(default = "Json::null")]
    pub input: Json,
    /// On which version: a digest, or 8 or more of its first digits. Without one, the version that is active when a run starts.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cron expressions: five fields; six begin with the second, seven end with the year. They are of `time_zone`.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cron: Vec<String>,
    /// Intervals. They do not depend on the time zone.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intervals: Vec<Interval>,
    /// An IANA name such as `Europe/Zurich`.
    #[n(5)]
    #[serde(default = "utc")]
    pub time_zone: String,
    /// A run starts up to so much later than it is due. How much follows from the schedule's id and the due time.
    #[n(6)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter_ms: u64,
    /// Not due before this.
    #[n(7)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at_ms: Option<u64>,
    /// Not due after this.
    #[n(8)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_at_ms: Option<u64>,
    /// What to do while an earlier run is open.
    #[n(9)]
    #[serde(default)]
    pub overlap: OverlapPolicy,
    /// A run that is later than this, since the host was down, is not started.
    #[n(10)]
    #[serde(default = "hour_ms")]
    pub catchup_window_ms: u64,
}

impl ScheduleSpec {
    /// Of a workflow, with the defaults, never due.
    pub fn new(workflow: WorkflowName) -> Self {
        Self {
            workflow,
            input: Json::null(),
            version: None,
            cron: Vec::new(),
            intervals: Vec::new(),
            time_zone: utc(),
            jitter_ms: 0,
            start_at_ms: None,
            end_at_ms: None,
            overlap: OverlapPolicy::default(),
            catchup_window_ms: hour_ms(),
        }
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

fn hour_ms() -> u64 {
    3_600_000
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Due at every multiple of `every_ms` since 1970-01-01T00:00:00Z, and `offset_ms` after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Whole seconds.
    #[n(0)]
    pub every_ms: u64,
    /// Whole seconds, less than `every_ms`.
    #[n(1)]
    #[serde(default)]
    pub offset_ms: u64,
}

/// What to do when a schedule is due while an earlier run of it is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum OverlapPolicy {
    /// Start nothing.
    #[default]
    #[n(0)]
    Skip,
    /// Start when the earlier runs have ended. One waits at most; more are skipped.
    #[n(1)]
    BufferOne,
    /// Start at once.
    #[n(2)]
    AllowAll,
    /// Ask the earlier runs to end, and start when they have. What waited before is skipped.
    #[n(3)]
    CancelOther,
    /// The same, without asking.
    #[n(4)]
    TerminateOther,
}

impl OverlapPolicy {
    /// Every policy.
    pub const ALL: [Self; 5] = [Self::Skip, Self::BufferOne, Self::AllowAll, Self::CancelOther, Self::TerminateOther];

    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::BufferOne => "buffer_one",
            Self::AllowAll => "allow_all",
            Self::CancelOther => "cancel_other",
            Self::TerminateOther => "terminate_other",
        }
    }

    /// Reads its text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Error::new(ErrorCode::InvalidArgument, format!("`{shown}` is no overlap policy: give one of {known}"))
        })
    }
}

/// The row of a schedule.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Schedule {
    /// What its owner calls it.
    #[n(0)]
    pub id: ScheduleId,
    /// Goes up by one with each change; a change names the one that it expects.
    #[n(1)]
    pub revision: u64,
    /// What its owner asked for.
    #[n(2)]
    pub spec: ScheduleSpec,
    /// How far the host has come.
    #[n(3)]
    pub state: ScheduleState,
}

/// How far a host has come with a schedule.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct ScheduleState {
    /// When the schedule was made.
    #[n(0)]
    pub created_ms: u64,
    /// When its owner changed it last.
    #[n(1)]
    pub updated_ms: u64,
    /// Whether due times pass it by.
    #[n(2)]
    pub paused: bool,
    /// What its owner says about that.
    #[n(3)]
    pub note: Option<String>,
    /// Due times up to this one are dealt with.
    #[n(4)]
    pub done_until_ms: u64,
    /// A due time whose run starts when the earlier runs have ended.
    #[n(5)]
    pub buffered_ms: Option<u64>,
    /// Runs that were open when last looked at, oldest first.
    #[n(6)]
    pub open: Vec<OpenRun>,
    /// The last runs, oldest first.
    #[n(7)]
    pub recent: Vec<ScheduledRun>,
    /// What came of the due times.
    #[n(8)]
    pub counts: ScheduleCounts,
    /// Ranges of the past whose due times are still to be worked off, first come first.
    #[n(9)]
    pub backfills: Vec<Backfill>,
    /// The time in the id of the last run that somebody triggered.
    #[n(10)]
    pub triggered_ms: u64,
    /// Why the last start that failed did.
    #[n(11)]
    pub last_failure: Option<ScheduleFailure>,
    /// When the host has to look at the schedule: 0 for at every look, `None` for never. The store finds it by this.
    #[n(12)]
    pub wake_ms: Option<u64>,
}

/// A run of a schedule that may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct OpenRun {
    /// The run.
    #[n(0)]
    pub run_id: RunId,
    /// Whether it is to make room for the next one.
    #[n(1)]
    pub end: Option<EndRun>,
}

/// How a run is made to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum EndRun {
    /// It is asked.
    #[n(0)]
    Cancel,
    /// It is not.
    #[n(1)]
    Terminate,
}

/// A run that a schedule started.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ScheduledRun {
    /// The run.
    #[n(0)]
    pub run_id: RunId,
    /// Its id: that of the schedule, and the due time.
    #[n(1)]
    pub id: CallerId,
    /// When it was due, or triggered.
    #[n(2)]
    pub due_ms: u64,
}

/// What came of the due times of a schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ScheduleCounts {
    /// Runs that were started, also by triggers and backfills.
    #[n(0)]
    pub started: u64,
    /// Not started, by the overlap policy.
    #[n(1)]
    pub skipped: u64,
    /// Not started, since the host was down for longer than the catch-up window. A long row of them is counted up to 10,000.
    #[n(2)]
    pub missed: u64,
    /// Not started, since there was no such workflow or version, for example.
    #[n(3)]
    pub failed: u64,
}

/// A range of the past whose due times are worked off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Backfill {
    /// The first moment that is still to be looked at.
    #[n(0)]
    pub from_ms: u64,
    /// The last moment.
    #[n(1)]
    pub to_ms: u64,
    /// What to do while an earlier run is open.
    #[n(2)]
    pub overlap: OverlapPolicy,
}

/// A start that failed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ScheduleFailure {
    /// Which one.
    #[n(0)]
    pub due_ms: u64,
    /// Why, and what to do.
    #[n(1)]
    pub message: String,
}
