//! The fleet check: what would a version do to all histories that there are? Each is replayed on it with no live calls, those of runs that
//! have ended too, and nothing is changed.

use std::time::Instant;

use abide_engine::Program;
use abide_history::RunFilter;
use abide_model::{Digest, Error, ErrorCode, ParkKind, Run, RunId, Tenant, WorkflowName};
use bytes::Bytes;
use futures_util::StreamExt;

use crate::Host;
use crate::host::REPLAYS_AT_ONCE;
use crate::inner::RunKey;
use crate::replaying::{self, Recording};
use crate::view::{CheckVerdict, CheckedRun};

/// Runs that are looked at between two answers.
const PAGE: usize = 64;

/// What a check is about.
pub struct Check {
    /// The workflow whose histories are replayed.
    pub workflow: WorkflowName,
    /// Which of its runs; all without.
    pub filter: Option<String>,
    /// A component, or nothing for a version of the workflow.
    pub component: Option<Bytes>,
    /// The version, where there is no component.
    pub version: Option<String>,
    /// Whether to tell the fuel that the histories take, on the version that is checked and on their own: two more replays of each.
    pub fuel: bool,
}

/// A check on its way. Dropping it ends it.
pub struct Checking {
    host: Host,
    tenant: Tenant,
    version: Digest,
    program: Program,
    filter: RunFilter,
    before: Option<RunId>,
    with_fuel: bool,
    done: bool,
}

impl Host {
    /// Begins a check: loads the component, and reads the filter.
    pub async fn check(&self, tenant: &Tenant, check: Check) -> Result<Checking, Error> {
        let inner = &self.inner;
        inner.check_ready()?;
        let filter = check.filter.as_deref().map(|filter| self.filter(filter)).transpose()?;
        let (version, program) = match (check.component, check.version) {
            (Some(component), None) => {
                self.check_component(&component)?;
                let _upload = inner.sharing.upload(&inner.share(tenant)).await;
                inner.programs.load_file(component).await?
            }
            (None, Some(version)) => {
                let version = self.find_version(tenant, &check.workflow, &version).await?;
                (version, inner.programs.get(tenant, version).await?)
            }
            _ => {
                let message = "a check is about a component, or about a version of the workflow: give one of them";
                return Err(Error::new(ErrorCode::InvalidArgument, message));
            }
        };
        let filter = RunFilter { workflow: Some(check.workflow), filter, ..RunFilter::default() };
        Ok(Checking {
            host: self.clone(),
            tenant: tenant.clone(),
            version,
            program,
            filter,
            before: None,
            with_fuel: check.fuel,
            done: false,
        })
    }
}

impl Checking {
    /// The version that is checked.
    pub fn version(&self) -> Digest {
        self.version
    }

    /// What comes of the next runs, newest first. `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<CheckedRun>>, Error> {
        if self.done {
            return Ok(None);
        }
        self.host.inner.check_ready()?;
        let page = self.host.inner.store.runs(&self.tenant, &self.filter, self.before, PAGE).await?;
        self.before = page.next;
        self.done = page.next.is_none();
        let this = &*self;
        let checked = page.runs.into_iter().map(|run| async move { this.replay(run).await });
        Ok(Some(futures_util::stream::iter(checked).buffered(REPLAYS_AT_ONCE).collect().await))
    }

    async fn replay(&self, run: Run) -> CheckedRun {
        let key = RunKey { tenant: self.tenant.clone(), run_id: run.run_id };
        let inner = &self.host.inner;
        let mut checked = CheckedRun {
            run_id: run.run_id,
            id: run.id,
            status: run.status,
            version: run.version,
            verdict: CheckVerdict::Unreadable,
            events: 0,
            reason: None,
            micros: 0,
            fuel: None,
            own_fuel: None,
        };
        let history = match inner.read_history(&key).await {
            Ok(history) => history,
            Err(error) => {
                tracing::warn!(run_id = %run.run_id, %error, "a history cannot be read");
                return checked;
            }
        };
        checked.events = history.len() as u64;
        let began = Instant::now();
        let Ok(replayed) = replaying::feed(inner, &key, &self.program, &history).await else { return checked };
        checked.micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        checked.verdict = match &replayed.stopped {
            None => CheckVerdict::Identical,
            Some(reason) if reason.kind == ParkKind::Divergence => CheckVerdict::Diverges,
            Some(_) => CheckVerdict::Stops,
        };
        checked.reason = replayed.stopped;
        if self.with_fuel {
            let share = inner.share(&self.tenant);
            let recording = Recording { run_id: run.run_id, history: &history, share: Some(&share.activities) };
            checked.fuel = self.fuel(&self.program, recording).await;
            // A version that is not there any more has nothing to compare with.
            if let Ok(own) = inner.programs.get(&self.tenant, run.version).await {
                checked.own_fuel = self.fuel(&own, recording).await;
            }
        }
        checked
    }

    async fn fuel(&self, program: &Program, recording: Recording<'_>) -> Option<u64> {
        let _seat = self.host.inner.replay_seat(&self.tenant, 1).await;
        replaying::fuel_of(program, recording).await.unwrap_or_default()
    }
}
