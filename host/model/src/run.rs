//! The row of a run: what lists and descriptions show without reading its history.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{
    Attributes, CallKind, CallerId, Day, Digest, Error, ErrorCode, Event, Outcome, Parent, RunId, RunStarted, Seq,
    WorkflowName,
};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It runs or waits.
    #[n(0)]
    Running,
    /// It stopped, keeps everything, and waits for a person or a new version.
    #[n(1)]
    Parked,
    /// It gave a result.
    #[n(2)]
    Completed,
    /// It failed.
    #[n(3)]
    Failed,
    /// It ended since it was asked to.
    #[n(4)]
    Cancelled,
    /// It was ended.
    #[n(5)]
    Terminated,
    /// It went on as a new run.
    #[n(6)]
    Continued,
    /// Its time was over.
    #[n(7)]
    TimedOut,
}

impl RunStatus {
    /// Every status, in the order of a run's life.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Parked,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Terminated,
        Self::Continued,
        Self::TimedOut,
    ];

    /// Whether more events may come.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Parked)
    }

    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Terminated => "terminated",
            Self::Continued => "continued",
            Self::TimedOut => "timed_out",
        }
    }

    /// Reads its text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|status| status.as_str()).collect();
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Error::new(
                ErrorCode::InvalidArgument,
                format!("`{shown}` is no status of a run: give one of {}", known.join(", ")),
            )
        })
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a run may take an id whose latest run has ended. While that one is open nobody takes its id, whatever is said here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdReuse {
    /// It may.
    #[default]
    Allow,
    /// Only where that run did not complete.
    AllowAfterFailure,
    /// Never, as long as a run with that id is stored.
    Reject,
}

impl IdReuse {
    /// Whether a new run may follow one that is in this status.
    pub fn allows_after(self, ended: RunStatus) -> bool {
        match self {
            Self::Allow => true,
            Self::AllowAfterFailure => ended != RunStatus::Completed,
            Self::Reject => false,
        }
    }
}

/// The row of a run.
#[derive(Debug, Clone, PartialEq, Encode, Decode, Serialize, Deserialize)]
pub struct Run {
    /// What the host calls it.
    #[n(0)]
    pub run_id: RunId,
    /// What the caller calls it.
    #[n(1)]
    pub id: CallerId,
    /// Its workflow.
    #[n(2)]
    pub workflow: WorkflowName,
    /// The component that it runs on.
    #[n(3)]
    pub version: Digest,
    /// Where it stands.
    #[n(4)]
    pub status: RunStatus,
    /// When it started.
    #[n(5)]
    pub started_ms: u64,
    /// When it ended.
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_ms: Option<u64>,
    /// What it came to.
    #[n(7)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Why it is parked.
    #[n(8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkReason>,
    /// Whether somebody asked it to end.
    #[n(9)]
    pub cancel_requested: bool,
    /// The run that started it as its child.
    #[n(10)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// The run that it went on as.
    #[n(11)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_as: Option<RunId>,
    /// The run that went on as this one.
    #[n(12)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_from: Option<RunId>,
    /// Whether it ever started children: then they are told when it ends.
    #[n(13)]
    #[serde(skip)]
    pub has_children: Option<bool>,
    /// What it can be found by.
    #[n(14)]
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// It stays on its version, whichever becomes active.
    #[n(15)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// The last version that it could not go on with, though it was asked to.
    #[n(16)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_back: Option<HeldBack>,
    /// The run whose history it shares.
    #[n(17)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<ForkedFrom>,
    /// The race that it is part of: one name for the forks that were made together, of which one is to be kept.
    #[n(18)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fork_race: Option<RunId>,
    /// The part of a budget of which so much is used that operators are to know.
    #[n(19)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_warning: Option<String>,
    /// The day whose budget parked it: when that day is over, the host lets it go on.
    #[n(20)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked_for_day: Option<Day>,
}

/// Why a run could not go on with another version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct HeldBack {
    /// The other version.
    #[n(0)]
    pub version: Digest,
    /// What happened when the history was replayed on it.
    #[n(1)]
    pub reason: ParkReason,
}

/// Where the history of a fork begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ForkedFrom {
    /// The run that it was forked from.
    #[n(0)]
    pub run_id: RunId,
    /// The first event of that run that it does not share.
    #[n(1)]
    pub event: Seq,
    /// The run at which the forks began, of which this is one of many or the only one: that run itself was not forked.
    #[n(2)]
    pub root: RunId,
}

