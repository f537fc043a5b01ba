//! Workers: programs outside the host that fetch calls from task queues and answer them over HTTP, and calls that somebody answers
//! later by their token.
//!
//! The truth is the history of the run: a call that is open there is put into its queue again when the run is back. So queues
//! lie in memory; the one thing that is recorded is that a call was deferred. `performing` is the side of the run, this file the
//! side of the workers, `board` the machine between them.

mod board;
mod call;
mod performing;
mod queue;
mod rate;
mod recent;
mod refusals;
mod token;
mod wire;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use abide_model::{CallIndex, Clock, Error, ErrorCode, Failure, Json, Outcome, RunId, Tenant};
use tokio::time::{Instant, sleep_until, timeout};

use crate::config::WorkersProvider;
use crate::lane::answer;

use super::result_of;
use board::{Accepted, Board};
use performing::Tools;
use token::{CallKey, Token};

pub(crate) use performing::Seat;
pub use wire::{
    Answered, Beat, Complete, Defer, Fail, Heartbeat, Poll, QueueOverview, Queues, Task, Tasks, WorkerOverview,
};

/// The most tasks that one poll may ask for.
const MAX_TASKS: usize = 100;
/// The longest that a poll may wait.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Polls of one tenant that may wait at one queue.
const MAX_POLLS: usize = 1000;
/// The longest name of a worker, in bytes.
const MAX_WORKER_BYTES: usize = 128;
/// The largest details of a heartbeat or a failure, in bytes.
const MAX_DETAILS_BYTES: usize = 64 << 10;
/// The longest message of a failure, in bytes.
const MAX_MESSAGE_BYTES: usize = 8 << 10;
/// The largest result, in bytes.
const MAX_RESULT_BYTES: usize = 4 << 20;
/// How long an answer is waited for to become durable.
const DURABLE_WITHIN: Duration = Duration::from_secs(30);

/// Records in the history of a run that one of its calls is deferred.
pub trait Deferrals: Send + Sync + 'static {
    /// Gives `Ok` when it is durable.
    fn record(
        &self,
        tenant: Tenant,
        run_id: RunId,
        call: CallIndex,
        attempt: u32,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
}

/// A handle to all task queues and deferred calls. Cheap to clone.
#[derive(Clone)]
pub struct Workers(Arc<Inner>);

struct Inner {
    board: Mutex<Board>,
    tools: BTreeMap<String, Tools>,
    clock: Arc<dyn Clock>,
    deferrals: OnceLock<Box<dyn Deferrals>>,
    public_url: OnceLock<String>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workers")
    }
}

impl Workers {
    pub(crate) fn new(config: &BTreeMap<String, WorkersProvider>, clock: &Arc<dyn Clock>) -> Result<Self, Error> {
        let mut board = Board::default();
        let mut tools = BTreeMap::new();
        for (name, config) in config {
            let (of_queue, limits) = performing::configured(name, config)?;
            board.add_queue(name, limits, Instant::now());
            tools.insert(name.clone(), of_queue);
        }
        Ok(Self(Arc::new(Inner {
            board: Mutex::new(board),
            tools,
            clock: clock.clone(),
            deferrals: OnceLock::new(),
            public_url: OnceLock::new(),
        })))
    }

    /// Says where deferrals are recorded. Until then none is taken. The first one counts.
    pub fn record_in(&self, deferrals: impl Deferrals) {
        // A second host over the same activities records nothing of the first one's.
        drop(self.0.deferrals.set(Box::new(deferrals)));
    }

    /// Says by which URL the host is reached from outside, for tools that answer later. The first one counts.
    pub fn reached_by(&self, url: &str) {
        drop(self.0.public_url.set(url.trim_end_matches('/').to_owned()));
    }

    /// The outcome of a call is durable (`recorded`), or nobody wanted it.
    pub fn settled(&self, tenant: &Tenant, run_id: RunId, call: CallIndex, recorded: bool) {
        let mut board = self.board();
        // Most calls are not answered from outside, and cost no more than this look.
        if !board.is_empty() {
            board.settled(&CallKey { tenant: tenant.clone(), run_id, call }, recorded);
        }
    }

