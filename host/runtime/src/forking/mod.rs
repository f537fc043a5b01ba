//! Forks: runs that share the beginning of another one's history and go on differently. The other run is not touched; it may be
//! running.
//!
//! A fork is a run of its own: calls that were open at the cut are performed again for it, under its own idempotency keys, its children are
//! its own, and a run timeout counts anew. What its guest was told before, it is told still: the run id, the id and the seed of the run that
//! made the calls, since requests may depend on them. Timers keep the times at which they ring. Signals that came after the cut stay
//! with the other run.

mod cut;
mod race;
mod tree;

use abide_history::{Commit, ForkOf, Metered, RunTimer};
use abide_model::{
    CallCompleted, CallerId, Digest, Error, ErrorCode, Event, ForkedFrom, Json, Outcome, Recorded, RecordedRequest,
    Run, RunForked, RunId, RunRef, Seq, Tenant, VersionChanged,
};

pub(crate) use self::cut::{History, place, whole_steps};

use self::cut::{Cut, Target};
use crate::Host;
use crate::checks::{check_size, random};
use crate::inner::RunKey;
use crate::new_run::{RUN_TIMEOUT, run_timeout};
use crate::prefix::{self, Shown};
use crate::registry::Message;
use crate::run_task::open_timers;
use crate::session::guest_run_id;
use crate::view::{ForkRun, Forked, IfRunning, Started};

/// Forks that one request makes at most.
const MAX_TIMES: u32 = 100;
/// The longest code of a failure, in bytes.
const MAX_CODE_BYTES: usize = 128;

impl Host {
    /// Starts forks of a run. They are durable when this gives `Ok`; a request that is cut short is finished by asking again with the same id.
    pub async fn fork(&self, tenant: &Tenant, run: &RunRef, fork: ForkRun) -> Result<Forked, Error> {
        self.inner.check_ready()?;
        let ids = ids(&fork)?;
        fork.outcome.as_ref().map_or(Ok(()), check_bounds)?;
        let key = self.find(tenant, run).await?;
        let origin = self.row(&key).await?;
        let history = self.inner.read_history(&key).await?;
        let cut = match fork.outcome {
            Some(_) => cut::with_outcome(&origin, &history, fork.event)?,
            None => cut::before(&origin, &history, fork.event)?,
        };
        let plan = self.plan(&key, &origin, &history, cut, &fork).await?;
        let mut there = Vec::with_capacity(ids.len());
        for id in &ids {
            there.push(match id {
                Some(id) => self.same_fork(tenant, id, &plan).await?,
                None => None,
            });
        }
        // One that an earlier request made says what the race is called.
        let mut race = there.iter().flatten().find_map(|run| run.fork_race);
        let races = ids.len() > 1;
        let mut forks = Vec::with_capacity(ids.len());
        for (id, there) in ids.into_iter().zip(there) {
            forks.push(match there {
                Some(run) => Started { run, created: false },
                None => self.start_fork(tenant, id, &plan, races, &mut race).await?,
            });
        }
        Ok(Forked { run_id: key.run_id, event: plan.of.cut, race, forks })
    }

