//! Time slices of those that compute for long.

use std::time::{Duration, Instant};

use crate::polls::give_way;

/// A guest that has worked for so long lets others work.
const SLICE: Duration = Duration::from_millis(1);

/// The time slice of a guest that is being polled, or is given a history. A guest also yields for wasmtime's own reasons, many times within a slice; then it is polled
/// again at once, since a turn of the scheduler costs more than what the guest does in between.
#[derive(Debug)]
pub struct Slice {
    began: Instant,
    /// What it worked before this slice.
    worked: Duration,
}

impl Slice {
    /// It begins to work.
    pub fn begin() -> Self {
        Self { began: Instant::now(), worked: Duration::ZERO }
    }

    /// The guest yielded, or an event is done with: gives others a turn if its slice is over. Gives how long it has worked.
    pub async fn yielded(&mut self) -> Duration {
        let elapsed = self.began.elapsed();
        if elapsed < SLICE {
            return self.worked + elapsed;
        }
        self.worked += elapsed;
        give_way().await;
        self.began = Instant::now();
        self.worked
    }
}