    /// Hands out tasks of a queue; waits for the first one as long as the worker says. Every task goes to one worker.
    pub async fn poll(&self, tenant: &Tenant, queue: &str, poll: &Poll) -> Result<Tasks, Error> {
        let Poll { worker, max_tasks, wait_ms } = poll;
        if worker.is_empty() || worker.len() > MAX_WORKER_BYTES || worker.chars().any(char::is_control) {
            return Err(invalid(format!("`worker` has 1 to {MAX_WORKER_BYTES} bytes and no control characters")));
        }
        if *max_tasks == 0 || *max_tasks > MAX_TASKS {
            return Err(invalid(format!("`max_tasks` is 1 to {MAX_TASKS}")));
        }
        let wait = Duration::from_millis(*wait_ms);
        if wait > MAX_WAIT {
            return Err(invalid(format!("`wait_ms` is at most {}: ask again after that", MAX_WAIT.as_millis())));
        }
        let ends = Instant::now() + wait;
        let turn = Turn::begin(self, tenant, queue)?;
        loop {
            let (tasks, again) = self.board().lease(queue, tenant, worker, *max_tasks, Instant::now())?;
            if !tasks.is_empty() || Instant::now() >= ends {
                return Ok(Tasks { tasks });
            }
            tokio::select! {
                () = turn.arrived.notified() => {}
                () = sleep_until(again.map_or(ends, |again| again.min(ends))) => {}
            }
        }
    }

    /// Takes the result of a task. `Ok`: it is durable, and the task is never handed out again. The same result may be sent again.
    pub async fn complete(&self, tenant: &Tenant, queue: &str, complete: Complete) -> Result<Answered, Error> {
        let Complete { token, result, is_error } = complete;
        self.answer(tenant, Some(queue), &token, Ok((result, is_error))).await
    }

    /// Takes the failure of a task. The retry policy of the call decides whether another attempt follows.
    pub async fn fail(&self, tenant: &Tenant, queue: &str, fail: Fail) -> Result<Answered, Error> {
        self.answer(tenant, Some(queue), &fail.token, Err(fail.failure)).await
    }

    /// Takes the answer of a call by whoever has its token. `Ok`: it is durable. A failure of a deferred call is final.
    pub async fn complete_by_token(&self, tenant: &Tenant, token: &str, outcome: Outcome) -> Result<Answered, Error> {
        let answer = match outcome {
            Outcome::Ok(result) => Ok((result, false)),
            Outcome::Failed(failure) => Err(failure),
        };
        self.answer(tenant, None, token, answer).await
    }

    async fn answer(
        &self,
        tenant: &Tenant,
        queue: Option<&str>,
        token: &str,
        given: Result<(Json, bool), Failure>,
    ) -> Result<Answered, Error> {
        self.check_queue(queue)?;
        let token = Token::parse(tenant, token)?;
        let outcome = match given {
            Ok((result, is_error)) => {
                check_size("the result", result.len(), MAX_RESULT_BYTES)?;
                Outcome::Ok(answer(&result_of(&result, is_error)).map_err(|trouble| invalid(trouble.failure.message))?)
            }
            Err(failure) => Outcome::Failed(checked(failure)?),
        };
        let accepted = self.board().answer(&token, queue, outcome)?;
        let (durable, duplicate) = match accepted {
            Accepted::Noted => return Ok(Answered { duplicate: false }),
            Accepted::Before => return Ok(Answered { duplicate: true }),
            Accepted::Outcome { durable, duplicate } => (durable, duplicate),
        };
        match timeout(DURABLE_WITHIN, durable).await {
            Ok(Ok(true)) => Ok(Answered { duplicate }),
            Ok(_) => Err(refusals::ended(&token, recent::End::Dropped)),
            Err(_) => Err(refusals::not_durable_yet(&token)),
        }
    }

    /// A worker is still at it: its lease begins anew.
    pub fn heartbeat(&self, tenant: &Tenant, queue: &str, heartbeat: Heartbeat) -> Result<Beat, Error> {
        self.check_queue(Some(queue))?;
        let token = Token::parse(tenant, &heartbeat.token)?;
        check_size("`details`", heartbeat.details.as_ref().map_or(0, Json::len), MAX_DETAILS_BYTES)?;
        self.board().heartbeat(&token, queue, heartbeat.details, Instant::now())
    }

