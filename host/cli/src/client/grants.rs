//! The grants of a tenant, as a setting with a revision: a change that somebody else made in between is not overwritten.

use abide_model::{ErrorCode, Grants, Json, SettingKind, Tenant};
use abide_runtime::view::TenantSetting;
use anyhow::Result;
use reqwest::{Method, Url};

use super::Client;
use crate::exit::Fault;

impl Client {
    /// The grants of a tenant with their revision; 0 where nobody set any.
    pub(crate) async fn grants(&self, tenant: &Tenant) -> Result<(Grants, u64)> {
        let setting = self.ask::<TenantSetting>(self.http.get(self.grants_url(tenant))).await;
        match setting {
            Ok(setting) => Ok((setting.value.read()?, setting.revision)),
            Err(error) if is_not_set(&error) => Ok((Grants::default(), 0)),
            Err(error) => Err(error),
        }
    }

    /// Sets them, if they still have that revision.
    pub(crate) async fn put_grants(&self, tenant: &Tenant, grants: &Grants, revision: u64) -> Result<TenantSetting> {
        let mut url = self.grants_url(tenant);
        url.query_pairs_mut().append_pair("revision", &revision.to_string());
        self.ask(self.request_with_json(Method::PUT, url, &Json::of(grants)?)).await
    }

    fn grants_url(&self, tenant: &Tenant) -> Url {
        self.url(&["v1", "tenants", tenant.as_str(), "settings", SettingKind::Grants.as_str()])
    }
}

/// Whether a host says that it has no such setting yet.
fn is_not_set(error: &anyhow::Error) -> bool {
    has_code(error, ErrorCode::SettingNotFound)
}

/// Whether a host refused with that code.
pub(crate) fn has_code(error: &anyhow::Error, code: ErrorCode) -> bool {
    error.downcast_ref::<Fault>().is_some_and(|fault| fault.code == code.as_str())
}
