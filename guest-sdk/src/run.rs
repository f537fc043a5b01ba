//! What a run knows of itself.
//!
//! ```no_run
//! let run = abide::run::info();
//! abide::info!("this is {} of {}", run.id, run.tenant);
//! ```

use crate::bindings::abide::workflow::run as wire;
use crate::timer::Timestamp;

/// Who and where a run is.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Info {
    /// Whose run it is.
    pub tenant: String,
    /// The workflow's name.
    pub workflow: String,
    /// Digest of the component that the run started on: `sha256:<hex>`.
    pub version: String,
    /// What the caller called the run.
    pub id: String,
    /// What the host called it: one of a kind.
    pub run_id: String,
    /// When it started.
    pub started: Timestamp,
    /// How many events it was given so far. A very long history makes replay slow.
    pub history_length: u64,
}

/// Who and where this run is.
pub fn info() -> Info {
    let info = wire::get_info();
    Info {
        tenant: info.tenant,
        workflow: info.workflow,
        version: info.version,
        id: info.id,
        run_id: info.run_id,
        started: Timestamp::from_ms(info.started_ms),
        history_length: info.history_length,
    }
}
