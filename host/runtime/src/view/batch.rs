//! What is shown of many runs at once, and of a run that is deleted.

use std::collections::BTreeMap;

use abide_model::{Json, RunId};
use serde::{Deserialize, Serialize};

/// How many runs there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCounts {
    /// All together.
    pub total: u64,
    /// By status. One that no run has is not there.
    pub statuses: BTreeMap<String, u64>,
}

/// The answer to a deletion.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deleted {
    /// The run that was.
    pub run_id: RunId,
}

/// Something to do to one page of the runs of a filter.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// Which runs.
    pub filter: String,
    /// What to do.
    pub action: BatchAction,
    /// Why; recorded by `cancel` and `terminate`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What to send, for `signal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<BatchSignal>,
    /// Where the page begins: `next` of the report of the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<RunId>,
    /// How many runs it has at most, from 1 to 1000; 500 if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What is done to each run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchAction {
    /// Ask it to end.
    Cancel,
    /// End it without asking.
    Terminate,
    /// Send it a signal.
    Signal,
    /// Let it go on, if it is parked.
    Resume,
    /// Keep it on its version.
    Pin,
    /// Let it go on with other versions again.
    Unpin,
    /// Remove it, if it has ended.
    Delete,
}

/// A signal to many runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchSignal {
    /// Its name.
    pub name: String,
    /// What it says; `null` without.
    #[serde(default = "Json::null")]
    pub payload: Json,
    /// An idempotency key: a page that is asked for again sends nothing twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// How a page went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct BatchReport {
    /// Runs to which it was done.
    pub done: u64,
    /// Runs for which there was nothing to do.
    pub skipped: u64,
    /// Runs that refused it.
    pub failed: u64,
    /// Why runs were skipped or failed: how many, by the code of the error; `duplicate` where the key of a signal was used before.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<String, u64>,
    /// The first 100 that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<BatchFailure>,
    /// What to give as `cursor` for the next page; none on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<RunId>,
}

/// A run that failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BatchFailure {
    /// Which.
    pub run_id: RunId,
    /// The code of the error.
    pub code: String,
    /// The error.
    pub message: String,
}
