//! What is shown of the versions of workflows, and what can be asked of them.

use std::collections::BTreeMap;

use abide_history::Version;
use abide_model::{
    Configuration, Digest, Label, Manifest, ParkReason, Ramp, RunId, RunStatus, SwapPolicy, WorkflowName,
};
use serde::{Deserialize, Serialize};

/// What an upload brings along.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The environment and the arguments that runs of the version start with.
    pub configuration: Configuration,
    /// What the version is called too. Another version of the workflow that has the label loses it.
    pub labels: Vec<Label>,
    /// Whether new runs take it from now on.
    pub activate: bool,
    /// What the version asks for. All that its tenant has where there is none.
    pub manifest: Option<Manifest>,
}

impl Default for Upload {
    fn default() -> Self {
        Self { configuration: Configuration::default(), labels: Vec::new(), activate: true, manifest: None }
    }
}

/// The answer to an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deployed {
    /// The version.
    pub version: Version,
    /// Whether it was not there before.
    pub created: bool,
    /// Whether new runs take it.
    #[serde(default)]
    pub active: bool,
}

/// A workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name.
    pub name: WorkflowName,
    /// The version that new runs take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Digest>,
    /// The versions that were active before, the latest last: `rollback` goes back to that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Digest>,
    /// A version that some of the new runs take instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// What happens to open runs on other versions when one becomes active.
    #[serde(default)]
    pub swap: SwapPolicy,
    /// All versions, oldest first.
    pub versions: Vec<Version>,
}

/// A change of a workflow. What is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeWorkflow {
    /// The version that new runs take from now on: its digest, the first digits of it, or a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate: Option<String>,
    /// Makes the version active again that was so before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
    /// Lets some of the new runs take another version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<SetRamp>,
    /// What happens to open runs on other versions when one becomes active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<SwapPolicy>,
}

/// A ramp to a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRamp {
    /// The version.
    pub version: String,
    /// How many of a hundred new runs take it; 0 ends the ramp.
    pub percent: u8,
}

/// A version in detail.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionDescription {
    /// The version.
    #[serde(flatten)]
    pub version: Version,
    /// Whether new runs take it.
    pub active: bool,
    /// How many of a hundred new runs take it, where another one is active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp_percent: Option<u8>,
    /// The runs that are on it, by status.
    pub runs: BTreeMap<String, u64>,
    /// Open runs on other versions that could not go on with this one.
    pub held_back: u64,
}

/// A change of a version. What is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeVersion {
    /// Labels that it is given. Another version of the workflow that has one loses it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_labels: Vec<Label>,
    /// Labels that it loses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove_labels: Vec<Label>,
    /// Whether no new run may take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivated: Option<bool>,
}

/// To keep a run on its version, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinRun {
    /// Whether it stays.
    pub pinned: bool,
}

/// To let one page of the runs of a workflow go on with a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwapRuns {
    /// The version: its digest, the first digits of it, or a label.
    pub to: String,
    /// Which runs; all open ones without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Replay, tell, and change nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Where the page begins: `next` of the report of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<RunId>,
    /// How many runs it has at most, from 1 to 1000; 100 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What came of a run that was to go on with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SwapVerdict {
    /// It did what its history says, and goes on with it.
    Swapped,
    /// It was parked, its history can be replayed on it, and it goes on with it.
    Resumed,
    /// Of a dry run: it would go on with it.
    WouldSwap,
    /// Of a dry run: it is parked, and would go on with it.
    WouldResume,
    /// It is on that version already.
    Unchanged,
    /// It stays on its version, since somebody said so.
    Pinned,
    /// It came in a capsule, and is parked until somebody says that no other host goes on with it.
    Imported,
    /// It would do something else than its history says. It stays on its version.
    Diverges,
    /// It cannot replay its history: it traps, or runs into a limit. It stays on its version.
    Stops,
    /// It ended in the meantime.
    Closed,
}

impl SwapVerdict {
    /// Every verdict.
    pub const ALL: [Self; 10] = [
        Self::Swapped,
        Self::Resumed,
        Self::WouldSwap,
        Self::WouldResume,
        Self::Unchanged,
        Self::Pinned,
        Self::Imported,
        Self::Diverges,
        Self::Stops,
        Self::Closed,
    ];

    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Swapped => "swapped",
            Self::Resumed => "resumed",
            Self::WouldSwap => "would_swap",
            Self::WouldResume => "would_resume",
            Self::Unchanged => "unchanged",
            Self::Pinned => "pinned",
            Self::Imported => "imported",
            Self::Diverges => "diverges",
            Self::Stops => "stops",
            Self::Closed => "closed",
        }
    }
}

/// What came of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwappedRun {
    /// Which.
    pub run_id: RunId,
    /// What its caller calls it.
    pub id: abide_model::CallerId,
    /// The version that it was on.
    pub from: Digest,
    /// What came of it.
    pub verdict: SwapVerdict,
    /// Why it stays: the event, what the history has there and what the version does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ParkReason>,
}

/// How a page went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwapReport {
    /// The version.
    pub version: Digest,
    /// How many runs there are of each verdict.
    pub counts: BTreeMap<String, u64>,
    /// The runs that were not on that version already.
    pub runs: Vec<SwappedRun>,
    /// What to give as `cursor` for the next page; none on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RunId>,
}

/// What one history comes to on another version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckedRun {
    /// Which run.
    pub run_id: RunId,
    /// What its caller calls it.
    pub id: abide_model::CallerId,
    /// Where it stands.
    pub status: RunStatus,
    /// The version that it is on.
    pub version: Digest,
    /// What came of it.
    pub verdict: CheckVerdict,
    /// Events of its history.
    pub events: u64,
    /// Why it is not identical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ParkReason>,
    /// How long the replay took, in microseconds.
    pub micros: u64,
    /// The fuel that the history takes on the version that is checked, where that was asked for and it does not stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// The same on the run's own version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_fuel: Option<u64>,
}

/// How a history stands to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckVerdict {
    /// It does what the history says.
    Identical,
    /// It does something else.
    Diverges,
    /// It traps, or runs into a limit.
    Stops,
    /// The history cannot be read.
    Unreadable,
}

impl CheckVerdict {
    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Diverges => "diverges",
            Self::Stops => "stops",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What a check came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckSummary {
    /// The version.
    pub version: Digest,
    /// How many histories were replayed.
    pub total: u64,
    /// How many there are of each verdict.
    pub counts: BTreeMap<String, u64>,
}

impl CheckSummary {
    /// Counts a run.
    pub fn add(&mut self, checked: &CheckedRun) {
        self.total += 1;
        *self.counts.entry(checked.verdict.as_str().to_owned()).or_default() += 1;
    }

    /// Whether all histories are identical.
    pub fn is_clean(&self) -> bool {
        self.counts.keys().all(|verdict| verdict == CheckVerdict::Identical.as_str())
    }
}
