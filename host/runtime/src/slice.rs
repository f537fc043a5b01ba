//! Sharing the threads among guests.

use std::time::{Duration, Instant};

/// A guest that has worked for so long lets others work.
const SLICE: Duration = Duration::from_millis(1);

/// The time slice of a guest that is being polled. A guest also yields for wasmtime's own reasons, many times within a slice; then it is polled
/// again at once, since a turn of the scheduler costs more than what the guest does in between.
pub(crate) struct Slice(Instant);

impl Slice {
    /// A slice that begins now.
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// The guest yielded: gives others a turn if its slice is over.
    pub(crate) async fn yielded(&mut self) {
        if self.0.elapsed() >= SLICE {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}
