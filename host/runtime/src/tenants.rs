//! Tenants: who is there, in memory as in the store. The tenant `default` is there always.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use abide_history::{DocumentChange, DocumentKind, Owner, StoreError};
use abide_model::{Error, ErrorCode, Tenant, TenantRow, TenantState};

use crate::Host;
use crate::encoded::encoded;
use crate::inner::Inner;
use crate::view::{TenantView, Tenants as TenantsView};

/// The most tenants of a host.
const MAX_TENANTS: usize = 10_000;
/// Documents that are read at a time.
const PAGE: usize = 500;

/// All tenants but `default`.
#[derive(Default)]
pub(crate) struct Tenants(RwLock<BTreeMap<Tenant, TenantRow>>);

impl Tenants {
    pub(crate) fn put(&self, tenant: Tenant, row: TenantRow) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(tenant, row);
    }

    pub(crate) fn remove(&self, tenant: &Tenant) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    pub(crate) fn get(&self, tenant: &Tenant) -> Option<TenantRow> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        known.or_else(|| {
            (*tenant == Tenant::default()).then_some(TenantRow { created_ms: 0, state: TenantState::Active })
        })
    }

    /// Those that may be used, in the order of their names.
    fn active(&self) -> Vec<Tenant> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut active: Vec<_> =
            known.iter().filter(|(_, row)| row.state == TenantState::Active).map(|(name, _)| name.clone()).collect();
        if !known.contains_key(&Tenant::default()) {
            active.push(Tenant::default());
            active.sort_unstable();
        }
        active
    }

    fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Inner {
    /// All tenants that may be used.
    pub(crate) fn tenants(&self) -> Vec<Tenant> {
        self.tenants.active()
    }

    /// Reads all tenants and their settings.
    pub(crate) async fn load_tenants(&self) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.documents(&Owner::Host, DocumentKind::Tenant, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (name, document) in page {
                let tenant = Tenant::parse(&name)?;
                let row: TenantRow = minicbor::decode(&document.value).map_err(|error| {
                    Error::new(ErrorCode::StoreCorrupt, format!("the tenant `{name}` cannot be read: {error}"))
                })?;
                // Of one that is being deleted nothing is needed, and its secrets cannot be opened.
                if row.state == TenantState::Active {
                    self.settings.load(&*self.store, &tenant).await?;
                    self.secrets.load(&*self.store, &tenant).await?;
                }
                self.tenants.put(tenant, row);
            }
        }
        self.secrets.load(&*self.store, &Tenant::default()).await?;
        self.settings.load(&*self.store, &Tenant::default()).await
    }
}

impl Host {
    /// Makes a tenant. Nothing is granted to it yet.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<TenantView, Error> {
        self.inner.check_ready()?;
        if self.inner.tenants.count() >= MAX_TENANTS {
            return Err(Error::new(
                ErrorCode::LimitExceeded,
                format!("there are {MAX_TENANTS} tenants, which is the limit"),
            ));
        }
        let exists = || {
            let message =
                format!("there is a tenant `{tenant}`: take another name, or wait until its deletion is done");
            Error::new(ErrorCode::TenantExists, message)
        };
        if self.inner.tenants.get(tenant).is_some() {
            return Err(exists());
        }
        let row = TenantRow { created_ms: self.inner.clock.now_ms(), state: TenantState::Active };
        let change = DocumentChange {
            owner: Owner::Host,
            kind: DocumentKind::Tenant,
            name: tenant.to_string(),
            expected: Some(0),
            value: Some(encoded(&row).into()),
        };
        match self.inner.store.change_documents(vec![change]).await {
            Err(StoreError::DocumentChanged(_)) => return Err(exists()),
            done => done?,
        }
        // One of that name may have been deleted before.
        self.inner.store.keyring().release(tenant);
        self.inner.ends.renew(tenant);
        self.inner.tenants.put(tenant.clone(), row.clone());
        Ok(shown(tenant.clone(), &row))
    }

    /// All tenants, by name.
    pub fn tenants(&self) -> TenantsView {
        let mut names = self.inner.tenants();
        names.extend(self.inner.tenants.deleting());
        names.sort_unstable();
        let shown = |name: Tenant| self.inner.tenants.get(&name).map(|row| shown(name, &row));
        TenantsView { tenants: names.into_iter().filter_map(shown).collect() }
    }

    /// A tenant.
    pub fn tenant(&self, tenant: &Tenant) -> Result<TenantView, Error> {
        let row = self.inner.tenants.get(tenant).ok_or_else(|| no_tenant(tenant))?;
        Ok(shown(tenant.clone(), &row))
    }

    /// Refuses what is asked for a tenant that is not there, or is being deleted.
    pub fn check_tenant(&self, tenant: &Tenant) -> Result<(), Error> {
        match self.inner.tenants.get(tenant) {
            Some(TenantRow { state: TenantState::Active, .. }) => Ok(()),
            _ => Err(no_tenant(tenant)),
        }
    }
}

impl Tenants {
    pub(crate) fn deleting(&self) -> Vec<Tenant> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|(_, row)| row.state == TenantState::Deleting).map(|(name, _)| name.clone()).collect()
    }
}

pub(crate) fn no_tenant(tenant: &Tenant) -> Error {
    Error::new(
        ErrorCode::TenantNotFound,
        format!("there is no tenant `{tenant}`: `abide tenants` lists those that there are"),
    )
}

pub(crate) fn shown(tenant: Tenant, row: &TenantRow) -> TenantView {
    let created_ms = (row.created_ms > 0).then_some(row.created_ms);
    TenantView { tenant, created_ms, state: row.state }
}
