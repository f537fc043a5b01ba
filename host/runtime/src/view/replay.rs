//! What replays show: reports, proofs, and where a run stood.

use std::collections::BTreeMap;

use abide_model::{Attributes, CallIndex, CallKind, Digest, Json, ParkReason, Run, RunId, Seq};
use serde::{Deserialize, Serialize};

use super::HistoryEvent;

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
    /// Where and why it is not identical. The functions are those of the guest where it made the call that differs, or where it trapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ParkReason>,
    /// A digest over all that the guest did and published and all its log lines, in order: equal for equal replays.
    pub trace: Digest,
    /// The log lines of the guest, oldest first (the last 1000).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Whether other engines do the same, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
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

/// What a replay on several engines found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Whether all of them did the same.
    pub equal: bool,
    /// After how many events they were compared.
    pub compared_events: u64,
    /// The engines: the one of live runs, machine code that shows its memory, and the interpreter, which shows it too.
    pub engines: Vec<ProofEngine>,
    /// The first difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// What one engine came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofEngine {
    /// Which.
    pub engine: String,
    /// A digest over all that the guest did.
    pub trace: Digest,
    /// The fuel that the guest used; nothing where it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel_used: Option<u64>,
    /// A digest of its memories and mutable globals at the end, where the engine shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Digest>,
    /// How long the guest took, in microseconds.
    pub micros: u64,
}

/// Where two engines differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The event after which they do.
    pub event: Seq,
    /// In what.
    pub kind: DifferenceKind,
    /// Which two.
    pub between: [String; 2],
    /// What the first did.
    pub first: String,
    /// What the second did.
    pub second: String,
}

/// In what two engines differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// In what the guest did.
    Output,
    /// In whether and why it stopped.
    Stop,
    /// In the fuel that it used.
    Fuel,
    /// In its memory.
    Memory,
}

/// Where a run stood after one of its events.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunAt {
    /// The run.
    pub run_id: RunId,
    /// The component that it was replayed on.
    pub version: Digest,
    /// The event.
    pub event: HistoryEvent,
    /// How many events the history has.
    pub events: u64,
    /// When the run started.
    pub started_ms: u64,
    /// The time that the guest saw.
    pub now_ms: u64,
    /// What the guest did about the event, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub did: Vec<String>,
    /// What it had published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub published: BTreeMap<String, Json>,
    /// What it could be found by.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The last 100 lines of its log, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LoggedLine>,
    /// The calls that it waited for.
    pub calls: Vec<CallAt>,
    /// Signals that had come and were not received, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting_signals: BTreeMap<String, u64>,
    /// Updates that had come and were not received, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting_updates: BTreeMap<String, u64>,
    /// Bytes of linear memory that it had.
    pub memory_bytes: u64,
    /// The fuel that it had used since its start; nothing where it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel_used: Option<u64>,
    /// Why the replay did not get to the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<ParkReason>,
}

/// A log line of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedLine {
    /// The event after which it was written.
    pub event: Seq,
    /// How much it matters.
    pub level: String,
    /// The line.
    pub message: String,
}

/// A call that a run waited for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallAt {
    /// Its number.
    pub call: CallIndex,
    /// What it asks for.
    pub kind: CallKind,
    /// The event that requested it; a call that the history does not have has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Seq>,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// With what, cut short for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Where the guest made it: its functions, innermost first, with file and line where the component carries them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub place: Vec<String>,
}

/// The answer to an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Imported {
    /// The run, as it is here now.
    pub run: Run,
    /// How many events came with it.
    pub events: u64,
}
