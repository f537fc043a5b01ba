//! Which guests stay in memory. There are so many seats, and so many bytes; who wants a seat when none is free has a guest dropped that
//! waits. A dropped guest comes back by replay.
//!
//! Tenants have fair shares of the seats. A guest leaves for another tenant only where its own has more seats by weight; of the guests of the
//! tenant that has most, the one leaves that was idle the longest. So a tenant at full load turns over its own guests, and leaves those of
//! others where they are.
//!
//! A guest counts with the memory that it has. Much of that may be pages that nobody touched, or that all guests of a component share: as
//! long as the whole process has less in memory than the guests may have, nobody has to leave for bytes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use abide_fair::{Ask, Charge, Slot, Slots};
use abide_model::Tenant;
use tokio::sync::Notify;

use crate::inner::RunKey;

/// The seats of a host.
pub(crate) struct Residency {
    seats: Slots<Tenant>,
    max_bytes: u64,
    bytes: AtomicU64,
    /// What the process has in memory, where the system tells.
    in_memory_bytes: fn() -> Option<u64>,
    clock: AtomicU64,
    /// How many wait for a seat: mostly nobody.
    waiting: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next_id: u64,
    taken: HashMap<u64, Arc<Place>>,
    tenants: HashMap<Tenant, Standing>,
    /// Guests that were asked to leave for somebody who waits, and are not gone.
    leaving: usize,
}

/// How a tenant stands.
#[derive(Default)]
struct Standing {
    seats: usize,
    waiting: usize,
    bytes: u64,
    claim: Claim,
}

/// What a tenant may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) weight: u32,
    pub(crate) guests: u32,
    pub(crate) bytes: u64,
}

impl Default for Claim {
    fn default() -> Self {
        Self { weight: 1, guests: u32::MAX, bytes: u64::MAX }
    }
}

/// What the seats know of a resident guest.
struct Place {
    key: RunKey,
    /// What all guests of its tenant may have.
    tenant_bytes: u64,
    /// The guest waits, and may be dropped.
    idle: AtomicBool,
    /// It was asked to leave for one that waits.
    leaving: AtomicBool,
    last_used: AtomicU64,
    bytes: AtomicU64,
    leave: Notify,
}

/// A seat. Dropping it frees it.
pub(crate) struct Seat {
    residency: Arc<Residency>,
    id: u64,
    place: Arc<Place>,
    /// Given back after it is known that the place is free.
    _slot: Slot<Tenant>,
}

impl Standing {
    /// Whether it has more by weight than `other` would have with one more seat. One that has nothing comes before all.
    fn has_more_than(&self, other: &Self) -> bool {
        let product = |seats: usize, weight: u32| seats as u128 * u128::from(weight.max(1));
        other.seats == 0 || product(self.seats, other.claim.weight) >= product(other.seats + 1, self.claim.weight)
    }

    /// Whether it has as many seats as it may have.
    fn is_full(&self) -> bool {
        self.seats >= self.claim.guests as usize
    }
}

impl State {
    /// Whether a guest of `tenant` should leave for one that waits.
    fn is_wanted_of(&self, tenant: &Tenant) -> bool {
        let Some(own) = self.tenants.get(tenant) else { return false };
        self.tenants.iter().filter(|(_, waiting)| waiting.waiting > 0).any(|(waiter, waiting)| {
            if waiting.is_full() || waiter == tenant { waiter == tenant } else { own.has_more_than(waiting) }
        })
    }

    fn waiting(&self) -> usize {
        self.tenants.values().map(|tenant| tenant.waiting).sum()
    }

    /// The guest that leaves next, of the tenants that `may` takes from: of the one that has most by weight, the one that was idle the longest.
    fn victim(&self, by_bytes: bool, may: impl Fn(&Tenant) -> bool) -> Option<&Arc<Place>> {
        let used = |place: &Arc<Place>| place.last_used.load(Ordering::Relaxed);
        let mut oldest: HashMap<&Tenant, &Arc<Place>> = HashMap::new();
        for place in self.taken.values().filter(|place| place.idle.load(Ordering::Acquire)) {
            let known = oldest.entry(&place.key.tenant).or_insert(place);
            if used(place) < used(known) {
                *known = place;
            }
        }
        let share = |tenant: &Tenant| {
            let standing = self.tenants.get(tenant);
            let used = standing.map_or(0, |known| if by_bytes { known.bytes } else { known.seats as u64 });
            used as f64 / f64::from(standing.map_or(1, |known| known.claim.weight.max(1)))
        };
        let most = oldest.into_iter().filter(|(tenant, _)| may(tenant));
        most.max_by(|(one, _), (other, _)| share(one).total_cmp(&share(other))).map(|(_, place)| place)
    }
}

impl Place {
    fn ask(&self, for_another: bool) {
        self.idle.store(false, Ordering::Release);
        self.leaving.store(for_another, Ordering::Release);
        self.leave.notify_one();
    }
}

impl Residency {
    pub(crate) fn new(seats: usize, max_bytes: u64) -> Arc<Self> {
        Self::measured(seats, max_bytes, process_in_memory_bytes)
    }

