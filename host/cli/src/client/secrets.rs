//! What the host is asked about secrets, and for all of a tenant.

use abide_model::Json;
use abide_runtime::view::{PutSecret, SecretView, Secrets, TenantView};
use anyhow::Result;
use reqwest::Response;
use zeroize::Zeroizing;

use super::Client;

impl Client {
    pub(crate) async fn secrets(&self) -> Result<Secrets> {
        self.ask(self.http.get(self.url(&["v1", "secrets"]))).await
    }

    pub(crate) async fn put_secret(
        &self,
        name: &str,
        value: Option<Zeroizing<String>>,
        hosts: Vec<String>,
    ) -> Result<SecretView> {
        let body = Json::of(&PutSecret { value: value.map(|value| value.to_string()), hosts })?;
        let request = self.http.put(self.url(&["v1", "secrets", name]));
        self.ask(request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body.as_str().to_owned())).await
    }

    pub(crate) async fn delete_tenant(&self, name: &str) -> Result<TenantView> {
        self.ask(self.http.delete(self.url(&["v1", "tenants", name]))).await
    }

    /// All of a tenant, as it comes.
    pub(crate) async fn export_tenant(&self, name: &str) -> Result<Response> {
        Ok(self.send(self.http.get(self.url(&["v1", "tenants", name, "export"]))).await?)
    }

    pub(crate) async fn delete_secret(&self, name: &str) -> Result<SecretView> {
        self.ask(self.http.delete(self.url(&["v1", "secrets", name]))).await
    }
}
