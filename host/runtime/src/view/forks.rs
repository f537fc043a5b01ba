//! Forks as users ask for them and see them.

use abide_model::{CallerId, Outcome, Run, RunId, Seq};
use serde::{Deserialize, Serialize};

use super::Started;

/// A fork of a run, or some of them at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkRun {
    /// The first event that the fork does not share; where that lies within a step, the fork begins before the step. With an `outcome`, the
    /// event that requested a call or that completed it.
    pub event: Seq,
    /// What the call comes back with in the fork. It is not performed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// On which version: a digest, or 8 or more of its first digits. Without one, the one that the run had then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What to call the fork; without one the host makes one up. Of several, `-1`, `-2` and so on are added. A fork that is there by that id, and
    /// is the same, is not made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CallerId>,
    /// So many of them, which race: 1 to 100; one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// The forks that were made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forked {
    /// The run that they share events with.
    pub run_id: RunId,
    /// The first event of that run that they do not share.
    pub event: Seq,
    /// The race that they are part of, where more than one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub race: Option<RunId>,
    /// The forks, in the order of their ids.
    pub forks: Vec<Started>,
}

/// A page of the forks that have one root, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forks {
    /// The run that was asked for.
    pub run_id: RunId,
    /// The run at which the forks begin.
    pub root: RunId,
    /// Its row; none where it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_run: Option<Run>,
    /// The forks, and those of them. Each says which run it was forked from; that one may have been deleted.
    pub forks: Vec<Run>,
    /// What to give as `cursor` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RunId>,
}

/// Which run of a race is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepRun {
    /// Why the others end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the others end without being asked.
    #[serde(default)]
    pub terminate: bool,
}

/// What was done to the other runs of a race.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The run that is kept.
    pub run_id: RunId,
    /// The race.
    pub race: RunId,
    /// Those that were asked to end, or were ended.
    pub ended: Vec<RunId>,
}
