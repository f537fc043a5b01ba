//! What workers and the host say to each other, as JSON.

use abide_model::{CallIndex, Failure, Json, RunId, Tenant};
use serde::{Deserialize, Serialize};

/// A worker asks for tasks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// What the worker calls itself: 1 to 128 bytes.
    pub worker: String,
    /// How many tasks it takes at most: 1 to 100.
    #[serde(default = "one")]
    pub max_tasks: usize,
    /// How long it waits for the first one, in milliseconds: up to 60000.
    #[serde(default = "usual_wait_ms")]
    pub wait_ms: u64,
}

fn one() -> usize {
    1
}

fn usual_wait_ms() -> u64 {
    20_000
}

/// The answer to a poll. It is empty where nothing came in time.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tasks {
    /// The tasks, oldest first.
    pub tasks: Vec<Task>,
}

/// One attempt of a call, for the worker that took it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// What the worker answers with.
    pub token: String,
    /// The queue.
    pub queue: String,
    /// The tool that is called.
    pub tool: String,
    /// With what: a JSON object.
    pub arguments: Json,
    /// The number of this attempt, from 1. The count begins anew when the host is restarted.
    pub attempt: u32,
    /// The same in every attempt, and after a crash of the host.
    pub idempotency_key: String,
    /// Whose run it is of.
    pub tenant: Tenant,
    /// The run.
    pub run_id: RunId,
    /// The number of the call in that run.
    pub call: CallIndex,
    /// How long the worker has it without a heartbeat, in milliseconds from now.
    pub lease_ms: u64,
    /// When the call as a whole runs out of time, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// What the last heartbeat of an earlier attempt said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Json>,
}

/// A worker has the result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complete {
    /// Of the task.
    pub token: String,
    /// What the tool gives; any JSON.
    #[serde(default = "Json::null")]
    pub result: Json,
    /// Whether the tool says that it failed. A model sees that, and what it says.
    #[serde(default)]
    pub is_error: bool,
}

/// A worker could not do it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fail {
    /// Of the task.
    pub token: String,
    /// Why. Where it is `retryable`, the retry policy of the call decides whether another attempt follows.
    pub failure: Failure,
}

/// A worker is still at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// Of the task.
    pub token: String,
    /// How far it came, for the next attempt: up to 64 KiB of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Json>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Whether the workflow dropped the call, or its run ended: then nobody waits for a result.
    pub cancelled: bool,
    /// How long the worker has the task from now on, in milliseconds; 0 where it is cancelled or deferred.
    pub lease_ms: u64,
}

/// A worker says that somebody else will answer, at some time.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defer {
    /// Of the task. Whoever has it may answer.
    pub token: String,
    /// Always `true`.
    #[serde(default = "yes")]
    pub later: bool,
}

fn yes() -> bool {
    true
}

/// The answer to a result or a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Whether the call was answered with this token before: then nothing happened now.
    pub duplicate: bool,
}

/// All task queues.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Queues {
    /// By name.
    pub queues: Vec<QueueOverview>,
}

/// A task queue as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueOverview {
    /// Its name.
    pub queue: String,
    /// The tools that its workers offer.
    pub tools: Vec<String>,
    /// Tasks that wait for a worker.
    pub waiting: usize,
    /// Tasks that workers have.
    pub leased: usize,
    /// Calls that will be answered later.
    pub deferred: usize,
    /// The workers that asked for tasks, by name; at most 1000, those seen last.
    pub workers: Vec<WorkerOverview>,
}

/// A worker as the host saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerOverview {
    /// Its name.
    pub worker: String,
    /// When it asked for tasks, or had asked, in milliseconds since 1970.
    pub last_seen_ms: u64,
    /// The tasks that it has.
    pub leased: usize,
}
