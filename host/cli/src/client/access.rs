//! What the host is asked about tenants, tokens, and who did what.

use abide_model::Json;
use abide_runtime::view::{
    Audit, CreateTenant, CreateToken, CreatedToken, Identity, TenantSetting, TenantUsage, TenantView, Tenants,
    TokenView, Tokens,
};
use anyhow::Result;
use reqwest::{Method, Url};

use super::Client;

impl Client {
    pub(crate) async fn whoami(&self) -> Result<Identity> {
        self.ask(self.http.get(self.url(&["v1", "whoami"]))).await
    }

    pub(crate) async fn create_token(&self, create: &CreateToken) -> Result<CreatedToken> {
        self.ask(self.with_json(self.url(&["v1", "tokens"]), &Json::of(create)?)).await
    }

    pub(crate) async fn tokens(&self, host: bool) -> Result<Tokens> {
        self.ask(self.http.get(of(self.url(&["v1", "tokens"]), host))).await
    }

    pub(crate) async fn revoke_token(&self, id: &str, host: bool) -> Result<TokenView> {
        self.ask(self.http.delete(of(self.url(&["v1", "tokens", id]), host))).await
    }

    pub(crate) async fn audit(&self, host: bool, before: Option<&str>, limit: usize) -> Result<Audit> {
        let mut url = of(self.url(&["v1", "audit"]), host);
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        if let Some(before) = before {
            url.query_pairs_mut().append_pair("before", before);
        }
        self.ask(self.http.get(url)).await
    }

    pub(crate) async fn create_tenant(&self, create: &CreateTenant) -> Result<TenantView> {
        self.ask(self.with_json(self.url(&["v1", "tenants"]), &Json::of(create)?)).await
    }

    pub(crate) async fn tenants(&self) -> Result<Tenants> {
        self.ask(self.http.get(self.url(&["v1", "tenants"]))).await
    }

    pub(crate) async fn tenant(&self, tenant: &str) -> Result<TenantView> {
        self.ask(self.http.get(self.url(&["v1", "tenants", tenant]))).await
    }

    pub(crate) async fn usage(&self, tenant: &str) -> Result<TenantUsage> {
        self.ask(self.http.get(self.url(&["v1", "tenants", tenant, "usage"]))).await
    }

    pub(crate) async fn setting(&self, tenant: &str, setting: &str) -> Result<TenantSetting> {
        self.ask(self.http.get(self.setting_url(tenant, setting))).await
    }

    /// Sets a setting; one that has another revision than `revision` stays as it is.
    pub(crate) async fn put_setting(
        &self,
        tenant: &str,
        setting: &str,
        value: &Json,
        revision: Option<u64>,
    ) -> Result<TenantSetting> {
        let mut url = self.setting_url(tenant, setting);
        if let Some(revision) = revision {
            url.query_pairs_mut().append_pair("revision", &revision.to_string());
        }
        self.ask(self.request_with_json(Method::PUT, url, value)).await
    }

    pub(crate) async fn delete_setting(&self, tenant: &str, setting: &str) -> Result<TenantSetting> {
        self.ask(self.http.delete(self.setting_url(tenant, setting))).await
    }

    fn setting_url(&self, tenant: &str, setting: &str) -> Url {
        self.url(&["v1", "tenants", tenant, "settings", setting])
    }
}

/// Of the host itself, where that is meant.
fn of(mut url: Url, host: bool) -> Url {
    if host {
        url.query_pairs_mut().append_pair("host", "true");
    }
    url
}
