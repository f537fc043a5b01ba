//! Hot swap: runs go on with another version of their workflow.
//!
//! The history is replayed on the new version with no live calls, aside from the run, which goes on meanwhile. What was recorded since is
//! given to the copy by the run's own task; if the copy then stands where the run stands, having done nothing else than the history says,
//! *version changed* is recorded, and the copy takes the place of the guest. Calls in flight stay in flight: the copy waits for the same
//! ones. Where the copy does something else, the run stays on its version, and its row says why.

mod automatic;
mod candidate;

use std::collections::BTreeMap;

use abide_engine::Program;
use abide_history::RunFilter;
use abide_model::{
    Digest, Error, ErrorCode, Filter, HeldBack, ParkKind, ParkReason, Run, RunId, RunStatus, Tenant, WorkflowName,
};
use futures_util::StreamExt;

pub(crate) use automatic::keep;
pub(crate) use candidate::Candidate;

use crate::Host;
use crate::host::REPLAYS_AT_ONCE;
use crate::inner::RunKey;
use crate::registry::Message;
use crate::replaying::{self, Recording};
use crate::view::{SwapReport, SwapRuns, SwapVerdict, SwappedRun};

/// Runs that one request is about, if it does not say how many, and at most.
const DEFAULT_PAGE: usize = 100;
const MOST: usize = 1000;

/// What came of a swap, as the run's task says.
#[derive(Debug, Clone)]
pub(crate) enum Swap {
    Swapped,
    Unchanged,
    Pinned,
    Parked,
    HeldBack(ParkReason),
}

/// A version to go on with.
#[derive(Clone)]
struct Target {
    version: Digest,
    program: Program,
    dry_run: bool,
    /// Only runs that were not held back from it before.
    untried: bool,
}

impl Target {
    fn is_for(&self, run: &Run) -> bool {
        let held_back = run.held_back.as_ref().is_some_and(|held_back| held_back.version == self.version);
        !(self.untried && held_back)
    }
}

impl Host {
    /// Lets one page of the runs of a workflow go on with a version, newest first. To ask for a page again does no harm.
    pub async fn swap(&self, tenant: &Tenant, workflow: &WorkflowName, asked: SwapRuns) -> Result<SwapReport, Error> {
        self.inner.check_ready()?;
        let limit = asked.limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=MOST).contains(&limit) {
            let message = format!("`limit`: {limit} is not between 1 and {MOST}");
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        let version = self.find_version(tenant, workflow, &asked.to).await?;
        let filter = asked.filter.as_deref().map(|filter| self.filter(filter)).transpose()?;
        let filter = open_runs(workflow, filter);
        let program = self.inner.programs.get(tenant, version).await?;
        let target = Target { version, program, dry_run: asked.dry_run, untried: false };
        let (host, tenant) = (self.clone(), tenant.clone());
        // The page is done to its end even where the caller goes away.
        let page = async move { host.swap_page(&tenant, &target, &filter, asked.cursor, limit).await };
        let done = self.inner.tasks.spawn(page).await;
        done.unwrap_or_else(|error| Err(Error::new(ErrorCode::Internal, format!("a swap was given up: {error}"))))
    }

    async fn swap_page(
        &self,
        tenant: &Tenant,
        target: &Target,
        filter: &RunFilter,
        cursor: Option<RunId>,
        limit: usize,
    ) -> Result<SwapReport, Error> {
        let page = self.inner.store.runs(tenant, filter, cursor, limit).await?;
        let swaps = page.runs.into_iter().filter(|run| target.is_for(run)).map(|run| async move {
            let key = RunKey { tenant: tenant.clone(), run_id: run.run_id };
            let (verdict, reason) = self.swap_run(&key, &run, target).await?;
            Ok::<_, Error>(SwappedRun { run_id: run.run_id, id: run.id, from: run.version, verdict, reason })
        });
        let mut swaps = futures_util::stream::iter(swaps).buffered(REPLAYS_AT_ONCE);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut runs = Vec::new();
        while let Some(swapped) = swaps.next().await {
            let swapped = swapped?;
            *counts.entry(swapped.verdict.as_str().to_owned()).or_default() += 1;
            if swapped.verdict != SwapVerdict::Unchanged {
                runs.push(swapped);
            }
        }
        Ok(SwapReport { version: target.version, counts, runs, next: page.next })
    }

    async fn swap_run(
        &self,
        key: &RunKey,
        run: &Run,
        target: &Target,
    ) -> Result<(SwapVerdict, Option<ParkReason>), Error> {
        if run.version == target.version {
            return Ok((SwapVerdict::Unchanged, None));
        }
        if run.is_pinned() {
            return Ok((SwapVerdict::Pinned, None));
        }
        if run.parked.as_ref().is_some_and(|reason| reason.kind == ParkKind::Imported) {
            return Ok((SwapVerdict::Imported, None));
        }
        let swapped = match run.status {
            RunStatus::Parked => self.repair(key, target).await,
            _ => self.swap_running(key, target).await,
        };
        match swapped {
            // It ended, or went, in the meantime.
            Err(error) if matches!(error.code, ErrorCode::RunClosed | ErrorCode::RunNotFound) => {
                Ok((SwapVerdict::Closed, None))
            }
            other => other,
        }
    }

