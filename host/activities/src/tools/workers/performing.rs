//! Calls that are answered from outside, as their runs see them: a future that ends with the outcome. Dropping it drops the call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use abide_model::{Clock, Error, Failure, Json, Outcome};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::Workers;
use super::call::{Pending, Work};
use super::queue::QueueLimits;
use super::token::CallKey;
use crate::config::{Calling, WorkersProvider, check_name, wrong};
use crate::lane::{Lane, refused};
use crate::retry::Policy;
use crate::tools::{declared, unknown_tool};
use crate::trouble::{Attempt, Elsewhere, Late, Trouble};
use crate::{Activity, Performed};

const DEFAULT_LEASE_MS: u64 = 30_000;
const MIN_LEASE_MS: u64 = 10;
const DEFAULT_MAX_WAITING: usize = 10_000;

/// The tools of a queue.
#[derive(Debug)]
pub(super) struct Tools {
    lane: Lane,
    policies: BTreeMap<String, Policy>,
    listed: Json,
    schedule_to_start: Option<Duration>,
}

/// Reads the configuration of a queue.
pub(super) fn configured(name: &str, config: &WorkersProvider) -> Result<(Tools, QueueLimits), Error> {
    check_name("workers", name)?;
    let key = format!("workers.{name}");
    let lane = Lane::new(
        &key,
        &Calling {
            // The lease finds a worker that fell silent; one that is at work may take as long as the call may.
            attempt_timeout_ms: config.attempt_timeout_ms.or(Some(u64::MAX)),
            total_timeout_ms: config.total_timeout_ms,
            retry: config.retry.clone(),
            // A task that waits outside takes no slot; the queue counts those that are out.
            max_concurrent: None,
        },
    )?;
    let lease_ms = config.lease_ms.unwrap_or(DEFAULT_LEASE_MS);
    if lease_ms < MIN_LEASE_MS {
        return Err(wrong(&format!("{key}.lease_ms"), format_args!("must be {MIN_LEASE_MS} or more")));
    }
    if config.max_per_second.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
        return Err(wrong(&format!("{key}.max_per_second"), "must be a number above 0"));
    }
    let schedule_to_start =
        config.schedule_to_start_timeout_ms.map(|ms| positive(&key, "schedule_to_start_timeout_ms", ms).map(bounded));
    let limits = QueueLimits {
        lease: bounded(lease_ms),
        max_concurrent: positive(&key, "max_concurrent", config.max_concurrent.unwrap_or(Semaphore::MAX_PERMITS))?,
        max_waiting: positive(&key, "max_waiting", config.max_waiting.unwrap_or(DEFAULT_MAX_WAITING))?,
        max_per_second: config.max_per_second,
    };
    let (mut policies, mut listed) = (BTreeMap::new(), Vec::new());
    for tool in &config.tools {
        let key = format!("{key}.tool.{}", tool.name);
        let schemas = (tool.input_schema.as_deref(), tool.output_schema.as_deref());
        listed.push(declared::tool(&key, name, &tool.name, tool.description.as_ref(), schemas)?);
        let calling = Calling {
            attempt_timeout_ms: tool.attempt_timeout_ms,
            total_timeout_ms: tool.total_timeout_ms,
            retry: tool.retry.clone(),
            max_concurrent: None,
        };
        if policies.insert(tool.name.clone(), declared::policy(&key, lane.policy(), &calling)?).is_some() {
            return Err(wrong(&key, "is there twice"));
        }
    }
    let listed = Json::of(&listed).map_err(|error| wrong(&key, error))?;
    Ok((Tools { lane, policies, listed, schedule_to_start: schedule_to_start.transpose()? }, limits))
}

fn positive<T: Default + PartialEq>(key: &str, name: &str, value: T) -> Result<T, Error> {
    if value == T::default() { Err(wrong(&format!("{key}.{name}"), "must be 1 or more")) } else { Ok(value) }
}

/// No wait of a queue is longer than a year: so no sum of times overflows.
fn bounded(ms: u64) -> Duration {
    Duration::from_millis(ms).min(Duration::from_secs(366 * 24 * 60 * 60))
}

impl Tools {
    pub(super) fn names(&self) -> Vec<String> {
        self.policies.keys().cloned().collect()
    }
}

impl Workers {
    /// The names of all queues.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.tools.keys()
    }

    /// What `tools.list` gives, if there is such a queue.
    pub(crate) fn list(&self, provider: &str) -> Option<Outcome> {
        self.0.tools.get(provider).map(|tools| Outcome::Ok(tools.listed.clone()))
    }

    /// Performs a call by a worker, if there is such a queue.
    pub(crate) async fn call(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        provider: &str,
        tool: &str,
        arguments: &Json,
    ) -> Option<Performed> {
        let Tools { lane, policies, schedule_to_start, .. } = self.0.tools.get(provider)?;
        let Some(policy) = policies.get(tool) else {
            let known: Vec<_> = policies.keys().map(String::as_str).collect();
            return Some(refused(unknown_tool(lane.key(), tool, &known).failure));
        };
        let seat = Seat::take(self, activity, policy, provider, tool, arguments.clone(), *schedule_to_start);
        Some(by_worker(seat, lane, policy, clock, activity).await)
    }

    /// Performs a function of an interface by a worker, if there is such a queue. It needs not be declared as a tool: its type is its WIT.
    pub(crate) async fn call_function(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        provider: &str,
        function: &str,
        arguments: Json,
    ) -> Option<Performed> {
        let Tools { lane, schedule_to_start, .. } = self.0.tools.get(provider)?;
        let policy = lane.policy();
        let seat = Seat::take(self, activity, policy, provider, function, arguments, *schedule_to_start);
        Some(by_worker(seat, lane, policy, clock, activity).await)
    }
}

