//! Secrets of tenants: sealed with the tenant's key in the store and in memory, revealed when a request leaves. Nothing here gives a value to anybody but
//! activities.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use abide_activities::{Revealed, Secrets, TenantSecrets, check_hosts};
use abide_history::{DocumentChange, DocumentKind, KeyOf, Keyring, Owner, Store};
use abide_model::{Error, ErrorCode, Failure, SecretName, SecretRow, Tenant};
use zeroize::Zeroizing;

use crate::Host;
use crate::inner::Inner;
use crate::view::{PutSecret, SecretView, Secrets as SecretsView};

/// Secrets of one tenant.
const MAX_SECRETS: usize = 1000;
/// Hosts that one may be sent to.
const MAX_HOSTS: usize = 64;
/// A shorter value would be found by chance in what comes back.
const MIN_VALUE_BYTES: usize = 8;
/// The longest value.
const MAX_VALUE_BYTES: usize = 16 << 10;
/// Documents that are read at a time.
const PAGE: usize = 500;
/// When a secret was used last is written down no more often than this.
const NOTED_EVERY_MS: u64 = 60_000;

/// The secrets of all tenants.
#[derive(Default)]
pub(crate) struct SecretRows(RwLock<HashMap<Tenant, BTreeMap<SecretName, Known>>>);

#[derive(Clone)]
struct Known {
    revision: u64,
    row: SecretRow,
}

impl SecretRows {
    /// Reads the secrets of a tenant.
    pub(crate) async fn load(&self, store: &dyn Store, tenant: &Tenant) -> Result<(), Error> {
        let owner = Owner::Tenant(tenant.clone());
        let mut after: Option<String> = None;
        loop {
            let page = store.documents(&owner, DocumentKind::Secret, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for (name, document) in page {
                let row: SecretRow = minicbor::decode(&document.value).map_err(|error| {
                    let message = format!("the secret `{name}` of tenant `{tenant}` cannot be read: {error}");
                    Error::new(ErrorCode::StoreCorrupt, message)
                })?;
                self.put(tenant, SecretName::parse(&name)?, Known { revision: document.revision, row });
            }
        }
    }

    /// Forgets the secrets of a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &Tenant) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }

    fn get(&self, tenant: &Tenant, name: &SecretName) -> Option<Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(tenant)?.get(name).cloned()
    }

    fn put(&self, tenant: &Tenant, name: SecretName, known: Known) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(tenant.clone()).or_default().insert(name, known);
    }

    fn remove(&self, tenant: &Tenant, name: &SecretName) {
        if let Some(all) = self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(tenant) {
            all.remove(name);
        }
    }

    fn list(&self, tenant: &Tenant) -> Vec<SecretView> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(tenant).into_iter().flatten().map(|(name, known)| shown(name, &known.row)).collect()
    }
}

fn shown(name: &SecretName, row: &SecretRow) -> SecretView {
    let SecretRow { version, hosts, created_ms, changed_ms, last_used_ms, .. } = row.clone();
    SecretView { name: name.clone(), version, hosts, created_ms, changed_ms, last_used_ms }
}

/// What a value is bound to: where it may be sent is not to be changed without its key.
fn about(name: &SecretName, hosts: &[String]) -> String {
    format!("{name}\n{}", hosts.join("\n"))
}

fn reveal(keyring: &Keyring, tenant: &Tenant, name: &SecretName, row: &SecretRow) -> Result<Zeroizing<String>, Error> {
    let opened = keyring.open_sealed(tenant, KeyOf::Secret(&about(name, &row.hosts)), &row.sealed)?;
    let text = std::str::from_utf8(&opened).map(|text| Zeroizing::new(text.to_owned()));
    text.map_err(|_| Error::new(ErrorCode::StoreCorrupt, format!("the secret `{name}` is no text")))
}

/// The secrets that activities of one tenant may use.
struct OfTenant {
    inner: Arc<Inner>,
    tenant: Tenant,
}

impl TenantSecrets for OfTenant {
    fn reveal(&self, name: &str) -> Result<Revealed, Failure> {
        let Self { inner, tenant } = self;
        let parsed = SecretName::parse(name).map_err(|error| Failure::new("invalid-request", error.message))?;
        let Some(known) = inner.secrets.get(tenant, &parsed) else {
            let message = format!(
                "tenant `{tenant}` has no secret `{parsed}`: set it with `abide secrets set {parsed} --host HOST`"
            );
            return Err(Failure::new("denied", message));
        };
        let value = reveal(&inner.store.keyring(), tenant, &parsed, &known.row).map_err(|error| {
            tracing::error!(%tenant, secret = %parsed, %error, "a secret cannot be opened");
            Failure::new("unavailable", format!("the secret `{parsed}` cannot be opened: the log of the host says why"))
        })?;
        inner.note_use(tenant, &parsed);
        Ok(Revealed { value, hosts: known.row.hosts })
    }
}

impl Inner {
    /// The secrets that an activity of a tenant may use.
    pub(crate) fn secrets_of(self: &Arc<Self>, tenant: &Tenant) -> Secrets {
        Secrets::of(Arc::new(OfTenant { inner: self.clone(), tenant: tenant.clone() }))
    }