    /// A worker says that somebody else will answer. `Ok`: that is durable, and the task is not handed out again. It may be said again.
    pub async fn defer(&self, tenant: &Tenant, queue: &str, defer: &Defer) -> Result<(), Error> {
        self.check_queue(Some(queue))?;
        if !defer.later {
            return Err(invalid("`later` is `true`: a result goes to `complete`".to_owned()));
        }
        self.hold(Token::parse(tenant, &defer.token)?, Some(queue)).await
    }

    /// Makes a call one that is answered later.
    async fn hold(&self, token: Token, queue: Option<&str>) -> Result<(), Error> {
        if self.board().hold(&token, queue)? {
            return Ok(());
        }
        // A task of its own: whoever asked may go away, and the board must agree with the history all the same.
        let workers = self.clone();
        let recording = tokio::spawn(async move {
            let recorded = match workers.0.deferrals.get() {
                Some(deferrals) => {
                    let CallKey { tenant, run_id, call } = token.key.clone();
                    deferrals.record(tenant, run_id, call, token.attempt).await
                }
                None => Err(Error::new(ErrorCode::Unavailable, "the host is not up yet: try again")),
            };
            workers.board().held(&token, recorded.is_ok(), Instant::now());
            recorded
        });
        recording.await.unwrap_or_else(|error| Err(Error::new(ErrorCode::Internal, error.to_string())))
    }

    /// All queues, as they stand for a tenant.
    pub fn overview(&self, tenant: &Tenant) -> Queues {
        let (now, now_ms) = (Instant::now(), self.0.clock.now_ms());
        let board = self.board();
        let queues = board.queues.iter().map(|(name, queue)| {
            let (waiting, leased, deferred, of_workers) = board.count(tenant, name);
            let workers = queue.workers(tenant).map(|(worker, at)| {
                let ago_ms = u64::try_from(now.saturating_duration_since(at).as_millis()).unwrap_or(u64::MAX);
                WorkerOverview {
                    worker: worker.to_owned(),
                    last_seen_ms: now_ms.saturating_sub(ago_ms),
                    leased: of_workers.get(worker).copied().unwrap_or_default(),
                }
            });
            let tools = self.0.tools.get(name).map(Tools::names).unwrap_or_default();
            QueueOverview { queue: name.clone(), tools, waiting, leased, deferred, workers: workers.collect() }
        });
        Queues { queues: queues.collect() }
    }

    fn check_queue(&self, queue: Option<&str>) -> Result<(), Error> {
        match queue {
            Some(name) if !self.0.tools.contains_key(name) => Err(refusals::no_queue(name, self.0.tools.keys())),
            _ => Ok(()),
        }
    }

    /// The board is only ever held for a moment, and never across an `.await`.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of a poll; when it ends, what it leaves goes to another.
struct Turn<'a> {
    workers: &'a Workers,
    tenant: &'a Tenant,
    queue: &'a str,
    arrived: Arc<tokio::sync::Notify>,
}

impl<'a> Turn<'a> {
    fn begin(workers: &'a Workers, tenant: &'a Tenant, queue: &'a str) -> Result<Self, Error> {
        workers.check_queue(Some(queue))?;
        let begun = workers.board().queues.get_mut(queue).and_then(|queue| queue.begin_poll(tenant, MAX_POLLS));
        let arrived = begun.ok_or_else(|| {
            let message = format!(
                "{MAX_POLLS} polls wait at the queue `{queue}`: start fewer workers, or take more tasks at a time"
            );
            Error::new(ErrorCode::LimitExceeded, message)
        })?;
        Ok(Self { workers, tenant, queue, arrived })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.workers.board().queues.get_mut(self.queue) {
            queue.end_poll(self.tenant);
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

fn check_size(what: &str, bytes: usize, limit: usize) -> Result<(), Error> {
    if bytes > limit {
        let message = format!("{what} has {bytes} bytes, the limit is {limit}: pass a reference instead");
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    Ok(())
}

/// A failure from outside, as a history may keep it.
fn checked(mut failure: Failure) -> Result<Failure, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if failure.code.is_empty() || failure.code.len() > 64 || !failure.code.chars().all(fits) {
        return Err(invalid("the code of a failure has 1 to 64 characters of `a-z A-Z 0-9 - _ .`".to_owned()));
    }
    check_size("`details`", failure.details.as_ref().map_or(0, Json::len), MAX_DETAILS_BYTES)?;
    failure.message.truncate(failure.message.floor_char_boundary(MAX_MESSAGE_BYTES));
    Ok(failure)
}
