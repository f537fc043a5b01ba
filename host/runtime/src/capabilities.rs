//! Capabilities: what a tenant was granted and its versions ask for, where uploads, starts and calls meet it.

use std::sync::Arc;

use abide_activities::{Gateway, Policy};
use abide_engine::Inspected;
use abide_history::StoreError;
use abide_model::{
    Digest, Error, ErrorCode, Failure, Grants, Json, Limits, Manifest, Right, Rights, Tenant, WorkflowName,
};

use crate::inner::Inner;
use crate::view::Upload;

/// Interfaces of the host that reach out of a run, and how the rights begin that they need.
const REACHING: [(&str, &[&str]); 6] = [
    ("/llm@", &["llm"]),
    ("/tools@", &["tool"]),
    ("/http@", &["http"]),
    ("/children@", &["child"]),
    ("/runs@", &["signal", "cancel"]),
    ("wasi:http/outgoing-handler@", &["http"]),
];

/// How the names of the host's interfaces begin.
const OF_THE_HOST: [&str; 2] = ["abide:workflow/", "abide:workflow-blocking/"];

impl Inner {
    /// The rights of a version's runs; those of the tenant itself without a manifest.
    pub(crate) fn rights(&self, tenant: &Tenant, manifest: Option<Arc<Manifest>>) -> Rights {
        Rights::of(tenant, self.settings.get::<Grants>(tenant), manifest)
    }

    /// The rights of runs on a version, as they are now.
    pub(crate) async fn rights_of(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        version: Digest,
    ) -> Result<Rights, StoreError> {
        let manifest = self.programs.manifest(tenant, workflow, version).await?;
        Ok(self.rights(tenant, manifest))
    }

    /// What holds for the calls of runs on a version, as it is now.
    pub(crate) async fn policy(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        version: Digest,
    ) -> Result<Policy, StoreError> {
        let rights = self.rights_of(tenant, workflow, version).await?;
        Ok(Policy { rights, gateway: self.settings.get::<Gateway>(tenant) })
    }

    /// The limits of a run that starts now.
    pub(crate) fn limits_for(&self, tenant: &Tenant) -> Limits {
        let limits = &self.config.limits;
        self.settings.get::<Grants>(tenant).map_or_else(|| limits.clone(), |grants| grants.cap(limits))
    }

    /// What is kept out of the history of a run that starts now.
    pub(crate) fn veil_for(&self, tenant: &Tenant) -> Option<Json> {
        self.settings.get::<Gateway>(tenant).and_then(|gateway| gateway.veil())
    }
}

/// Refuses an upload that asks for more than its tenant has.
pub(crate) fn check_asks(rights: &Rights, upload: &Upload) -> Result<(), Error> {
    for ask in upload.manifest.iter().flat_map(|manifest| &manifest.asks) {
        rights.check(std::slice::from_ref(ask)).map_err(|failure| refused("the manifest", &failure))?;
    }
    let rights = rights.asking(upload.manifest.clone());
    for name in upload.configuration.environment.keys() {
        rights.check(&[Right::variable(name)]).map_err(|failure| refused("the configuration", &failure))?;
    }
    Ok(())
}

/// Refuses a component that imports what it can never use. A manifest says what it does use; languages whose tools import all there is need one.
pub(crate) fn check_imports(rights: &Rights, manifest: Option<&Manifest>, inspected: &Inspected) -> Result<(), Error> {
    let asking = rights.asking(manifest.cloned());
    for import in &inspected.typed {
        let needed = Right::interface(&import.interface);
        asking.check(&[needed]).map_err(|failure| refused("the component", &failure))?;
    }
    if manifest.is_some() {
        return Ok(());
    }
    for import in &inspected.imports {
        let Some(families) = families(import) else { continue };
        if !rights.has_any(families) {
            let example = format!("{}:*", families.join(":* or "));
            let example = example.replace("http:*", "http:GET HOST");
            let command = rights.command(&example);
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!(
                    "the component imports `{import}`, and its tenant has no grant for any of it: the host's admin gives one with \
                     `{command}`; where the component does not use it, say what it asks for with `abide deploy --manifest FILE`"
                ),
            ));
        }
    }
    Ok(())
}

/// How the rights begin that an interface of the host needs.
fn families(import: &str) -> Option<&'static [&'static str]> {
    let is_the_hosts = OF_THE_HOST.iter().any(|package| import.starts_with(package));
    let (_, families) = REACHING.iter().find(|(name, _)| match name.strip_prefix('/') {
        Some(name) => is_the_hosts && import.split_once('/').is_some_and(|(_, rest)| rest.starts_with(name)),
        None => import.starts_with(name),
    })?;
    Some(families)
}

/// The refusal of an upload.
pub(crate) fn refused(what: &str, failure: &Failure) -> Error {
    Error::new(ErrorCode::Forbidden, format!("{what} asks for what is not allowed: {}", failure.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_of_the_host_need_rights() {
        assert_eq!(families("abide:workflow/llm@0.1.0"), Some(&["llm"][..]));
        assert_eq!(families("abide:workflow-blocking/runs@0.1.0"), Some(&["signal", "cancel"][..]));
        assert_eq!(families("wasi:http/outgoing-handler@0.2.3"), Some(&["http"][..]));
        for free in
            ["abide:workflow/timer@0.1.0", "wasi:http/types@0.2.3", "acme:crm/llm@0.1.0", "abide:workflow/httpx@0.1.0"]
        {
            assert_eq!(families(free), None, "{free}");
        }
    }
}
