//! What each tenant uses, beside its quotas. What is stored is counted by the store; a look at it every second is kept for those who must not
//! wait for the store.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use abide_model::{Digest, Error, ErrorCode, Tenant, WorkflowName};

use crate::Host;
use crate::inner::Inner;
use crate::sharing::Starting;
use crate::view::TenantUsage;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks at what is stored until the host stops.
pub(crate) async fn keep(inner: Arc<Inner>) {
    loop {
        for tenant in inner.tenants() {
            if inner.share(&tenant).quotas().stored_bytes.is_some()
                && let Err(error) = inner.look_at_stored(&tenant).await
            {
                tracing::warn!(%tenant, %error, "what a tenant stores cannot be looked at");
            }
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

impl Inner {
    /// Looks at what a tenant stores now.
    pub(crate) async fn look_at_stored(&self, tenant: &Tenant) -> Result<(), Error> {
        let usage = self.store.usage(tenant).await?;
        self.share(tenant).stored_bytes.store(usage.stored_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Refuses what somebody wants to store for a tenant that has as much as it may.
    pub(crate) async fn check_stored(&self, tenant: &Tenant) -> Result<(), Error> {
        let share = self.share(tenant);
        if share.quotas().stored_bytes.is_none() {
            return Ok(());
        }
        self.look_at_stored(tenant).await?;
        share.check_stored()
    }

    /// Refuses a component of so many bytes where the tenant may not have it.
    pub(crate) async fn check_upload(&self, tenant: &Tenant, bytes: usize) -> Result<(), Error> {
        let quotas = self.share(tenant).quotas();
        self.check_stored(tenant).await?;
        if let Some(limit) = quotas.component_bytes.filter(|limit| bytes as u64 > *limit) {
            let message = format!("the component has {bytes} bytes, the quota of tenant `{tenant}` is {limit}");
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        Ok(())
    }

    /// Refuses one version more where the tenant has as many as it may. One that it has may come again.
    pub(crate) async fn check_versions(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        version: Digest,
    ) -> Result<(), Error> {
        let Some(limit) = self.share(tenant).quotas().versions else { return Ok(()) };
        let versions = self.store.versions(tenant, None).await?;
        let count = versions.len() as u64;
        if count < limit || versions.iter().any(|known| known.version == version && known.workflow == *workflow) {
            return Ok(());
        }
        let message = format!(
            "tenant `{tenant}` has {count} versions, its quota is {limit}: delete some that no run is on, or ask for a larger quota"
        );
        Err(Error::new(ErrorCode::QuotaExceeded, message))
    }

    /// Takes a place for a run that somebody starts, brings along or forks; it counts as open until the store counts it.
    pub(crate) async fn admit_run(&self, tenant: &Tenant) -> Result<Starting, Error> {
        let share = self.share(tenant);
        share.check_stored()?;
        share.may_start()?;
        let starting = share.starting();
        if share.quotas().open_runs.is_some() {
            starting.check(self.store.usage(tenant).await?.open_runs)?;
        }
        Ok(starting)
    }
}

impl Host {
    /// What a tenant uses, and what it may use.
    pub async fn usage(&self, tenant: &Tenant) -> Result<TenantUsage, Error> {
        self.check_tenant(tenant)?;
        let inner = &self.inner;
        let stored = inner.store.usage(tenant).await?;
        let versions = inner.store.versions(tenant, None).await?.len() as u64;
        let (resident_guests, resident_bytes) = inner.residency.of(tenant);
        Ok(TenantUsage {
            tenant: tenant.clone(),
            open_runs: stored.open_runs,
            stored_bytes: stored.stored_bytes,
            versions,
            calls_in_flight: inner.sharing.calls_in_flight(tenant),
            resident_guests,
            resident_bytes,
            quotas: (*inner.share(tenant).quotas()).clone(),
        })
    }
}
