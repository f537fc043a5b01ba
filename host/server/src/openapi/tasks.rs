//! Tests: samples of all that workers send and are sent are as the document says.

use abide_activities::{
    Answered, Beat, Complete, Defer, Fail, Heartbeat, Poll, QueueOverview, Queues, Task, Tasks, WorkerOverview,
};
use abide_model::{Failure, Tenant};

use super::samples::{fits, run, text};
use crate::routes::tasks;

#[test]
fn every_task_is_as_documented() {
    let (run_id, token) = (run().run_id, format!("{}:1:2", run().run_id));
    let task = Task {
        token: token.clone(),
        queue: "gpu".to_owned(),
        tool: "render".to_owned(),
        arguments: text("{}"),
        attempt: 2,
        idempotency_key: "k".to_owned(),
        tenant: Tenant::default(),
        run_id,
        call: 1,
        lease_ms: 3,
        deadline_ms: 4,
        heartbeat: Some(text("[1]")),
    };
    fits("Tasks", &Tasks { tasks: vec![task] });
    fits("Poll", &Poll { worker: "w".to_owned(), max_tasks: 1, wait_ms: 2 });
    fits("Complete", &Complete { token: token.clone(), result: text("1"), is_error: true });
    fits("Fail", &Fail { token: token.clone(), failure: Failure::new("a", "b") });
    fits("Heartbeat", &Heartbeat { token: token.clone(), details: Some(text("1")) });
    fits("Beat", &Beat { cancelled: false, lease_ms: 1 });
    fits("Defer", &Defer { token, later: true });
    fits("Deferred", &tasks::Deferred { deferred: true });
    fits("Answered", &Answered { duplicate: false });
    let worker = WorkerOverview { worker: "w".to_owned(), last_seen_ms: 1, leased: 1 };
    let queue = QueueOverview {
        queue: "gpu".to_owned(),
        tools: vec!["render".to_owned()],
        waiting: 1,
        leased: 2,
        deferred: 3,
        workers: vec![worker],
    };
    fits("Queues", &Queues { queues: vec![queue] });
}
