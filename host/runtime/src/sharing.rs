//! What each tenant may use of the host, and how the tenants share it: the shares of their activities and guests, their calls in flight, and
//! their rates. Quotas come from the tenant's settings; the truth about what is stored is the store's.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use abide_activities::Share;
use abide_fair::{Ask, Charge, Rate, Slot, Slots};
use abide_history::StoreShare;
use abide_model::{Error, ErrorCode, Failure, Quotas, Tenant};

use crate::residency::Claim;
use crate::slice;

/// Replays and queries at the same time, beside the resident guests.
pub(crate) const REPLAY_SEATS: u32 = 8;
/// Of those, so many are kept for others than the tenant that has the rest.
const KEPT_SEATS: u32 = 2;
/// Uploads that are looked at and compiled at the same time.
const UPLOADS: u32 = 2;
/// How long an activity waits for its tenant's quota, where the guest does not say how long it may take.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What tenants share.
pub(crate) struct Sharing {
    turns: Slots<u64>,
    replays: Slots<Tenant>,
    uploads: Slots<Tenant>,
    /// Bounded by quotas only.
    calls: Slots<Tenant>,
    tenants: Mutex<HashMap<Tenant, Arc<TenantShare>>>,
}

/// The share of a tenant.
pub(crate) struct TenantShare {
    tenant: Tenant,
    /// What its activities and its guests wait by.
    pub(crate) activities: Share,
    quotas: Mutex<Arc<Quotas>>,
    rates: Mutex<Rates>,
    /// Starts that are not yet counted by the store.
    starting: AtomicU64,
    /// Bytes in the store, as they were looked at last.
    pub(crate) stored_bytes: AtomicU64,
    began: Instant,
}

#[derive(Default)]
struct Rates {
    starts: Option<Rate>,
    calls: Option<Rate>,
}

impl Sharing {
    pub(crate) fn new() -> Self {
        Self {
            turns: slice::turns(),
            replays: Slots::new(REPLAY_SEATS, Charge::Time),
            uploads: Slots::new(UPLOADS, Charge::Time),
            calls: Slots::new(u32::MAX, Charge::Each),
            tenants: Mutex::default(),
        }
    }

    /// The share of a tenant, by its quotas as they are now. Where its weight changed, the store is told.
    pub(crate) fn of(
        &self,
        tenant: &Tenant,
        quotas: Option<Arc<Quotas>>,
        tell_store: impl FnOnce(StoreShare),
    ) -> Arc<TenantShare> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let share = match tenants.get(tenant) {
            Some(share) => share.clone(),
            None => {
                let share = Arc::new(TenantShare::new(tenant, Share::new(tenant.clone(), Some(self.turns.clone()))));
                tenants.insert(tenant.clone(), share.clone());
                share
            }
        };
        drop(tenants);
        if share.follow(quotas.unwrap_or_default()) {
            tell_store(StoreShare { weight: share.activities.weight(), turns: share.activities.turns() });
        }
        share
    }

    /// Waits for a seat for a replay. A tenant never has all of them, so that others can always look at something.
    pub(crate) async fn replay(&self, share: &TenantShare, seats: u32) -> Slot<Tenant> {
        self.replays.take(share.ask().units(seats).at_most(REPLAY_SEATS - KEPT_SEATS)).await
    }

    /// Waits until an upload may be looked at: one of a tenant at a time.
    pub(crate) async fn upload(&self, share: &TenantShare) -> Slot<Tenant> {
        self.uploads.take(share.ask().at_most(1)).await
    }

    /// Activities of a tenant that are under way.
    pub(crate) fn calls_in_flight(&self, tenant: &Tenant) -> u32 {
        self.calls.used_by(tenant)
    }

    /// Waits until an activity may begin, by the quotas of its tenant. It may wait as long as it may take altogether.
    pub(crate) async fn admit(
        &self,
        share: &TenantShare,
        total_timeout_ms: Option<u64>,
    ) -> Result<Slot<Tenant>, Failure> {
        let quotas = share.quotas();
        let most = quotas.calls_in_flight.unwrap_or(u32::MAX);
        let admitted = async {
            let slot = self.calls.take(share.ask().at_most(most)).await;
            share.pace().await;
            slot
        };
        let longest = total_timeout_ms.map_or(LONGEST_WAIT, Duration::from_millis).min(LONGEST_WAIT);
        tokio::time::timeout(longest, admitted).await.map_err(|_| {
            let message = format!(
                "the call waited {} s for the quotas of tenant `{}` (`calls_in_flight`, `calls_per_second`): make fewer calls at a \
                 time, or ask for a larger quota",
                longest.as_secs(),
                share.tenant
            );
            Failure::retryable("quota-exceeded", message)
        })
    }
}

