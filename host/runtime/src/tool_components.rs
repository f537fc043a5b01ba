//! Tool components that are uploaded: stored first, then installed where calls are performed. A host that comes up installs what the store has
//! before it drives a run.

use std::collections::BTreeMap;

use abide_activities::{PreparedTool, ToolComponents as Installed, ToolOverview};
use abide_history::UploadedTool;
use abide_model::{Digest, Error, ErrorCode, Json, Tenant};
use bytes::Bytes;
use tokio::sync::SemaphorePermit;

use crate::Host;
use crate::capabilities::refused;
use crate::errors::no_tool;
use crate::inner::{Inner, stopping};
use crate::programs::blocking;
use crate::view::{DeletedTool, PutTool, ToolComponent, ToolComponents, ToolSource};

impl Host {
    /// Takes a tool component in place of the one of its name. It is durable and compiled when this gives `Ok`, and calls that begin from
    /// then on are performed by it; those under way go on with the one before.
    ///
    /// `NameTaken` where the configuration has the name or another one performs an interface of it, `ToolInUse` where a workflow needs an
    /// interface that it does not perform any more.
    pub async fn put_tool(&self, tenant: &Tenant, name: &str, settings: Json, file: Bytes) -> Result<PutTool, Error> {
        let inner = &self.inner;
        inner.check_ready()?;
        self.check_component(&file)?;
        inner.check_upload(tenant, file.len()).await?;
        let _upload = inner.sharing.upload(&inner.share(tenant)).await;
        let installed = installed(inner)?;
        let version = Digest::of(&file);
        // What takes long goes first; what others may have changed meanwhile is looked at again when it is this one's turn.
        prepare(&installed, tenant, name, settings.clone(), file.clone()).await?.compiled().await?;
        let _turn = turn(inner).await?;
        let prepared = prepare(&installed, tenant, name, settings, file).await?;
        let rights = inner.rights(tenant, None);
        for need in &prepared.needs {
            rights.check(std::slice::from_ref(need)).map_err(|failure| refused("the tool component", &failure))?;
        }
        self.check_unused(tenant, name, Some(&prepared), &installed).await?;
        let row = UploadedTool {
            name: name.to_owned(),
            version,
            uploaded_ms: inner.clock.now_ms(),
            size_bytes: prepared.file.len() as u64,
            settings: prepared.settings.clone(),
        };
        let created = inner.store.tools(tenant).await?.iter().all(|known| known.name != name);
        inner.store.put_tool(tenant, row.clone(), Bytes::from(prepared.file.clone())).await?;
        installed.install(&prepared);
        let overview = installed.overview(tenant, name).unwrap_or_default();
        Ok(PutTool { tool: shown(row, overview), created })
    }

    /// All tool components, by name.
    pub async fn tools(&self, tenant: &Tenant) -> Result<ToolComponents, Error> {
        let Some(installed) = self.inner.performer.tool_components() else {
            return Ok(ToolComponents { tools: Vec::new() });
        };
        let uploaded = self.inner.store.tools(tenant).await?.into_iter().map(|row| {
            let overview = installed.overview(tenant, &row.name).unwrap_or_default();
            (row.name.clone(), shown(row, overview))
        });
        let mut tools: BTreeMap<_, _> = uploaded.collect();
        for (name, overview) in installed.configured() {
            // One that was uploaded before the configuration took its name is shown as it is: it can be deleted.
            tools.entry(name.clone()).or_insert_with(|| configured(name, overview));
        }
        Ok(ToolComponents { tools: tools.into_values().collect() })
    }

    /// A tool component.
    pub async fn tool(&self, tenant: &Tenant, name: &str) -> Result<ToolComponent, Error> {
        let all = self.tools(tenant).await?;
        all.tools.into_iter().find(|tool| tool.name == name).ok_or_else(|| no_tool(name))
    }

