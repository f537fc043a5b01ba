//! What the parts of a host share. The handle that users hold is [`crate::Host`].

use std::sync::Arc;

use abide_activities::Performer;
use abide_fair::Slot;
use abide_history::{Store, StoreError};
use abide_model::{Clock, Error, ErrorCode, Quotas, Recorded, RunId, Seq, Tenant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::HostConfig;
use crate::budgets::BudgetWarnings;
use crate::erasing::Ends;
use crate::followers::Followers;
use crate::programs::Programs;
use crate::registry::Registry;
use crate::residency::Residency;
use crate::secrets::SecretRows;
use crate::settings::Settings;
use crate::sharing::{Sharing, TenantShare};
use crate::tenants::Tenants;
use crate::timers::TimerHint;

/// Names a run in the whole host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunKey {
    pub(crate) tenant: Tenant,
    pub(crate) run_id: RunId,
}

/// How many events are read from the store at a time.
const PAGE_EVENTS: usize = 4096;

/// The parts of a host.
pub(crate) struct Inner {
    pub(crate) config: HostConfig,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) performer: Arc<dyn Performer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) programs: Programs,
    pub(crate) residency: Arc<Residency>,
    /// How the tenants share the host.
    pub(crate) sharing: Sharing,
    /// Changes of tool components take turns.
    pub(crate) tool_turn: tokio::sync::Semaphore,
    pub(crate) tenants: Tenants,
    pub(crate) settings: Settings,
    pub(crate) secrets: SecretRows,
    /// What ends the tasks of a tenant that is deleted.
    pub(crate) ends: Ends,
    /// Tells that a token was revoked.
    pub(crate) revocations: watch::Sender<()>,
    /// Changes of settings take turns.
    pub(crate) settings_turn: tokio::sync::Semaphore,
    pub(crate) registry: Registry,
    pub(crate) followers: Followers,
    pub(crate) timer_hint: TimerHint,
    /// Wakes the task of the schedules when one of them changed.
    pub(crate) schedule_hint: tokio::sync::Notify,
    /// Wakes the task that swaps runs, when a version became active.
    pub(crate) swap_hint: tokio::sync::Notify,
    pub(crate) budget_warnings: BudgetWarnings,
    /// Ends all tasks of the host.
    pub(crate) stopping: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Why the host can no longer work.
    pub(crate) failure: watch::Sender<Option<Error>>,
}

impl Inner {
    /// The share of a tenant, by its quotas as they are now.
    pub(crate) fn share(&self, tenant: &Tenant) -> Arc<TenantShare> {
        let of_store = |share| self.store.share(tenant, share);
        self.sharing.of(tenant, self.settings.get::<Quotas>(tenant), of_store)
    }

    /// Waits for a seat for a replay or a query, beside those of the runs.
    pub(crate) async fn replay_seat(&self, tenant: &Tenant, seats: u32) -> Slot<Tenant> {
        self.sharing.replay(&self.share(tenant), seats).await
    }

    /// The whole history of a run.
    pub(crate) async fn read_history(&self, key: &RunKey) -> Result<Vec<(Seq, Recorded)>, StoreError> {
        self.history_from(key, 0).await
    }

    /// The events of a run from `from` on.
    pub(crate) async fn history_from(&self, key: &RunKey, from: Seq) -> Result<Vec<(Seq, Recorded)>, StoreError> {
        let mut history = Vec::new();
        loop {
            let next = from + history.len() as Seq;
            let page = self.store.events(&key.tenant, key.run_id, next, PAGE_EVENTS).await?;
            if page.is_empty() {
                return Ok(history);
            }
            history.extend(page);
        }
    }

    /// Takes note that the store failed. The first failure is the one that is told.
    pub(crate) fn fail(&self, error: &StoreError) {
        if matches!(error, StoreError::Unavailable(_) | StoreError::Corrupt(_)) {
            self.failure.send_if_modified(|failure| {
                let first = failure.is_none();
                if first {
                    *failure = Some(error.clone().into());
                }
                first
            });
        }
    }

    /// `Err` while no work can be taken.
    pub(crate) fn check_ready(&self) -> Result<(), Error> {
        if let Some(error) = self.failure.borrow().clone() {
            return Err(error);
        }
        if let Some(error) = self.store.failed() {
            return Err(error.into());
        }
        if self.stopping.is_cancelled() {
            return Err(stopping());
        }
        Ok(())
    }
}

/// The answer of a host that is on its way down.
pub(crate) fn stopping() -> Error {
    Error::new(ErrorCode::Unavailable, "the host is stopping: try again when it is up")
}
