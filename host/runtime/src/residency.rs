//! Which guests stay in memory. There are so many seats, and so many bytes; who wants a seat when none is free has the guest that was
//! idle the longest dropped. A dropped guest comes back by replay.
//!
//! A guest counts with the memory that it has. Much of that may be pages that nobody touched, or that all guests of a component share: as
//! long as the whole process has less in memory than the guests may have, nobody has to leave for bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::inner::RunKey;

/// The seats of a host.
pub(crate) struct Residency {
    seats: Arc<Semaphore>,
    max_bytes: u64,
    bytes: AtomicU64,
    /// What the process has in memory, where the system tells.
    in_memory_bytes: fn() -> Option<u64>,
    clock: AtomicU64,
    next_id: AtomicU64,
    waiting: AtomicUsize,
    taken: Mutex<HashMap<u64, Arc<Place>>>,
}

/// What the seats know of a resident guest.
struct Place {
    key: RunKey,
    /// The guest waits, and may be dropped.
    idle: AtomicBool,
    last_used: AtomicU64,
    bytes: AtomicU64,
    leave: Notify,
}

/// A seat. Dropping it frees it.
pub(crate) struct Seat {
    residency: Arc<Residency>,
    id: u64,
    place: Arc<Place>,
    _permit: OwnedSemaphorePermit,
}

impl Residency {
    pub(crate) fn new(seats: usize, max_bytes: u64) -> Arc<Self> {
        Self::measured(seats, max_bytes, process_in_memory_bytes)
    }

    fn measured(seats: usize, max_bytes: u64, in_memory_bytes: fn() -> Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            seats: Arc::new(Semaphore::new(seats)),
            max_bytes,
            bytes: AtomicU64::new(0),
            in_memory_bytes,
            clock: AtomicU64::new(0),
            next_id: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            taken: Mutex::default(),
        })
    }

    /// Waits for a seat. Fair: who asks first sits first.
    pub(crate) async fn sit(self: &Arc<Self>, key: &RunKey) -> Seat {
        let permit = match self.seats.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let waiting = Waiting::new(&self.waiting);
                self.ask_one_to_leave();
                let permit = self.seats.clone().acquire_owned().await.expect("the seats are never closed");
                drop(waiting);
                permit
            }
        };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let place = Arc::new(Place {
            key: key.clone(),
            idle: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            leave: Notify::new(),
        });
        self.lock().insert(id, place.clone());
        Seat { residency: self.clone(), id, place, _permit: permit }
    }

    /// How many guests are in memory.
    pub(crate) fn resident(&self) -> usize {
        self.lock().len()
    }

    /// Whether the guest of a run is in memory.
    pub(crate) fn has(&self, key: &RunKey) -> bool {
        self.lock().values().any(|place| place.key == *key)
    }

    /// Asks the guest that was idle the longest to leave. `false` where all are busy; then the next that becomes idle
    /// sees that somebody waits.
    fn ask_one_to_leave(&self) -> bool {
        let taken = self.lock();
        let oldest = taken
            .values()
            .filter(|place| place.idle.load(Ordering::Acquire))
            .min_by_key(|place| place.last_used.load(Ordering::Relaxed));
        match oldest {
            Some(place) => {
                place.idle.store(false, Ordering::Release);
                place.leave.notify_one();
                true
            }
            None => false,
        }
    }

    fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0 || self.is_full()
    }

    /// Whether the guests have more memory than they may have, and not only by name.
    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_bytes
            && (self.in_memory_bytes)().is_none_or(|bytes| bytes > self.max_bytes)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Place>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Linux says in `/proc/self/status`.
fn process_in_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Counts who waits, also when the waiting is given up.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Seat {
    /// The guest works. It uses so many bytes now.
    pub(crate) fn busy(&self, bytes: u64) {
        self.place.idle.store(false, Ordering::Release);
        let before = self.place.bytes.swap(bytes, Ordering::Relaxed);
        if bytes != before {
            self.residency.bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
            if self.residency.is_full() {
                self.residency.ask_one_to_leave();
            }
        }
    }

    /// The guest waits. `true` where it should leave at once, since somebody waits for a seat or memory is short.
    pub(crate) fn idle(&self) -> bool {
        if self.residency.is_short() {
            return true;
        }
        self.place.last_used.store(self.residency.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.place.idle.store(true, Ordering::Release);
        // Somebody may have come between the look and the mark; they would have found nobody idle.
        self.residency.is_short()
    }

    /// Completes when the guest is asked to leave.
    pub(crate) async fn asked_to_leave(&self) {
        self.place.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.residency.lock().remove(&self.id);
        self.residency.bytes.fetch_sub(self.place.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use abide_model::{RunId, Tenant};

    use super::*;

    fn key(number: u128) -> RunKey {
        RunKey { tenant: Tenant::default(), run_id: RunId::new(0, number) }
    }

    #[tokio::test]
    async fn the_longest_idle_guest_leaves() {
        let residency = Residency::new(2, u64::MAX);
        let (first, second) = (residency.sit(&key(1)).await, residency.sit(&key(2)).await);
        assert!(!second.idle());
        assert!(!first.idle());
        let third = tokio::spawn({
            let residency = residency.clone();
            async move { residency.sit(&key(3)).await }
        });
        second.asked_to_leave().await;
        drop(second);
        let third = third.await.unwrap();
        assert_eq!(residency.resident(), 2);
        drop((first, third));
        assert_eq!(residency.resident(), 0);
    }

    #[tokio::test]
    async fn who_becomes_idle_while_somebody_waits_leaves_at_once() {
        let residency = Residency::new(1, u64::MAX);
        let only = residency.sit(&key(3)).await;
        let next = tokio::spawn({
            let residency = residency.clone();
            async move { residency.sit(&key(3)).await }
        });
        tokio::task::yield_now().await;
        assert!(only.idle());
        drop(only);
        next.await.unwrap();
    }

    #[tokio::test]
    async fn memory_that_is_not_used_counts_for_nothing() {
        let residency = Residency::measured(10, 100, || Some(99));
        let (one, two) = (residency.sit(&key(1)).await, residency.sit(&key(2)).await);
        one.busy(1000);
        two.busy(1000);
        assert!(!one.idle() && !two.idle());
    }

    #[test]
    fn the_system_tells_what_is_in_memory() {
        if cfg!(target_os = "linux") {
            assert!(process_in_memory_bytes().unwrap() > 1 << 20);
        }
    }

    #[tokio::test]
    async fn bytes_count_too() {
        let residency = Residency::measured(10, 100, || None);
        let (one, two) = (residency.sit(&key(1)).await, residency.sit(&key(2)).await);
        one.busy(60);
        assert!(!one.idle());
        two.busy(60);
        one.asked_to_leave().await;
        drop(one);
        assert!(!two.idle());
    }
}
