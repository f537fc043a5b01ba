//! What a run knows of itself.
//!
//! ```no_run
//! let run = abide::run::info();
//! abide::info!("this is {} of {}", run.id, run.tenant);
//! ```

use crate::bindings::abide::workflow::run as wire;
use crate::timer::Timestamp;
use crate::{Failure, json};

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
    /// The run that started this one as its child.
    pub parent_run_id: Option<String>,
    /// The run that went on as this one.
    pub continued_from: Option<String>,
    /// Whether the history is so long that the run should [go on as a new one](continue_as_new).
    pub should_continue: bool,
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
        parent_run_id: info.parent_run_id,
        continued_from: info.continued_from,
        should_continue: info.should_continue,
    }
}

/// Lets the run go on as a new one with `input` and an empty history, on the active version of its workflow. Give what this gives as
/// the error of the workflow:
///
/// ```no_run
/// #[abide::workflow]
/// async fn run(mut count: u64) -> Result<(), abide::Failure> {
///     loop {
///         let by: u64 = abide::signals::receive("add").await?;
///         count += by;
///         if abide::run::info().should_continue {
///             return Err(abide::run::continue_as_new(&count));
///         }
///     }
/// }
/// ```
///
/// The new run has the same id. Signals and updates that were not received move along. Open calls are dropped; children go on, and the
/// new run may wait for those that it is handed as [`Child`](crate::children::Child) only if they are its own: wait for them before.
pub fn continue_as_new<In: serde::Serialize + ?Sized>(input: &In) -> Failure {
    let continued =
        json::encode(input, "the input of the next run").and_then(|input| Ok(wire::continue_as_new(&input)?));
    match continued {
        // The host does not look at it.
        Ok(()) => Failure::new("continued", "the run goes on as a new one"),
        Err(failure) => failure,
    }
}
