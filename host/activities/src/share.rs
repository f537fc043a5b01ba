//! What share of the activities a tenant has, compared with the others: its weight, its pace at each provider, and its turns to compute. Whoever
//! makes an [`crate::Activity`] says whose share it is; the lanes keep to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use abide_fair::{Ask, Rate, Slot, Slots};
use abide_model::Tenant;

/// The share of a tenant. A cloneable handle: what is changed holds for all that was made of it.
#[derive(Clone)]
pub struct Share(Arc<Inner>);

struct Inner {
    tenant: Tenant,
    weight: AtomicU32,
    /// Where its tasks wait for their turn to compute, and who it is there. `None`: they do not.
    turns: Option<(Slots<u64>, u64)>,
    rates: Mutex<Rates>,
    began: Instant,
}

#[derive(Default)]
struct Rates {
    /// Calls a second, by the provider's name in the configuration.
    allowed: BTreeMap<String, u32>,
    rates: HashMap<String, Rate>,
}

impl Default for Share {
    fn default() -> Self {
        Self::new(Tenant::default(), None)
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Share({}, weight {})", self.0.tenant, self.weight())
    }
}

/// Two are the same where they are one.
impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Share {
    /// A share without bounds, whose tasks take turns with those of others in `turns`.
    pub fn new(tenant: Tenant, turns: Option<Slots<u64>>) -> Self {
        // There is a turn for each poll of a task: a number is quicker than a name.
        static MADE: AtomicU64 = AtomicU64::new(0);
        let turns = turns.map(|turns| (turns, MADE.fetch_add(1, Ordering::Relaxed)));
        let weight = AtomicU32::new(1);
        Self(Arc::new(Inner { tenant, weight, turns, rates: Mutex::default(), began: Instant::now() }))
    }

    /// What it weighs, compared with others.
    pub fn weight(&self) -> u32 {
        self.0.weight.load(Ordering::Relaxed)
    }

    /// Where its tasks wait for their turn to compute, and who it is there.
    pub fn turns(&self) -> Option<(Slots<u64>, u64)> {
        self.0.turns.clone()
    }

    /// Another weight, and other paces, by the provider's name in the configuration (`llm.openai`).
    pub fn set(&self, weight: u32, calls_per_second: BTreeMap<String, u32>) {
        self.0.weight.store(weight.max(1), Ordering::Relaxed);
        let mut rates = self.rates();
        let Rates { allowed, rates } = &mut *rates;
        rates.retain(|provider, rate| match calls_per_second.get(provider) {
            Some(per_second) => {
                rate.set(*per_second);
                true
            }
            None => false,
        });
        *allowed = calls_per_second;
    }

    /// Waits until the next call of a provider may begin.
    pub(crate) async fn pace(&self, provider: &str) {
        let wait = {
            let mut rates = self.rates();
            let Rates { allowed, rates } = &mut *rates;
            let Some(per_second) = allowed.get(provider) else { return };
            let rate = rates.entry(provider.to_owned()).or_insert_with(|| Rate::new(*per_second));
            rate.reserve(self.0.began.elapsed())
        };
        if !wait.is_zero() {
            let mut waiting = Reserved { share: self, provider, used: false };
            tokio::time::sleep(wait).await;
            waiting.used = true;
        }
    }

    /// Waits for a slot of many that tenants share.
    pub(crate) async fn slot(&self, slots: &Slots<Tenant>) -> Slot<Tenant> {
        slots.take(Ask::one(self.0.tenant.clone(), self.weight())).await
    }

    /// Lets `future` compute when it is the tenant's turn: each of its polls takes one.
    pub async fn fairly<T>(self, future: impl Future<Output = T>) -> T {
        let future = std::pin::pin!(future);
        match &self.0.turns {
            Some((turns, number)) => turns.fairly(|| Ask::one(*number, self.weight()), future).await,
            None => future.await,
        }
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.0.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place at a provider's pace; given back where nobody waits for it any more.
struct Reserved<'a> {
    share: &'a Share,
    provider: &'a str,
    used: bool,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if !self.used
            && let Some(rate) = self.share.rates().rates.get_mut(self.provider)
        {
            rate.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_provider_has_its_pace_and_others_have_none() {
        let share = Share::default();
        share.set(3, [("llm.openai".to_owned(), 2)].into());
        assert_eq!(share.weight(), 3);
        share.pace("tools.shop").await;
        let mut rates = share.rates();
        rates.rates.entry("llm.openai".to_owned()).or_insert_with(|| Rate::new(2));
        let now = share.0.began.elapsed();
        let waits: Vec<_> =
            (0..4).map(|_| rates.rates.get_mut("llm.openai").unwrap().reserve(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000]);
    }
}