    /// What all forks of a request have in common. The events that they share are replayed on their version first: a version that
    /// does something else is refused.
    async fn plan(
        &self,
        key: &RunKey,
        origin: &Run,
        history: &History,
        cut: Cut,
        fork: &ForkRun,
    ) -> Result<Plan, Error> {
        let shared = &history[..cut.at];
        let (_, started) = prefix::start_of(key, history)?;
        let then = version_at(origin.version, started.version, history, cut.at);
        let version = match &fork.version {
            Some(text) => self.find_version(&key.tenant, &origin.workflow, text).await?,
            None => then,
        };
        let program = self.inner.programs.get(&key.tenant, version).await?;
        if let (Some(target), Some(outcome)) = (&cut.call, &fork.outcome) {
            let request = self.head_of(key, &target.request).await?;
            program.check_outcome(target.kind, &request, outcome).map_err(|why| {
                let message = format!("`outcome` is none that `{}` comes back with: {why}", target.kind);
                Error::new(ErrorCode::InvalidArgument, message).about(key.run_id)
            })?;
        }
        let told = guest_run_id(key.run_id, history);
        let prefix = prefix::replay(&self.inner, key, &program, told, shared).await?;
        if let Some(reason) = prefix.stopped {
            let message = format!(
                "version {} does not come to event {} of run `{}`: {}: fork the run before that, or on another version",
                version.short(),
                cut.at,
                key.run_id,
                reason.message
            );
            return Err(Error::new(ErrorCode::HistoryDiffers, message).about(key.run_id));
        }
        let mut timers = open_timers(shared);
        timers.remove(&RUN_TIMEOUT);
        let mut events = vec![Event::RunForked(RunForked {
            run_id: key.run_id,
            event: cut.at as Seq,
            set_outcome: cut.call.is_some(),
            guest_run_id: told,
        })];
        if version != then {
            events.push(Event::VersionChanged(VersionChanged { version, settled: None }));
        }
        if let (Some(Target { call, .. }), Some(outcome)) = (cut.call, fork.outcome.clone()) {
            timers.remove(&call);
            events.push(Event::CallCompleted(CallCompleted::new(call, outcome, 0)));
        }
        let mut row = Run::begins(key.run_id, 0, started);
        row.version = version;
        row.goes_on_from(shared.iter().map(|(_, recorded)| &recorded.event));
        row.attributes = prefix.shown.attributes.clone().unwrap_or(row.attributes);
        let of = ForkOf { run_id: key.run_id, cut: cut.at as Seq };
        row.forked_from = Some(ForkedFrom { run_id: of.run_id, event: of.cut, root: origin.fork_root() });
        let timers = timers.into_iter().map(|(call, due_ms)| RunTimer { due_ms, call }).collect();
        Ok(Plan { of, events, row, timers, run_timeout_ms: started.run_timeout_ms, shown: prefix.shown })
    }

    async fn head_of(&self, key: &RunKey, request: &RecordedRequest) -> Result<Json, Error> {
        Ok(self.store().request(&key.tenant, key.run_id, request).await?.head)
    }

    /// The latest run of an id, where it is the fork that is asked for.
    async fn same_fork(&self, tenant: &Tenant, id: &CallerId, plan: &Plan) -> Result<Option<Run>, Error> {
        let Some(run_id) = self.store().latest_run(tenant, id).await? else { return Ok(None) };
        let Some(run) = self.store().run(tenant, run_id).await? else { return Ok(None) };
        if run.forked_from != plan.row.forked_from {
            return Ok(None);
        }
        let first = self.store().events(tenant, run_id, plan.of.cut, plan.events.len()).await?;
        let same = first.iter().map(|(_, recorded)| &recorded.event).eq(&plan.events);
        Ok(same.then_some(run))
    }

    /// Makes one fork durable, and drives it.
    async fn start_fork(
        &self,
        tenant: &Tenant,
        id: Option<CallerId>,
        plan: &Plan,
        races: bool,
        race: &mut Option<RunId>,
    ) -> Result<Started, Error> {
        let now_ms = self.inner.clock.now_ms();
        let run_id = RunId::new(now_ms, u128::from_be_bytes(random()?));
        let id = id.unwrap_or_else(|| CallerId::for_run(&plan.row.workflow, run_id));
        let fork_race = races.then(|| *race.get_or_insert(run_id));
        let run = Run { run_id, id, started_ms: now_ms, fork_race, ..plan.row.clone() };
        let commit = plan.commit(tenant, &run);
        let timers: Vec<_> = commit.timers_set.iter().map(|timer| timer.due_ms).collect();
        if let Some(open) = self.commit_start(commit, IfRunning::Use).await? {
            // Somebody else took the id in between: with the same request, or with another one.
            return match self.same_fork(tenant, &open.id, plan).await? {
                Some(run) => Ok(Started { run, created: false }),
                None => Err(id_taken(&open)),
            };
        }
        timers.into_iter().for_each(|due_ms| self.inner.timer_hint.set(due_ms));
        // It has its ready row: a host that goes down before this drives it when it is up.
        let key = RunKey { tenant: tenant.clone(), run_id };
        let _ = self.inner.registry.send(&self.inner, &key, Message::Drive(None)).await;
        Ok(Started { run, created: true })
    }
}