async fn by_worker(
    seat: Result<Seat, Failure>,
    lane: &Lane,
    policy: &Policy,
    clock: &dyn Clock,
    activity: &Activity,
) -> Performed {
    let seat = match seat {
        Ok(seat) => seat,
        Err(failure) => return refused(failure),
    };
    let mut deferred = activity.deferred.is_some();
    let attempt = || {
        let pending = if std::mem::take(&mut deferred) { seat.still_deferred() } else { seat.enqueue() };
        async { seat.elsewhere(pending) }
    };
    let performed = lane.run_by(policy.clone(), clock, activity, attempt).await;
    seat.leave();
    performed
}

/// A call's place on the board. Dropping it says that nobody waits for the call any more.
pub(crate) struct Seat {
    workers: Workers,
    key: CallKey,
    serial: u64,
    left: bool,
}

impl Seat {
    /// Puts a call on the board.
    pub(crate) fn take(
        workers: &Workers,
        activity: &Activity,
        policy: &Policy,
        provider: &str,
        tool: &str,
        arguments: Json,
        schedule_to_start: Option<Duration>,
    ) -> Result<Self, Failure> {
        let policy = policy.clone().for_call(&activity.options)?;
        let key = CallKey { tenant: activity.tenant.clone(), run_id: activity.run_id, call: activity.call };
        let work = Work {
            provider: provider.to_owned(),
            tool: tool.to_owned(),
            arguments,
            idempotency_key: activity.idempotency_key(),
            attempt_timeout: bounded(policy.attempt_timeout_ms),
            schedule_to_start,
            deadline_ms: activity.requested_ms.saturating_add(policy.total_timeout_ms),
        };
        let attempts = activity.deferred.map_or(0, |attempt| attempt.saturating_sub(1));
        let serial = workers.board().open(&key, Arc::new(work), attempts);
        Ok(Self { workers: workers.clone(), key, serial, left: false })
    }

    fn enqueue(&self) -> Result<Pending, Trouble> {
        self.workers.board().enqueue(&self.key, Instant::now())
    }

    /// An attempt that asks an HTTP tool begins.
    pub(crate) fn ask(&self) -> Result<Pending, Trouble> {
        self.workers.board().ask(&self.key)
    }

    /// The attempt that was deferred before the host went down goes on.
    pub(crate) fn still_deferred(&self) -> Result<Pending, Trouble> {
        self.workers.board().still_deferred(&self.key)
    }

    /// The tool will answer later: that is recorded first.
    pub(crate) async fn defer(&self, pending: &Pending) -> Result<(), Trouble> {
        let held = self.workers.hold(pending.token.clone(), None).await;
        held.map_err(|error| Trouble::passing("unavailable", error.message))
    }

    /// Where an answer can be posted from outside.
    pub(crate) fn completion_url(&self, pending: &Pending) -> Result<String, Trouble> {
        let url = self.workers.0.public_url.get();
        let url = url.ok_or_else(|| Trouble::passing("unavailable", "the host does not listen yet"))?;
        Ok(format!("{url}/v1/completions/{}", pending.token))
    }

    /// The rest of an attempt, which somebody outside ends.
    pub(crate) fn elsewhere(&self, pending: Result<Pending, Trouble>) -> Attempt {
        match pending {
            Ok(pending) => Attempt::Elsewhere(Elsewhere(Box::pin(ended(self.workers.clone(), pending)))),
            Err(trouble) => Attempt::Failed(trouble),
        }
    }

    /// Completes when the answer is there. It is taken by [`Seat::elsewhere`].
    pub(crate) async fn answered(&self, pending: &Pending) {
        while !self.workers.board().is_answered(&self.key) {
            pending.changed.notified().await;
        }
    }

    /// Ends an attempt that asked an HTTP tool, unless an answer by token was quicker: then this gives `false`.
    pub(crate) fn over(&self) -> bool {
        self.workers.board().over(&self.key)
    }

    /// The call came to an outcome. What becomes of it, [`Workers::settled`] will say.
    pub(crate) fn leave(mut self) {
        self.left = true;
        self.workers.board().came_to_an_end(&self.key, self.serial);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.left {
            self.workers.board().dropped(&self.key, self.serial);
        }
    }
}

/// Waits for the answer of an attempt, or for its time to be over.
async fn ended(workers: Workers, pending: Pending) -> Late {
    let Pending { token, changed } = &pending;
    loop {
        let (late, deadline) = {
            let mut board = workers.board();
            (board.take(&token.key), board.deadline(&token.key))
        };
        if let Some(late) = late {
            return late;
        }
        let over = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed.notified() => {}
            () = over => {
                if let Some(trouble) = workers.board().expire(&token.key, Instant::now()) {
                    return Late::Failed(trouble);
                }
            }
        }
    }
}
