//! The record of who did what. An entry is on its way to the disk before what it tells is done, so nothing that is durable is without one; what
//! came of it is added afterwards.

use std::sync::atomic::{AtomicU64, Ordering};

use abide_history::{Owner, StoreError};
use abide_model::{AuditEntry, AuditId, Error, Tenant};

use crate::Host;
use crate::inner::Inner;
use crate::view::{Audit, AuditView};

/// Tells entries of the same millisecond apart.
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Host {
    /// Names an entry of this moment.
    pub fn audit_id(&self) -> AuditId {
        AuditId { time_ms: self.inner.clock.now_ms(), number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// Records what somebody does for a tenant, or for the host, in place of the entry of that id. Changes that begin after this was first
    /// polled become durable no sooner.
    pub async fn record_audit(&self, tenant: Option<&Tenant>, id: AuditId, entry: AuditEntry) -> Result<(), Error> {
        Ok(self.inner.store.record_audit(&owner(tenant), id, entry).await?)
    }

    /// What was done for a tenant, or for the host, latest first.
    pub async fn audit(&self, tenant: Option<&Tenant>, before: Option<AuditId>, limit: usize) -> Result<Audit, Error> {
        let found = self.inner.store.audit(&owner(tenant), before, limit).await?;
        let next = found.last().filter(|_| found.len() == limit).map(|(id, _)| id.to_string());
        let entries = found.into_iter().map(|(id, entry)| {
            let AuditEntry { actor, action, target, status } = entry;
            AuditView { time_ms: id.time_ms, actor, action, target, status }
        });
        Ok(Audit { entries: entries.collect(), next })
    }
}

impl Inner {
    /// Removes what was done too long ago.
    pub(crate) async fn prune_audit(&self) -> Result<(), StoreError> {
        let Some(kept) = self.config.retention.audit else { return Ok(()) };
        let kept_ms = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let until_ms = self.clock.now_ms().saturating_sub(kept_ms);
        let owners = self.tenants().into_iter().map(Owner::Tenant);
        for owner in std::iter::once(Owner::Host).chain(owners) {
            self.store.prune_audit(&owner, until_ms).await?;
        }
        Ok(())
    }
}

fn owner(tenant: Option<&Tenant>) -> Owner {
    tenant.map_or(Owner::Host, |tenant| Owner::Tenant(tenant.clone()))
}
