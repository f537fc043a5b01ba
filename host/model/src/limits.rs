//! What one run may use. The limits of a run are recorded in its first event, since they decide results.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Limits of one run.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Linear memory of the guest, in bytes. More parks the run.
    #[n(0)]
    pub memory_bytes: u64,
    /// Fuel between two events (about one unit a wasm instruction). More parks the run.
    #[n(1)]
    pub step_fuel: u64,
    /// The largest request of a call, in bytes of JSON. More fails the call.
    #[n(2)]
    pub request_bytes: u64,
    /// Calls that wait for their outcome at the same time. More fails the call.
    #[n(3)]
    pub open_calls: u32,
    /// The largest published value, in bytes.
    #[n(4)]
    pub published_bytes: u64,
    /// How many names may be published.
    #[n(5)]
    pub published_names: u32,
    /// Events of a history. A run that grows past it is parked.
    #[n(6)]
    pub history_events: u64,
    /// Signals that were sent and not yet received. One more is refused.
    #[n(7)]
    pub buffered_signals: u32,
    /// Bytes of a history: of its events' texts, and of large requests while they are made. A run that grows past it is parked.
    #[n(8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_bytes: Option<u64>,
    /// How long the guest may compute between two events, in milliseconds. It decides no result: more parks the run, and its step begins
    /// again when it goes on.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_ms: Option<u64>,
    /// Bytes of the requests, answers and records that the guest makes between two events. More parks the run.
    #[n(10)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_bytes: Option<u64>,
    /// The largest result of a run, and the largest answer to an update, in bytes. A larger one fails. Histories of earlier releases have none.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_bytes: Option<u64>,
    /// Bytes of log lines that a run writes in a minute. What is more is left out, which a line says.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
}

impl Limits {
    /// Bytes of a history.
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes.unwrap_or(HISTORY_BYTES)
    }

    /// How long the guest may compute between two events.
    pub fn turn_ms(&self) -> u64 {
        self.turn_ms.unwrap_or(TURN_MS)
    }

    /// Bytes of what the guest asks for and answers between two events.
    pub fn step_bytes(&self) -> u64 {
        self.step_bytes.unwrap_or(STEP_BYTES)
    }

    /// The largest result. It decides what a run comes to, so a history that does not name it has no such limit.
    pub fn result_bytes(&self) -> u64 {
        self.result_bytes.unwrap_or(u64::MAX)
    }

    /// Bytes of log lines in a minute.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes.unwrap_or(LOG_BYTES)
    }
}

const HISTORY_BYTES: u64 = 1 << 30;
const TURN_MS: u64 = 120_000;
const STEP_BYTES: u64 = 64 << 20;
const RESULT_BYTES: u64 = 4 << 20;
const LOG_BYTES: u64 = 16 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            step_fuel: 10_000_000_000,
            request_bytes: 4 << 20,
            open_calls: 10_000,
            published_bytes: 256 << 10,
            published_names: 64,
            history_events: 100_000,
            buffered_signals: 10_000,
            history_bytes: Some(HISTORY_BYTES),
            turn_ms: Some(TURN_MS),
            step_bytes: Some(STEP_BYTES),
            result_bytes: Some(RESULT_BYTES),
            log_bytes: Some(LOG_BYTES),
        }
    }
}
