//! Being asked to end. [`workflow`](macro@crate::workflow) reacts by itself unless it is told `cancellation = "manual"`.

use crate::Failure;
use crate::bindings::abide::workflow::cancellation as wire;

/// Waits until somebody asks this run to end, and gives their reason; at once where they already did.
pub async fn requested() -> Result<String, Failure> {
    Ok(wire::requested().await?)
}