    /// Notes that a secret is used now. That it is written down late, or not at all, does no harm.
    fn note_use(self: &Arc<Self>, tenant: &Tenant, name: &SecretName) {
        let now_ms = self.clock.now_ms();
        let Some(known) = self.secrets.get(tenant, name) else { return };
        if known.row.last_used_ms.is_some_and(|before| now_ms < before.saturating_add(NOTED_EVERY_MS)) {
            return;
        }
        let row = SecretRow { last_used_ms: Some(now_ms), ..known.row };
        self.secrets.put(tenant, name.clone(), Known { revision: known.revision, row });
        let (inner, tenant, name) = (self.clone(), tenant.clone(), name.clone());
        self.tasks.spawn(async move {
            let Ok(_turn) = inner.settings_turn.acquire().await else { return };
            let Some(known) = inner.secrets.get(&tenant, &name) else { return };
            match inner.store.change_documents(vec![change(&tenant, &name, &known, Some(&known.row))]).await {
                Ok(()) => inner.secrets.put(&tenant, name, Known { revision: known.revision + 1, ..known }),
                Err(error) => {
                    tracing::warn!(%tenant, secret = %name, %error, "it is not written down that a secret was used")
                }
            }
        });
    }
}

fn change(tenant: &Tenant, name: &SecretName, before: &Known, row: Option<&SecretRow>) -> DocumentChange {
    DocumentChange {
        owner: Owner::Tenant(tenant.clone()),
        kind: DocumentKind::Secret,
        name: name.to_string(),
        expected: Some(before.revision),
        value: row.map(|row| crate::encoded::encoded(row).into()),
    }
}

impl Host {
    /// The secrets of a tenant: their names, and where they may be sent. Their values are given to nobody.
    pub fn secrets(&self, tenant: &Tenant) -> Result<SecretsView, Error> {
        self.check_tenant(tenant)?;
        Ok(SecretsView { secrets: self.inner.secrets.list(tenant) })
    }

    /// Sets a secret, or with no value only where it may be sent.
    pub async fn put_secret(&self, tenant: &Tenant, name: &SecretName, put: PutSecret) -> Result<SecretView, Error> {
        self.check_tenant(tenant)?;
        let inner = &self.inner;
        let invalid = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if put.hosts.is_empty() || put.hosts.len() > MAX_HOSTS {
            return invalid(format!("`hosts` names the hosts that the secret may be sent to: give 1 to {MAX_HOSTS}"));
        }
        check_hosts("hosts", &put.hosts).map_err(|error| Error::new(ErrorCode::InvalidArgument, error.message))?;
        let value = put.value.map(Zeroizing::new);
        if let Some(value) = &value
            && !(MIN_VALUE_BYTES..=MAX_VALUE_BYTES).contains(&value.len())
        {
            return invalid(format!("the value of a secret has {MIN_VALUE_BYTES} to {MAX_VALUE_BYTES} bytes"));
        }
        let _turn = inner.settings_turn.acquire().await;
        let before = inner.secrets.get(tenant, name);
        let keyring = inner.store.keyring();
        let value = match (value, &before) {
            (Some(value), _) => value,
            (None, Some(before)) => reveal(&keyring, tenant, name, &before.row)?,
            (None, None) => return Err(not_found(tenant, name)),
        };
        if before.is_none() && inner.secrets.list(tenant).len() >= MAX_SECRETS {
            let message = format!("tenant `{tenant}` has {MAX_SECRETS} secrets, which is the limit");
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let sealed = keyring.seal(tenant, KeyOf::Secret(&about(name, &put.hosts)), value.as_bytes())?;
        let now_ms = inner.clock.now_ms();
        let row = SecretRow {
            hosts: put.hosts,
            created_ms: before.as_ref().map_or(now_ms, |before| before.row.created_ms),
            changed_ms: now_ms,
            sealed,
            last_used_ms: before.as_ref().and_then(|before| before.row.last_used_ms),
            version: before.as_ref().map_or(0, |before| before.row.version) + 1,
        };
        let revision = before.as_ref().map_or(0, |before| before.revision);
        let known = Known { revision, row };
        inner.store.change_documents(vec![change(tenant, name, &known, Some(&known.row))]).await?;
        let view = shown(name, &known.row);
        inner.secrets.put(tenant, name.clone(), Known { revision: revision + 1, ..known });
        Ok(view)
    }

    /// Removes a secret.
    pub async fn delete_secret(&self, tenant: &Tenant, name: &SecretName) -> Result<SecretView, Error> {
        self.check_tenant(tenant)?;
        let _turn = self.inner.settings_turn.acquire().await;
        let before = self.inner.secrets.get(tenant, name).ok_or_else(|| not_found(tenant, name))?;
        self.inner.store.change_documents(vec![change(tenant, name, &before, None)]).await?;
        self.inner.secrets.remove(tenant, name);
        Ok(shown(name, &before.row))
    }
}

fn not_found(tenant: &Tenant, name: &SecretName) -> Error {
    let message = format!("tenant `{tenant}` has no secret `{name}`: `abide secrets` lists those that there are");
    Error::new(ErrorCode::SecretNotFound, message)
}