    /// Removes a tool component. Calls under way go on. `ToolInUse` while the active version of a workflow imports an interface that nobody
    /// else performs.
    pub async fn delete_tool(&self, tenant: &Tenant, name: &str) -> Result<DeletedTool, Error> {
        let inner = &self.inner;
        inner.check_ready()?;
        let installed = installed(inner)?;
        let _turn = turn(inner).await?;
        if inner.store.tools(tenant).await?.iter().all(|known| known.name != name) {
            return Err(match installed.configured().iter().any(|(known, _)| known == name) {
                true => {
                    let message =
                        format!("`{name}` is a tool component of the host's configuration: remove its section there");
                    Error::new(ErrorCode::InvalidArgument, message)
                }
                false => no_tool(name),
            });
        }
        self.check_unused(tenant, name, None, &installed).await?;
        inner.store.delete_tool(tenant, name).await?;
        installed.remove(tenant, name);
        Ok(DeletedTool { name: name.to_owned() })
    }

    /// Refuses to leave the active version of a workflow without somebody who performs what it imports.
    async fn check_unused(
        &self,
        tenant: &Tenant,
        name: &str,
        instead: Option<&PreparedTool>,
        installed: &Installed,
    ) -> Result<(), Error> {
        let store = &self.inner.store;
        for version in store.versions(tenant, None).await? {
            let missed = installed.missed(tenant, name, instead, &version.imports);
            let Some(first) = missed.first() else { continue };
            let workflow = &version.workflow;
            let routing = store.routing(tenant, workflow).await?;
            let taken = [routing.active, routing.ramp.map(|ramp| ramp.version)];
            if !taken.contains(&Some(version.version)) {
                continue;
            }
            let message = format!(
                "the active version of the workflow `{workflow}` imports `{first}`, which nobody but the tool component `{name}` performs: \
                 bind it to somebody else in `[activities]` of the configuration, or deploy a version that does without"
            );
            return Err(Error::new(ErrorCode::ToolInUse, message));
        }
        Ok(())
    }
}

/// Installs what the store has. One that cannot be run is kept with the reason, and the host comes up.
pub(crate) async fn load(inner: &Inner) -> Result<(), Error> {
    let Some(installed) = inner.performer.tool_components().cloned() else { return Ok(()) };
    for tenant in inner.tenants() {
        load_of(inner, &installed, &tenant).await?;
    }
    Ok(())
}

async fn load_of(inner: &Inner, installed: &Installed, tenant: &Tenant) -> Result<(), Error> {
    for row in inner.store.tools(tenant).await? {
        let component = inner.store.tool_component(tenant, &row.name).await?;
        let prepared = match component {
            Some(component) => prepare(installed, tenant, &row.name, row.settings, component).await,
            None => Err(Error::new(ErrorCode::StoreCorrupt, "its component is not in the store: upload it again")),
        };
        match prepared {
            Ok(prepared) => installed.install(&prepared),
            Err(error) => {
                tracing::warn!(tool = row.name, %error, "a tool component that was uploaded cannot be run");
                installed.install_broken(tenant, &row.name, &error.message);
            }
        }
    }
    Ok(())
}

async fn prepare(
    installed: &Installed,
    tenant: &Tenant,
    name: &str,
    settings: Json,
    file: Bytes,
) -> Result<PreparedTool, Error> {
    let (installed, tenant, name) = (installed.clone(), tenant.clone(), name.to_owned());
    blocking(move || installed.prepare(&tenant, &name, &settings, &file)).await
}

fn installed(inner: &Inner) -> Result<Installed, Error> {
    inner.performer.tool_components().cloned().ok_or_else(|| {
        Error::new(ErrorCode::Unavailable, "this host has no sandbox for tool components, and takes none")
    })
}

/// Waits for its turn. Who has it may wait for the store.
async fn turn(inner: &Inner) -> Result<SemaphorePermit<'_>, Error> {
    inner.tool_turn.acquire().await.map_err(|_| stopping())
}

fn shown(row: UploadedTool, overview: ToolOverview) -> ToolComponent {
    let UploadedTool { name, version, uploaded_ms, size_bytes, settings } = row;
    ToolComponent {
        source: ToolSource::Upload,
        version: Some(version),
        uploaded_ms: Some(uploaded_ms),
        size_bytes: Some(size_bytes),
        settings: Some(settings),
        ..configured(name, overview)
    }
}

fn configured(name: String, overview: ToolOverview) -> ToolComponent {
    let ToolOverview { exports, performs, tools, problem } = overview;
    ToolComponent {
        name,
        source: ToolSource::Configuration,
        exports,
        performs,
        tools,
        problem,
        version: None,
        uploaded_ms: None,
        size_bytes: None,
        settings: None,
    }
}
