//! `[components.NAME]`: tool components; and `[activities]`: which of them, or which workers, perform the interfaces that workflows import.

use std::collections::BTreeMap;
use std::path::PathBuf;

use abide_model::RetryPolicy;
use serde::{Deserialize, Serialize};

use super::{HttpConfig, Secret};

/// A component whose exported functions are tools and typed activities. Each call is one of a new instance.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComponentProvider {
    /// Its file. A relative path begins at the folder of the configuration.
    pub component: PathBuf,
    /// A WIT file whose comments describe its functions to models; components do not carry them.
    pub wit: Option<PathBuf>,
    /// What its own `http.fetch` may do. Nothing is allowed that is not named; `[http]` does not count here.
    pub http: HttpConfig,
    /// What it sees as its environment variables (`wasi:cli/environment`). They are its own: no workflow and no history has them.
    pub env: BTreeMap<String, Secret>,
    /// Variables of the host's environment that it is given as well, such as keys.
    pub pass_env: Vec<String>,
    /// Variables that hold secrets of the calling tenant: the name of each, and that of the secret. Every host that it may reach has to be one
    /// that the secret may be sent to.
    pub secret_env: BTreeMap<String, String>,
    /// What one call may use.
    pub limits: ComponentLimits,
    /// The longest that one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time. Default 16, at most 1000.
    pub max_concurrent: Option<usize>,
}

/// What one call of a tool component may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComponentLimits {
    /// Linear memory, in bytes. Default 128 MiB.
    pub memory_bytes: u64,
    /// Fuel between two calls of its own (about one unit a wasm instruction). Default 10 thousand million.
    pub step_fuel: u64,
    /// The largest result and the largest request of its own, in bytes of JSON. Default 4 MiB.
    pub result_bytes: u64,
}

impl Default for ComponentLimits {
    fn default() -> Self {
        Self { memory_bytes: 128 << 20, step_fuel: 10_000_000_000, result_bytes: 4 << 20 }
    }
}

/// `[tool_uploads]`: what tool components may have that come by the API, whoever uploads them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToolUploads {
    /// Variables of the host's environment that their settings may name. None, unless it stands here.
    pub pass_env: Vec<String>,
}

/// Who performs an interface: `{ component = "crm" }` or `{ worker = "crm-workers" }`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Binding {
    /// A tool component, by its name in `[components]`.
    pub component: Option<String>,
    /// A task queue, by its name in `[workers]`.
    pub worker: Option<String>,
}

calling!(ComponentProvider);
