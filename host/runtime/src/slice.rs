//! Sharing the threads among tenants.
//!
//! There are as many turns as cores. Each poll of a task that works for a tenant takes a turn of that tenant, and who is next is decided by the
//! time that each tenant's tasks have used. A guest computes within such polls, and leaves after a slice of time: one endless loop or a thousand
//! of them, or a thousand runs that make steps, cost another tenant its share, and no more. While more than one tenant is at work none has the
//! last turn, so that one that does little finds a core that is free, and need not wait for the operating system to take one away from
//! another. The command has one thread more than cores: for all that is nobody's.

use std::time::{Duration, Instant};

use abide_fair::{Charge, Slots};

/// A guest that has worked for so long lets others work.
const SLICE: Duration = Duration::from_millis(1);

/// The turns of a host.
pub(crate) fn turns() -> Slots<u64> {
    let threads = tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Slots::keeping_one(u32::try_from(threads.min(cores)).unwrap_or(u32::MAX), Charge::Time)
}

/// The time slice of a guest that is being polled, or is given a history. A guest also yields for wasmtime's own reasons, many times within a slice; then it is polled
/// again at once, since a turn of the scheduler costs more than what the guest does in between.
pub(crate) struct Slice {
    began: Instant,
    /// What it worked before this slice.
    worked: Duration,
}

impl Slice {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), worked: Duration::ZERO }
    }

    /// The guest yielded, or an event is done with: gives others a turn if its slice is over. Gives how long it has worked.
    pub(crate) async fn yielded(&mut self) -> Duration {
        let elapsed = self.began.elapsed();
        if elapsed < SLICE {
            return self.worked + elapsed;
        }
        self.worked += elapsed;
        abide_fair::give_way().await;
        self.began = Instant::now();
        self.worked
    }
}
