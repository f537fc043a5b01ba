//! Sharing the threads among tenants.
//!
//! There are as many turns as cores. Each poll of a task that works for a tenant takes a turn of that tenant, and who is next is decided by the
//! time that each tenant's tasks have used. A guest computes within such polls, and leaves after a slice of time: one endless loop or a thousand
//! of them, or a thousand runs that make steps, cost another tenant its share, and no more. While more than one tenant is at work none has the
//! last turn, so that one that does little finds a core that is free, and need not wait for the operating system to take one away from
//! another. The command has one thread more than cores: for all that is nobody's.

use abide_fair::{Charge, Slots};

/// The turns of a host.
pub(crate) fn turns() -> Slots<u64> {
    let threads = tokio::runtime::Handle::try_current().map_or(1, |handle| handle.metrics().num_workers());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Slots::keeping_one(u32::try_from(threads.min(cores)).unwrap_or(u32::MAX), Charge::Time)
}
