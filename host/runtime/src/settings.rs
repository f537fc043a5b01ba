//! The settings of tenants, in memory as they are in the store: who needs one reads it without waiting.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use abide_activities::Gateway;
use abide_history::{DocumentChange, DocumentKind, Owner, Store};
use abide_model::{Budgets, Error, ErrorCode, Grants, Json, Quotas, Setting, SettingKind, Tenant};

use crate::Host;
use crate::view::TenantSetting;

/// The largest document of a setting, in bytes of JSON.
const MAX_SETTING_BYTES: usize = 256 << 10;

/// The settings of all tenants.
#[derive(Default)]
pub(crate) struct Settings {
    loaded: RwLock<HashMap<(Tenant, SettingKind), Loaded>>,
}

struct Loaded {
    revision: u64,
    json: Json,
    typed: Arc<dyn Any + Send + Sync>,
}

/// Reads a document into its type.
fn read(kind: SettingKind, json: &Json) -> Result<Arc<dyn Any + Send + Sync>, Error> {
    match kind {
        SettingKind::Grants => typed::<Grants>(json),
        SettingKind::Quotas => typed::<Quotas>(json),
        SettingKind::Gateway => typed::<Gateway>(json),
        SettingKind::Budgets => typed::<Budgets>(json),
    }
}

fn typed<T: Setting>(json: &Json) -> Result<Arc<dyn Any + Send + Sync>, Error> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::new(ErrorCode::InvalidArgument, format!("these are no {}: {error}", T::KIND))
    };
    // A list would be read as the members in their order.
    if !json.as_str().trim_start().starts_with('{') {
        return Err(wrong(&"give a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json.as_str());
    let setting: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| wrong(&error))?;
    setting.check()?;
    Ok(Arc::new(setting))
}

fn document_kind(kind: SettingKind) -> DocumentKind {
    match kind {
        SettingKind::Grants => DocumentKind::Grants,
        SettingKind::Quotas => DocumentKind::Quotas,
        SettingKind::Gateway => DocumentKind::Gateway,
        SettingKind::Budgets => DocumentKind::Budgets,
    }
}

impl Settings {
    /// A setting of a tenant, where it was ever set.
    pub(crate) fn get<T: Setting>(&self, tenant: &Tenant) -> Option<Arc<T>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let typed = loaded.get(&(tenant.clone(), T::KIND))?.typed.clone();
        typed.downcast().ok()
    }

    /// Reads the settings of a tenant. One that this release cannot read keeps the host from coming up: what it forbids must not be allowed.
    pub(crate) async fn load(&self, store: &dyn Store, tenant: &Tenant) -> Result<(), Error> {
        for kind in SettingKind::ALL {
            let owner = Owner::Tenant(tenant.clone());
            let Some(document) = store.document(&owner, document_kind(kind), "").await? else { continue };
            let broken = |why: &str| {
                let message = format!("the setting `{kind}` of the tenant `{tenant}` cannot be read: {why}");
                Error::new(ErrorCode::StoreCorrupt, message)
            };
            let text = std::str::from_utf8(&document.value).map_err(|error| broken(&error.to_string()))?;
            let json = Json::parse(text).map_err(|error| broken(&error.to_string()))?;
            let typed = read(kind, &json).map_err(|error| broken(&error.message))?;
            self.put(tenant, kind, Some(Loaded { revision: document.revision, json, typed }));
        }
        Ok(())
    }

    /// Forgets the settings of a tenant that is gone.
    pub(crate) fn forget(&self, tenant: &Tenant) {
        for kind in SettingKind::ALL {
            self.put(tenant, kind, None);
        }
    }

    fn put(&self, tenant: &Tenant, kind: SettingKind, loaded: Option<Loaded>) {
        let mut all = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Some(loaded) => all.insert((tenant.clone(), kind), loaded),
            None => all.remove(&(tenant.clone(), kind)),
        };
    }

    fn shown(&self, tenant: &Tenant, kind: SettingKind) -> Option<TenantSetting> {
        let all = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let Loaded { revision, json, .. } = all.get(&(tenant.clone(), kind))?;
        Some(TenantSetting { tenant: tenant.clone(), setting: kind, revision: *revision, value: json.clone() })
    }
}

impl Host {
    /// A setting of a tenant.
    pub async fn setting(&self, tenant: &Tenant, kind: SettingKind) -> Result<TenantSetting, Error> {
        self.check_tenant(tenant)?;
        self.inner.settings.shown(tenant, kind).ok_or_else(|| not_set(tenant, kind))
    }

    /// Sets a setting of a tenant. It holds from then on, also for runs that are under way. `expected` is the revision that it has to have.
    pub async fn put_setting(
        &self,
        tenant: &Tenant,
        kind: SettingKind,
        value: Json,
        expected: Option<u64>,
    ) -> Result<TenantSetting, Error> {
        self.check_tenant(tenant)?;
        if value.len() > MAX_SETTING_BYTES {
            let message = format!("the setting has {} bytes, the limit is {MAX_SETTING_BYTES}", value.len());
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        let typed = read(kind, &value)?;
        let _turn = self.inner.settings_turn.acquire().await;
        let before = self.inner.settings.shown(tenant, kind).map_or(0, |setting| setting.revision);
        if expected.is_some_and(|expected| expected != before) {
            return Err(changed(tenant, kind, before));
        }
        self.inner.store.change_documents(vec![change(tenant, kind, before, Some(&value))]).await?;
        self.inner.settings.put(tenant, kind, Some(Loaded { revision: before + 1, json: value.clone(), typed }));
        Ok(TenantSetting { tenant: tenant.clone(), setting: kind, revision: before + 1, value })
    }

    /// Takes a setting back: the tenant has what one has that was never told.
    pub async fn delete_setting(&self, tenant: &Tenant, kind: SettingKind) -> Result<TenantSetting, Error> {
        self.check_tenant(tenant)?;
        let _turn = self.inner.settings_turn.acquire().await;
        let before = self.inner.settings.shown(tenant, kind).ok_or_else(|| not_set(tenant, kind))?;
        self.inner.store.change_documents(vec![change(tenant, kind, before.revision, None)]).await?;
        self.inner.settings.put(tenant, kind, None);
        Ok(before)
    }
}

fn change(tenant: &Tenant, kind: SettingKind, expected: u64, value: Option<&Json>) -> DocumentChange {
    DocumentChange {
        owner: Owner::Tenant(tenant.clone()),
        kind: document_kind(kind),
        name: String::new(),
        expected: Some(expected),
        value: value.map(|value| value.as_str().to_owned().into()),
    }
}

fn not_set(tenant: &Tenant, kind: SettingKind) -> Error {
    let message =
        format!("the tenant `{tenant}` has no setting `{kind}`: set it with `abide tenants set {tenant} {kind} JSON`");
    Error::new(ErrorCode::SettingNotFound, message)
}

fn changed(tenant: &Tenant, kind: SettingKind, revision: u64) -> Error {
    let message = format!(
        "the setting `{kind}` of the tenant `{tenant}` has the revision {revision} by now: look at it, then try again"
    );
    Error::new(ErrorCode::Conflict, message)
}