impl TenantShare {
    fn new(tenant: &Tenant, activities: Share) -> Self {
        Self {
            tenant: tenant.clone(),
            activities,
            quotas: Mutex::new(Arc::new(Quotas { weight: Some(1), ..Quotas::default() })),
            rates: Mutex::default(),
            starting: AtomicU64::new(0),
            stored_bytes: AtomicU64::new(0),
            began: Instant::now(),
        }
    }

    pub(crate) fn quotas(&self) -> Arc<Quotas> {
        self.quotas.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ask(&self) -> Ask<Tenant> {
        Ask::one(self.tenant.clone(), self.activities.weight())
    }

    /// What it may have in memory.
    pub(crate) fn claim(&self) -> Claim {
        let quotas = self.quotas();
        Claim {
            weight: quotas.weight(),
            guests: quotas.resident_guests.unwrap_or(u32::MAX),
            bytes: quotas.resident_bytes.unwrap_or(u64::MAX),
        }
    }

    /// Takes other quotas from now on. `false` where they are the same.
    fn follow(&self, quotas: Arc<Quotas>) -> bool {
        let mut known = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&known, &quotas) || **known == *quotas {
            return false;
        }
        *known = quotas.clone();
        drop(known);
        self.activities.set(quotas.weight(), quotas.provider_calls_per_second.clone());
        let mut rates = self.rates();
        set(&mut rates.starts, quotas.starts_per_second);
        set(&mut rates.calls, quotas.calls_per_second);
        true
    }

    /// Waits until the next activity may begin.
    async fn pace(&self) {
        let wait = self.rates().calls.as_mut().map(|rate| rate.reserve(self.began.elapsed())).unwrap_or_default();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Whether a run may start now, by the rate.
    pub(crate) fn may_start(&self) -> Result<(), Error> {
        let Some(wait) = self.rates().starts.as_mut().and_then(|rate| rate.take(self.began.elapsed()).err()) else {
            return Ok(());
        };
        let per_second = self.quotas().starts_per_second.unwrap_or_default();
        let message = format!("tenant `{}` may start {per_second} runs a second: start it again later", self.tenant);
        let wait_ms = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1);
        Err(Error::new(ErrorCode::QuotaExceeded, message).retry_after(wait_ms))
    }

    /// A run that is being started: it counts as open from here on.
    pub(crate) fn starting(self: &Arc<Self>) -> Starting {
        let before = self.starting.fetch_add(1, Ordering::AcqRel);
        Starting { share: self.clone(), before }
    }

    /// Refuses what would be stored while the tenant has more than its quota.
    pub(crate) fn check_stored(&self) -> Result<(), Error> {
        let stored = self.stored_bytes.load(Ordering::Relaxed);
        match self.quotas().stored_bytes {
            Some(limit) if stored >= limit => {
                let message = format!(
                    "tenant `{}` stores {stored} bytes, its quota is {limit}: delete runs or versions, or ask for a larger quota",
                    self.tenant
                );
                Err(Error::new(ErrorCode::QuotaExceeded, message))
            }
            _ => Ok(()),
        }
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(rate: &mut Option<Rate>, per_second: Option<u32>) {
    match (rate.as_mut(), per_second) {
        (_, None) => *rate = None,
        (Some(rate), Some(per_second)) => rate.set(per_second),
        (None, Some(per_second)) => *rate = Some(Rate::new(per_second)),
    }
}

/// A run that is being started, until the store counts it.
pub(crate) struct Starting {
    share: Arc<TenantShare>,
    before: u64,
}

impl Starting {
    /// Refuses the start where the store, which is asked after this began, counts as many `open` runs as there may be.
    pub(crate) fn check(&self, open: u64) -> Result<(), Error> {
        match self.share.quotas().open_runs {
            Some(limit) if open.saturating_add(self.before) >= limit => {
                let message = format!(
                    "tenant `{}` has {open} open runs, its quota is {limit}: end some, or ask for a larger quota",
                    self.share.tenant
                );
                Err(Error::new(ErrorCode::QuotaExceeded, message))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.share.starting.fetch_sub(1, Ordering::AcqRel);
    }
}