impl Run {
    /// Whether it stays on its version.
    pub fn is_pinned(&self) -> bool {
        self.pinned == Some(true)
    }

    /// The row of a run that begins.
    pub fn begins(run_id: RunId, started_ms: u64, started: &RunStarted) -> Self {
        Self {
            run_id,
            id: started.id.clone(),
            workflow: started.workflow.clone(),
            version: started.version,
            status: RunStatus::Running,
            started_ms,
            closed_ms: None,
            outcome: None,
            parked: None,
            cancel_requested: false,
            parent: started.parent,
            continued_as: None,
            continued_from: started.continued_from,
            has_children: None,
            attributes: started.attributes.clone(),
            pinned: None,
            held_back: None,
            forked_from: None,
            fork_race: None,
            budget_warning: None,
            parked_for_day: None,
        }
    }

    /// Says in the row of a run that begins what follows from the events that it begins with.
    pub fn goes_on_from<'e>(&mut self, events: impl IntoIterator<Item = &'e Event>) {
        for event in events {
            match event {
                Event::CancelRequested(_) => self.cancel_requested = true,
                Event::RunPinned(pinned) => self.pinned = pinned.pinned.then_some(true),
                Event::CallRequested(requested) if requested.kind == CallKind::ChildrenStart => {
                    self.has_children = Some(true);
                }
                _ => {}
            }
        }
        // Its parent waits for the run that it started.
        self.parent = None;
    }

    /// The run at which its forks began: itself, where it is no fork.
    pub fn fork_root(&self) -> RunId {
        self.forked_from.map_or(self.run_id, |from| from.root)
    }
}

/// What stopped a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum ParkKind {
    /// The component did not do what the history says.
    #[n(0)]
    Divergence,
    /// The component trapped (a panic is one).
    #[n(1)]
    Trap,
    /// A step used more fuel than the limits allow; mostly an endless loop.
    #[n(2)]
    FuelExhausted,
    /// The guest wanted more memory than the limits allow.
    #[n(3)]
    MemoryExceeded,
    /// The guest recursed too deeply.
    #[n(4)]
    StackExhausted,
    /// The component of the version is not in the store, or cannot be loaded.
    #[n(5)]
    VersionUnavailable,
    /// The history reached its limit.
    #[n(6)]
    HistoryFull,
    /// The guest broke a rule of its world.
    #[n(7)]
    GuestError,
    /// It came from another host, in a capsule, and nobody said yet that it is to go on here.
    #[n(22)]
    Imported,
    /// A budget is used up.
    #[n(23)]
    BudgetExceeded,
    /// The guest asked for more between two events than the host holds.
    #[n(24)]
    StepTooLarge,
    /// The guest computed for too long between two events.
    #[n(25)]
    TurnTooLong,
    /// Its tenant stores as much as it may.
    #[n(26)]
    QuotaExceeded,
}

impl ParkKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Divergence,
        Self::Trap,
        Self::FuelExhausted,
        Self::MemoryExceeded,
        Self::StackExhausted,
        Self::VersionUnavailable,
        Self::HistoryFull,
        Self::GuestError,
        Self::Imported,
        Self::BudgetExceeded,
        Self::QuotaExceeded,
        Self::StepTooLarge,
        Self::TurnTooLong,
    ];

    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Divergence => "divergence",
            Self::Trap => "trap",
            Self::FuelExhausted => "fuel_exhausted",
            Self::MemoryExceeded => "memory_exceeded",
            Self::StackExhausted => "stack_exhausted",
            Self::VersionUnavailable => "version_unavailable",
            Self::HistoryFull => "history_full",
            Self::GuestError => "guest_error",
            Self::Imported => "imported",
            Self::BudgetExceeded => "budget_exceeded",
            Self::StepTooLarge => "step_too_large",
            Self::TurnTooLong => "turn_too_long",
            Self::QuotaExceeded => "quota_exceeded",
        }
    }
}

/// Why a run is parked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct ParkReason {
    /// What stopped it.
    #[n(0)]
    pub kind: ParkKind,
    /// A sentence that says what happened and what to do.
    #[n(1)]
    pub message: String,
    /// The event at which it happened: for a divergence the one that differs, else the last one that the guest was given.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Seq>,
    /// The guest's functions, innermost first.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<String>,
}
