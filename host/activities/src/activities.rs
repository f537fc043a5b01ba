//! `Activities`: all that is configured, behind the one trait that the runtime knows. Each kind of call has its own folder.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use abide_engine::TypedImport;
use abide_model::{CallKind, Clock, Error, Failure, Tenant};

use crate::bindings::Bindings;
use crate::client;
use crate::components::Components;
use crate::config::ActivitiesConfig;
use crate::fetch::Fetcher;
use crate::lane::refused;
use crate::llm::Models;
use crate::tools::Tools;
use crate::{Activity, Performed, Performer, ToolComponents, Workers};

/// Performs calls by the configuration. A cloneable handle; what it started ends when the last one is dropped.
#[derive(Clone)]
pub struct Activities(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    models: Models,
    tools: Tools,
    bindings: Bindings,
    uploaded: ToolComponents,
    fetcher: Fetcher,
}

impl Activities {
    /// Checks the configuration and makes all providers. Relative paths begin at `base_dir`. Scripted providers start their server
    /// here, so this has to be called within a Tokio runtime; everything else is started when it is first used.
    pub fn new(config: ActivitiesConfig, base_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let client = client::build()?;
        let components = Components::new(&config, base_dir, &client)?;
        let uploaded = ToolComponents::new(&config, &components, &client);
        let tools = Tools::new(&config, base_dir, &client, &clock, &components, &uploaded)?;
        Ok(Self(Arc::new(Inner {
            models: Models::new(&config, base_dir, &client)?,
            bindings: Bindings::new(&config, &components, tools.workers(), &uploaded)?,
            uploaded,
            tools,
            fetcher: Fetcher::new("http", &config.http, client)?,
            clock,
        })))
    }

    /// Ends what the activities started (MCP servers) and waits until it has ended, which takes a few seconds at most. Calls that are
    /// under way fail.
    pub async fn close(&self) {
        self.0.tools.close().await;
    }
}

impl std::fmt::Debug for Activities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Activities")
    }
}

impl Performer for Activities {
    fn check_import(&self, tenant: &Tenant, import: &TypedImport) -> Result<(), Error> {
        self.0.bindings.check(tenant, import)
    }

    fn tool_components(&self) -> Option<&ToolComponents> {
        Some(&self.0.uploaded)
    }

    fn workers(&self) -> Option<&Workers> {
        Some(self.0.tools.workers())
    }

    fn perform(&self, activity: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        let inner = self.0.clone();
        Box::pin(async move {
            let clock = &*inner.clock;
            let performed = match activity.kind {
                CallKind::LlmGenerate => inner.models.generate(clock, &activity).await,
                CallKind::ToolsList => inner.tools.list(clock, &activity).await,
                CallKind::ToolsCall => inner.tools.call(clock, &activity).await,
                CallKind::ActivitiesCall => inner.bindings.call(clock, &activity).await,
                CallKind::HttpFetch => inner.fetcher.fetch(clock, &activity).await,
                kind => {
                    let message = format!("`{kind}` is no activity: the host answers it itself");
                    refused(Failure::new("invalid-request", message))
                }
            };
            activity.secrets.scrub(performed)
        })
    }
}