    /// A run that goes on all the time.
    async fn swap_running(&self, key: &RunKey, target: &Target) -> Result<(SwapVerdict, Option<ParkReason>), Error> {
        let candidate = match Candidate::prepare(&self.inner, key, target.version, &target.program).await? {
            Ok(candidate) => candidate,
            Err(reason) => return self.held_back(key, target, reason).await,
        };
        if target.dry_run {
            let behind = self.inner.store.is_ready(&key.tenant, key.run_id).await?;
            return Ok(match candidate.look_ahead(!behind).await {
                Ok(()) => (SwapVerdict::WouldSwap, None),
                Err(reason) => refused(reason),
            });
        }
        let candidate = Box::new(candidate);
        Ok(match self.ask_task(key, |reply| Message::Swap { candidate, reply }).await {
            Ok(Swap::Swapped) => (SwapVerdict::Swapped, None),
            Ok(Swap::Unchanged) => (SwapVerdict::Unchanged, None),
            Ok(Swap::Pinned) => (SwapVerdict::Pinned, None),
            Ok(Swap::HeldBack(reason)) => refused(reason),
            // It stopped in the meantime: it is looked at as such the next time.
            Ok(Swap::Parked) => (SwapVerdict::Stops, self.row(key).await?.parked),
            Err(error) => return Err(error),
        })
    }

    /// A run that stopped: it goes on with a version that does what its history says, and does not stop where the other one did.
    async fn repair(&self, key: &RunKey, target: &Target) -> Result<(SwapVerdict, Option<ParkReason>), Error> {
        let candidate = match Candidate::prepare(&self.inner, key, target.version, &target.program).await? {
            Ok(candidate) => candidate,
            Err(reason) => return self.held_back(key, target, reason).await,
        };
        if let Err(reason) = candidate.look_ahead(false).await {
            return self.held_back(key, target, reason).await;
        }
        if target.dry_run {
            return Ok((SwapVerdict::WouldResume, None));
        }
        let version = Some(target.version);
        match self.ask_task(key, |reply| Message::Resume { version, reply }).await {
            Ok(_) => Ok((SwapVerdict::Resumed, None)),
            // Somebody else let it go on: then it is a run like others.
            Err(error) if error.code == ErrorCode::RunNotParked => self.swap_running(key, target).await,
            Err(error) => Err(error),
        }
    }

    /// Takes down in the run's row why it stays.
    async fn held_back(
        &self,
        key: &RunKey,
        target: &Target,
        reason: ParkReason,
    ) -> Result<(SwapVerdict, Option<ParkReason>), Error> {
        let reason = self.located(key, target, reason).await?;
        if !target.dry_run {
            let held_back = HeldBack { version: target.version, reason: reason.clone() };
            self.ask_task(key, |reply| Message::HoldBack { held_back, reply }).await?;
        }
        Ok(refused(reason))
    }

    /// The reason with the guest's functions: for that the history is replayed once more, watched.
    async fn located(&self, key: &RunKey, target: &Target, reason: ParkReason) -> Result<ParkReason, Error> {
        if reason.kind != ParkKind::Divergence {
            return Ok(reason);
        }
        let history = self.inner.read_history(key).await?;
        let _seat = self.inner.replay_seat(&key.tenant, 1).await;
        let share = self.inner.share(&key.tenant);
        let recording = Recording { run_id: key.run_id, history: &history, share: Some(&share.activities) };
        let again = replaying::feed_watched(&target.program, recording).await?.stopped;
        Ok(again.filter(|again| again.event == reason.event && again.kind == reason.kind).unwrap_or(reason))
    }

    /// Lets all open runs of a workflow go on with a version. Gives how many there are of each verdict.
    pub(crate) async fn swap_all(
        &self,
        tenant: &Tenant,
        workflow: &WorkflowName,
        version: Digest,
    ) -> Result<BTreeMap<String, u64>, Error> {
        let program = self.inner.programs.get(tenant, version).await?;
        let target = Target { version, program, dry_run: false, untried: true };
        let filter = open_runs(workflow, None);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut cursor = None;
        loop {
            let report = self.swap_page(tenant, &target, &filter, cursor, DEFAULT_PAGE).await?;
            for (verdict, count) in report.counts {
                *counts.entry(verdict).or_default() += count;
            }
            cursor = report.next;
            if cursor.is_none() {
                return Ok(counts);
            }
        }
    }
}

fn open_runs(workflow: &WorkflowName, filter: Option<Filter>) -> RunFilter {
    let open = Filter::open();
    let filter = Some(match filter {
        Some(filter) => open.and(filter),
        None => open,
    });
    RunFilter { workflow: Some(workflow.clone()), filter, ..RunFilter::default() }
}

fn refused(reason: ParkReason) -> (SwapVerdict, Option<ParkReason>) {
    match reason.kind {
        ParkKind::Divergence => (SwapVerdict::Diverges, Some(reason)),
        _ => (SwapVerdict::Stops, Some(reason)),
    }
}
