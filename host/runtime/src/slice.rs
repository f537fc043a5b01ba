//! Sharing the threads among guests, fairly between tenants.
//!
//! There are as many turns as cores. The command has one thread more, so that one is left for everything that is not a guest. A guest takes a turn of its tenant before it is
//! polled and keeps it for a slice; then it waits behind others, if any wait. Who is next is decided by the time that each tenant's guests have
//! used: one endless loop or a thousand of them cost another tenant its share, and no more.

use std::time::{Duration, Instant};

use abide_activities::Share;
use abide_fair::{Charge, Slot, Slots};
use abide_model::Tenant;

/// A guest that has worked for so long lets others work.
const SLICE: Duration = Duration::from_millis(1);

/// The turns of a host.
pub(crate) fn turns() -> Slots<Tenant> {
    let threads = tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Slots::new(u32::try_from(threads.min(cores)).unwrap_or(u32::MAX), Charge::Time)
}

/// The time slice of a guest that is being polled. A guest also yields for wasmtime's own reasons, many times within a slice; then it is polled
/// again at once, since a turn of the scheduler costs more than what the guest does in between.
pub(crate) struct Slice<'s> {
    share: Option<&'s Share>,
    turn: Option<Slot<Tenant>>,
    began: Instant,
    /// What it worked before this slice.
    worked: Duration,
}

impl<'s> Slice<'s> {
    /// Waits for a turn. Without a share, there is nobody to wait for.
    pub(crate) async fn begin(share: Option<&'s Share>) -> Self {
        let turn = match share {
            Some(share) => share.turn().await,
            None => None,
        };
        Self { share, turn, began: Instant::now(), worked: Duration::ZERO }
    }

    /// The guest yielded: gives others a turn if its slice is over. Gives how long it has worked.
    pub(crate) async fn yielded(&mut self) -> Duration {
        let elapsed = self.began.elapsed();
        if elapsed < SLICE {
            return self.worked + elapsed;
        }
        self.worked += elapsed;
        match self.share {
            Some(share) if self.turn.as_ref().is_some_and(Slot::is_wanted) => {
                drop(self.turn.take());
                self.turn = share.turn().await;
            }
            _ => tokio::task::yield_now().await,
        }
        self.began = Instant::now();
        self.worked
    }
}
