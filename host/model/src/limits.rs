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
}

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
        }
    }
}