/// What the forks of one request have in common.
struct Plan {
    of: ForkOf,
    /// Their first events of their own.
    events: Vec<Event>,
    /// Their row, but for what each has of its own.
    row: Run,
    timers: Vec<RunTimer>,
    run_timeout_ms: Option<u64>,
    shown: Shown,
}

impl Plan {
    /// What makes the fork with the row `run` durable.
    fn commit(&self, tenant: &Tenant, run: &Run) -> Commit {
        let mut commit = Commit::new(tenant.clone(), run.run_id, 0);
        let at = |event: &Event| Recorded { time_ms: run.started_ms, event: event.clone() };
        commit.events = self.events.iter().map(at).collect();
        commit.fork = Some(self.of);
        commit.ledger = Some(Metered { settled: self.of.cut.checked_sub(1), ..Metered::default() });
        commit.run = Some(run.clone());
        commit.ready = Some(true);
        commit.timers_set.clone_from(&self.timers);
        commit.timers_set.extend(self.run_timeout_ms.map(|timeout_ms| run_timeout(run.started_ms, timeout_ms)));
        commit.published = self.shown.published.clone().into_iter().collect();
        commit
    }
}

/// The version that a run had before the event `cut`. `now` is that of its row, which has the last word: of a run that came in a capsule, the
/// events may name versions that are not here.
pub(crate) fn version_at(now: Digest, started: Digest, history: &History, cut: usize) -> Digest {
    let changed = |recorded: &Recorded| match &recorded.event {
        Event::VersionChanged(changed) => Some(changed.version),
        _ => None,
    };
    match history[cut..].iter().any(|(_, recorded)| changed(recorded).is_some()) {
        true => history[..cut].iter().rev().find_map(|(_, recorded)| changed(recorded)).unwrap_or(started),
        false => now,
    }
}

/// The ids of the forks that are asked for; none is one that the host makes up.
fn ids(fork: &ForkRun) -> Result<Vec<Option<CallerId>>, Error> {
    let times = fork.times.unwrap_or(1);
    if !(1..=MAX_TIMES).contains(&times) {
        let message = format!("`times` is {times}: give 1 to {MAX_TIMES}");
        return Err(Error::new(ErrorCode::InvalidArgument, message));
    }
    let id = |number: u32| match &fork.id {
        Some(id) if times > 1 => CallerId::parse(&format!("{id}-{number}")).map(Some),
        id => Ok(id.clone()),
    };
    (1..=times).map(id).collect()
}

/// Refuses an outcome that is larger than what activities give.
fn check_bounds(outcome: &Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Ok(value) => check_size("the outcome", value.len()),
        Outcome::Failed(failure) if failure.code.is_empty() || failure.code.len() > MAX_CODE_BYTES => {
            let message = format!("`outcome`: the `code` of a failure has 1 to {MAX_CODE_BYTES} bytes");
            Err(Error::new(ErrorCode::InvalidArgument, message))
        }
        Outcome::Failed(failure) => {
            check_size("the failure", failure.message.len() + failure.details.as_ref().map_or(0, Json::len))
        }
    }
}

fn id_taken(open: &Run) -> Error {
    let message =
        format!("run `{}` with the id `{}` is open, and is another one: take another id", open.run_id, open.id);
    Error::new(ErrorCode::RunAlreadyOpen, message).about(open.run_id)
}
