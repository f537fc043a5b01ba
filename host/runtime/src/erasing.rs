//! Deleting a tenant with all that is stored of it. From the first commit on nobody can use it; its tasks end where they are, its key is
//! destroyed, then its rows go. What a crash cuts short goes on when the host comes up, before anything is driven.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use abide_history::{DocumentChange, DocumentKind, Owner};
use abide_model::{Error, ErrorCode, Tenant, TenantRow, TenantState, Token};
use tokio_util::sync::CancellationToken;

use crate::Host;
use crate::encoded::encoded;
use crate::inner::Inner;
use crate::tenants::{no_tenant, shown};
use crate::view::TenantView;

/// How long the tasks of a tenant are waited for. What one writes later is refused by the store.
const TASKS_END: Duration = Duration::from_secs(10);
/// How often they are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Documents that are read at a time.
const PAGE: usize = 500;

/// What ends all tasks of a tenant, for each that has some.
#[derive(Default)]
pub(crate) struct Ends(Mutex<HashMap<Tenant, CancellationToken>>);

impl Ends {
    /// Of a tenant. It ends with the host, too.
    pub(crate) fn of(&self, tenant: &Tenant, host: &CancellationToken) -> CancellationToken {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.entry(tenant.clone()).or_insert_with(|| host.child_token()).clone()
    }

    /// Lets the tasks of a new tenant of that name run.
    pub(crate) fn renew(&self, tenant: &Tenant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }
}

impl Host {
    /// Begins to delete a tenant, with all that is stored of it. Nobody can use it when this gives `Ok`; what is left is removed meanwhile,
    /// also when the host is stopped and comes up again.
    pub async fn delete_tenant(&self, tenant: &Tenant) -> Result<TenantView, Error> {
        self.inner.check_ready()?;
        if *tenant == Tenant::default() {
            let message =
                "the tenant `default` is there always: delete its runs, versions, schedules and secrets by themselves";
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        let row = self.inner.tenants.get(tenant).ok_or_else(|| no_tenant(tenant))?;
        let row = TenantRow { state: TenantState::Deleting, ..row };
        self.inner.store.change_documents(vec![tenant_change(tenant, Some(&row))]).await?;
        self.inner.tenants.put(tenant.clone(), row.clone());
        let (inner, owner) = (self.inner.clone(), tenant.clone());
        self.inner.tasks.spawn(async move {
            if let Err(error) = inner.erase(&owner).await {
                tracing::error!(tenant = %owner, %error, "a tenant is not deleted to the end: that goes on when the host is started again");
            }
        });
        Ok(shown(tenant.clone(), &row))
    }
}

impl Inner {
    /// Ends the tasks of a tenant.
    pub(crate) fn end_of(&self, tenant: &Tenant) -> CancellationToken {
        self.ends.of(tenant, &self.stopping)
    }

    /// Goes on with what an earlier host began to delete.
    pub(crate) async fn finish_erasures(&self) -> Result<(), Error> {
        for tenant in self.tenants.deleting() {
            tracing::info!(%tenant, "the deletion of a tenant goes on");
            self.erase(&tenant).await?;
        }
        Ok(())
    }

    /// Deletes a tenant that nobody can use any more.
    async fn erase(&self, tenant: &Tenant) -> Result<(), Error> {
        self.end_of(tenant).cancel();
        let waited = tokio::time::timeout(TASKS_END, async {
            while self.registry.has_any(tenant) {
                tokio::time::sleep(LOOK).await;
            }
        });
        if waited.await.is_err() {
            tracing::warn!(%tenant, "runs of a tenant that is being deleted compute for long: what they still want to write is refused");
        }
        self.remove_tokens(tenant).await?;
        self.revocations.send_replace(());
        if let Some(installed) = self.performer.tool_components() {
            for tool in self.store.tools(tenant).await.unwrap_or_default() {
                installed.remove(tenant, &tool.name);
            }
        }
        // Before its rows go, which say what there is: this is done again where a crash cuts it short.
        for version in self.store.versions(tenant, None).await.unwrap_or_default() {
            self.programs.forget_code(version.version, self.tenants()).await?;
        }
        self.store.erase(tenant).await?;
        self.settings.forget(tenant);
        self.programs.forget_all(tenant);
        self.secrets.forget(tenant);
        self.store.change_documents(vec![tenant_change(tenant, None)]).await?;
        self.tenants.remove(tenant);
        tracing::info!(%tenant, "a tenant is deleted, with all that was stored of it");
        Ok(())
    }

    /// Tokens are the host's rows, since they are looked for before it is known whose they are.
    async fn remove_tokens(&self, tenant: &Tenant) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let page = self.store.documents(&Owner::Host, DocumentKind::Token, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            let of_tenant = page.into_iter().filter(|(_, document)| {
                let token = minicbor::decode::<Token>(&document.value);
                token.is_ok_and(|token| token.tenant.as_ref() == Some(tenant))
            });
            let changes: Vec<_> = of_tenant
                .map(|(name, _)| DocumentChange {
                    owner: Owner::Host,
                    kind: DocumentKind::Token,
                    name,
                    expected: None,
                    value: None,
                })
                .collect();
            if !changes.is_empty() {
                self.store.change_documents(changes).await?;
            }
        }
    }
}

fn tenant_change(tenant: &Tenant, row: Option<&TenantRow>) -> DocumentChange {
    DocumentChange {
        owner: Owner::Host,
        kind: DocumentKind::Tenant,
        name: tenant.to_string(),
        expected: None,
        value: row.map(|row| encoded(row).into()),
    }
}