    fn measured(seats: usize, max_bytes: u64, in_memory_bytes: fn() -> Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            seats: Slots::new(u32::try_from(seats).unwrap_or(u32::MAX), Charge::Each),
            max_bytes,
            bytes: AtomicU64::new(0),
            in_memory_bytes,
            clock: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            state: Mutex::default(),
        })
    }

    /// Waits for a seat, fairly between tenants.
    pub(crate) async fn sit(self: &Arc<Self>, key: &RunKey, claim: Claim) -> Seat {
        let ask = Ask::one(key.tenant.clone(), claim.weight).at_most(claim.guests);
        self.lock().tenants.entry(key.tenant.clone()).or_default().claim = claim;
        let slot = match self.seats.try_take(&ask) {
            Some(slot) => slot,
            None => {
                let waiting = Waiting::new(self, &key.tenant);
                self.make_room();
                let slot = self.seats.take(ask).await;
                drop(waiting);
                slot
            }
        };
        let place = Arc::new(Place {
            key: key.clone(),
            tenant_bytes: claim.bytes,
            idle: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            leave: Notify::new(),
        });
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        state.taken.insert(id, place.clone());
        let standing = state.tenants.entry(key.tenant.clone()).or_default();
        standing.seats += 1;
        standing.claim = claim;
        drop(state);
        Seat { residency: self.clone(), id, place, _slot: slot }
    }

    /// How many guests are in memory.
    pub(crate) fn resident(&self) -> usize {
        self.lock().taken.len()
    }

    /// How many guests of a tenant are in memory, and their bytes.
    pub(crate) fn of(&self, tenant: &Tenant) -> (u64, u64) {
        self.lock().tenants.get(tenant).map_or((0, 0), |standing| (standing.seats as u64, standing.bytes))
    }

    /// Whether the guest of a run is in memory.
    pub(crate) fn has(&self, key: &RunKey) -> bool {
        self.lock().taken.values().any(|place| place.key == *key)
    }

    /// Asks as many guests to leave as somebody waits for. Where all are busy, the next that becomes idle sees that somebody waits.
    fn make_room(&self) {
        let mut state = self.lock();
        while state.leaving < state.waiting() {
            let Some(place) = state.victim(false, |tenant| state.is_wanted_of(tenant)) else { return };
            place.ask(true);
            state.leaving += 1;
        }
    }

    /// Whether the guests have more memory than they may have, and not only by name.
    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_bytes
            && (self.in_memory_bytes)().is_none_or(|bytes| bytes > self.max_bytes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Linux says in `/proc/self/status`.
fn process_in_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Counts who waits, also when the waiting is given up.
struct Waiting<'a> {
    residency: &'a Residency,
    tenant: &'a Tenant,
}

impl<'a> Waiting<'a> {
    fn new(residency: &'a Residency, tenant: &'a Tenant) -> Self {
        residency.lock().tenants.entry(tenant.clone()).or_default().waiting += 1;
        residency.waiting.fetch_add(1, Ordering::AcqRel);
        Self { residency, tenant }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.residency.waiting.fetch_sub(1, Ordering::AcqRel);
        if let Some(standing) = self.residency.lock().tenants.get_mut(self.tenant) {
            standing.waiting -= 1;
        }
    }
}

impl Seat {
    /// The guest works. It uses so many bytes now.
    pub(crate) fn busy(&self, bytes: u64) {
        self.place.idle.store(false, Ordering::Release);
        let before = self.place.bytes.swap(bytes, Ordering::Relaxed);
        if bytes == before {
            return;
        }
        let residency = &self.residency;
        residency.bytes.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
        let is_full = residency.is_full();
        let tenant = &self.place.key.tenant;
        let mut state = residency.lock();
        let over = state.tenants.get_mut(tenant).is_some_and(|standing| {
            standing.bytes = standing.bytes.wrapping_add(bytes).wrapping_sub(before);
            standing.bytes > standing.claim.bytes
        });
        if over || is_full {
            let leaves = state.victim(true, |other| !over || other == tenant);
            if let Some(place) = leaves {
                place.ask(false);
            }
        }
    }

    /// The guest waits. `true` where it should leave at once, since somebody waits for a seat or memory is short.
    pub(crate) fn idle(&self) -> bool {
        if self.should_leave() {
            return true;
        }
        let clock = &self.residency.clock;
        self.place.last_used.store(clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.place.idle.store(true, Ordering::Release);
        // Somebody may have come between the look and the mark; they would have found nobody idle.
        self.should_leave()
    }

    fn should_leave(&self) -> bool {
        // Something came for it just when it was asked: whether it is wanted still is decided anew.
        if self.place.leaving.swap(false, Ordering::AcqRel) {
            self.residency.lock().leaving -= 1;
        }
        if self.residency.is_full() {
            return true;
        }
        if self.residency.waiting.load(Ordering::Acquire) == 0 && self.place.tenant_bytes == u64::MAX {
            return false;
        }
        let tenant = &self.place.key.tenant;
        let state = self.residency.lock();
        let over = state.tenants.get(tenant).is_some_and(|standing| standing.bytes > standing.claim.bytes);
        over || (state.leaving < state.waiting() && state.is_wanted_of(tenant))
    }

    /// Completes when the guest is asked to leave.
    pub(crate) async fn asked_to_leave(&self) {
        self.place.leave.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let bytes = self.place.bytes.load(Ordering::Relaxed);
        self.residency.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mut state = self.residency.lock();
        state.taken.remove(&self.id);
        if self.place.leaving.load(Ordering::Acquire) {
            state.leaving -= 1;
        }
        if let Some(standing) = state.tenants.get_mut(&self.place.key.tenant) {
            standing.seats -= 1;
            standing.bytes = standing.bytes.wrapping_sub(bytes);
            if standing.seats == 0 && standing.waiting == 0 {
                state.tenants.remove(&self.place.key.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests;
