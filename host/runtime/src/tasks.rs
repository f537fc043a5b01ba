//! Task queues and calls that are answered later, as callers of a host reach them. What they are is in `abide_activities`; here
//! a deferral gets into the history of its run.

use std::pin::Pin;
use std::sync::{Arc, Weak};

use abide_activities::{Answered, Beat, Complete, Defer, Deferrals, Fail, Heartbeat, Poll, Queues, Tasks, Workers};
use abide_model::{CallIndex, Error, ErrorCode, Outcome, RunId, Tenant};
use tokio::sync::oneshot;

use crate::Host;
use crate::inner::{Inner, RunKey, stopping};
use crate::registry::Message;

impl Host {
    /// All task queues, as they stand for a tenant.
    pub fn task_queues(&self, tenant: &Tenant) -> Result<Queues, Error> {
        self.inner.check_ready()?;
        Ok(self.inner.performer.workers().map_or_else(Queues::default, |workers| workers.overview(tenant)))
    }

    /// Hands out tasks of a queue, and waits for the first one as long as `poll` says (60 seconds at most).
    pub async fn poll_tasks(&self, tenant: &Tenant, queue: &str, poll: &Poll) -> Result<Tasks, Error> {
        self.workers()?.poll(tenant, queue, poll).await
    }

    /// Takes the result of a task. It is durable when this gives `Ok`.
    pub async fn complete_task(&self, tenant: &Tenant, queue: &str, complete: Complete) -> Result<Answered, Error> {
        self.workers()?.complete(tenant, queue, complete).await
    }

    /// Takes the failure of a task; the retry policy of the call decides what follows.
    pub async fn fail_task(&self, tenant: &Tenant, queue: &str, fail: Fail) -> Result<Answered, Error> {
        self.workers()?.fail(tenant, queue, fail).await
    }

    /// Lets the lease of a task begin anew.
    pub fn heartbeat_task(&self, tenant: &Tenant, queue: &str, heartbeat: Heartbeat) -> Result<Beat, Error> {
        self.workers()?.heartbeat(tenant, queue, heartbeat)
    }

    /// Lets a task be answered later. That is durable when this gives `Ok`.
    pub async fn defer_task(&self, tenant: &Tenant, queue: &str, defer: &Defer) -> Result<(), Error> {
        self.workers()?.defer(tenant, queue, defer).await
    }

    /// Takes the answer of a call by whoever has its token. It is durable when this gives `Ok`.
    pub async fn complete_call(&self, tenant: &Tenant, token: &str, outcome: Outcome) -> Result<Answered, Error> {
        self.workers()?.complete_by_token(tenant, token, outcome).await
    }

    fn workers(&self) -> Result<&Workers, Error> {
        self.inner.check_ready()?;
        self.inner.performer.workers().ok_or_else(|| {
            let message = "this host has no task queues: configure one as `[workers.NAME]`";
            Error::new(ErrorCode::QueueNotFound, message)
        })
    }
}

impl Inner {
    /// The outcome of a call is durable (`recorded`), or nobody wanted it.
    pub(crate) fn settled(&self, key: &RunKey, call: CallIndex, recorded: bool) {
        if let Some(workers) = self.performer.workers() {
            workers.settled(&key.tenant, key.run_id, call, recorded);
        }
    }
}

/// Has deferrals recorded by the tasks of their runs.
pub(crate) struct ByRunTasks(pub(crate) Weak<Inner>);

impl Deferrals for ByRunTasks {
    fn record(
        &self,
        tenant: Tenant,
        run_id: RunId,
        call: CallIndex,
        attempt: u32,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> {
        let inner = self.0.upgrade();
        Box::pin(async move {
            let inner: Arc<Inner> = inner.ok_or_else(stopping)?;
            let key = RunKey { tenant, run_id };
            let (reply, answer) = oneshot::channel();
            inner.registry.send(&inner, &key, Message::Deferred { call, attempt, reply }).await?;
            answer.await.unwrap_or_else(|_| Err(stopping()))
        })
    }
}
