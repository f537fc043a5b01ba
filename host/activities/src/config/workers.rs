//! `[workers.NAME]`: tools whose calls wait in the task queue NAME until a worker fetches them over HTTP.

use abide_model::RetryPolicy;
use serde::Deserialize;

/// A task queue and the tools that its workers offer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkersProvider {
    /// The tools.
    #[serde(rename = "tool")]
    pub tools: Vec<WorkerTool>,
    /// How long a worker may have a task without a heartbeat. Default 30000; 10 or more.
    pub lease_ms: Option<u64>,
    /// How long a task may wait for a worker. When it is over, the call fails with `no-worker`, and is not tried again. Without it, as
    /// long as the call may take.
    pub schedule_to_start_timeout_ms: Option<u64>,
    /// How many tasks may be handed out in a second, to all workers together.
    pub max_per_second: Option<f64>,
    /// How many tasks all workers together may have at the same time. Without it, as many as they ask for.
    pub max_concurrent: Option<usize>,
    /// How many tasks may wait for a worker. One more attempt fails with `queue-full`. Default 10000.
    pub max_waiting: Option<usize>,
    /// The longest that one attempt may take, from when a worker has it. Without it, as long as the call may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
}

/// A tool that workers offer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerTool {
    /// Its name, for the model and for `tools.call`.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// JSON Schema of the arguments, as JSON text. Without it, any object.
    pub input_schema: Option<String>,
    /// JSON Schema of the answer, as JSON text.
    pub output_schema: Option<String>,
    /// The longest that one attempt may take; before that of the queue.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take; before that of the queue.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again; before that of the queue.
    pub retry: Option<RetryPolicy>,
}
