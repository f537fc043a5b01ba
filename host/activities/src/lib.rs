//! Activities: what performs calls outside the guest.
//!
//! [`Activities`] is made from an [`ActivitiesConfig`] and performs `llm.generate`, `tools.list`, `tools.call`, `http.fetch` and
//! `activities.call`, with timeouts and retries. It keeps no record: what came of a call is the runtime's to store. It is asked at least once for each
//! call, and gives providers the same idempotency key each time.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use abide_activities::{Activities, ActivitiesConfig};
//! use abide_model::SystemClock;
//!
//! let mut config = ActivitiesConfig::default();
//! config.add_openai(Some("http://127.0.0.1:11434/v1".into()), None, Some("qwen3".into()));
//! let activities = Activities::new(config, Path::new("."), Arc::new(SystemClock)).expect("a valid configuration");
//! ```

mod activities;
mod bindings;
mod client;
mod components;
mod config;
mod fetch;
mod gateway;
mod lane;
mod llm;
mod perform;
mod policy;
mod quote;
mod retry;
mod retry_after;
pub mod scripted;
mod secrets;
mod share;
mod tools;
mod trouble;

pub use activities::Activities;
pub use components::{PreparedTool, ToolComponents, ToolHttp, ToolOverview, ToolSettings};
pub use config::{
    ActivitiesConfig, Binding, Completion, ComponentLimits, ComponentProvider, HttpConfig, HttpTool, HttpToolsProvider,
    LlmProvider, MaxTokensField, McpHttpProvider, McpStdioProvider, ModelPrice, OpenAiProvider, ScriptedProvider,
    Secret, ToolUploads, ToolsProvider, WorkerTool, WorkersProvider,
};
pub use fetch::check_hosts;
pub use gateway::{Gateway, Veil, Veiled};
pub use perform::{Activity, Performed, Performer};
pub use policy::Policy;
pub use secrets::{Revealed, Secrets, TenantSecrets};
pub use share::Share;
pub use tools::workers::{
    Answered, Beat, Complete, Defer, Deferrals, Fail, Heartbeat, Poll, QueueOverview, Queues, Task, Tasks,
    WorkerOverview, Workers,
};
