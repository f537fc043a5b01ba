//! Deletes runs: when somebody asks, and when they ended long ago. A deletion that a crash cut short is finished when the host
//! comes up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use abide_history::{RunFilter, StoreError};
use abide_model::{Error, ErrorCode, Run, RunId, RunRef, RunStatus, Tenant, WorkflowName};
use futures_util::StreamExt;

use crate::Host;
use crate::inner::{Inner, RunKey};
use crate::registry::Message;
use crate::view::Deleted;

/// How often old runs are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(600);
/// Runs that are looked at, or finished, at a time.
const PAGE_RUNS: usize = 500;
/// Runs that are deleted at the same time. Few: nobody waits for it, and others want to write.
const AT_ONCE: usize = 4;

/// How long runs that have ended are kept. By default for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Of any workflow that is not named below, after their end. `None`: for ever.
    pub closed_runs: Option<Duration>,
    /// Of these workflows. `None`: for ever.
    pub workflows: BTreeMap<WorkflowName, Option<Duration>>,
    /// Of the record of who did what. `None`: for ever.
    pub audit: Option<Duration>,
}

impl Retention {
    fn is_off(&self) -> bool {
        self.audit.is_none() && self.closed_runs.is_none() && self.workflows.values().all(Option::is_none)
    }

    /// How long runs of a workflow are kept.
    fn of(&self, workflow: &WorkflowName) -> Option<Duration> {
        self.workflows.get(workflow).copied().unwrap_or(self.closed_runs)
    }

    /// What to look for: the runs of a workflow, or of all, and the shortest time that one of them is kept.
    fn searches(&self) -> Vec<(Option<WorkflowName>, Duration)> {
        let named = self.workflows.iter().filter_map(|(name, kept)| Some((Some(name.clone()), (*kept)?)));
        let mut searches: Vec<_> = named.collect();
        searches.extend(self.closed_runs.map(|kept| (None, kept)));
        searches
    }
}

impl Host {
    /// Removes a run that has ended, with its history and everything else that is stored of it. From when this gives `Ok` it is gone.
    pub async fn delete(&self, tenant: &Tenant, run: &RunRef) -> Result<Deleted, Error> {
        let key = self.find(tenant, run).await?;
        self.ask_task(&key, |reply| Message::Delete { reply }).await?;
        Ok(Deleted { run_id: key.run_id })
    }
}

/// Finishes deletions, and deletes old runs until the host stops.
pub(crate) async fn keep(inner: Arc<Inner>) {
    if let Err(error) = finish(&inner).await {
        inner.fail(&error);
        tracing::error!(%error, "the deletions that were cut short cannot be finished");
    }
    while !inner.config.retention.is_off() {
        if let Err(error) = inner.prune_audit().await {
            inner.fail(&error);
            tracing::error!(%error, "the audit log cannot be pruned");
        }
        match delete_old(&inner).await {
            Ok(0) => {}
            Ok(runs) => tracing::info!(runs, "runs that ended long ago were deleted"),
            Err(error) => {
                inner.fail(&error);
                tracing::error!(%error, "the runs that ended long ago cannot be read");
            }
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn finish(inner: &Inner) -> Result<(), StoreError> {
    while !inner.stopping.is_cancelled() {
        let page = inner.store.unfinished_deletions(PAGE_RUNS).await?;
        if page.is_empty() {
            return Ok(());
        }
        for (tenant, run_id) in page {
            inner.store.delete(&tenant, run_id).await?;
            tracing::info!(%tenant, %run_id, "a deletion that was cut short is finished");
        }
    }
    Ok(())
}

/// Deletes what is too old now, and gives how many runs that were.
async fn delete_old(inner: &Arc<Inner>) -> Result<usize, StoreError> {
    let mut deleted = 0;
    for tenant in inner.tenants() {
        deleted += delete_old_of(inner, &tenant).await?;
    }
    Ok(deleted)
}

async fn delete_old_of(inner: &Arc<Inner>, tenant: &Tenant) -> Result<usize, StoreError> {
    let retention = &inner.config.retention;
    let now_ms = inner.clock.now_ms();
    let is_old = |run: &Run| match (run.closed_ms, retention.of(&run.workflow)) {
        (Some(closed_ms), Some(kept)) => u128::from(now_ms.saturating_sub(closed_ms)) >= kept.as_millis(),
        _ => false,
    };
    let mut deleted = 0;
    for (workflow, kept) in retention.searches() {
        let kept_ms = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        let Some(latest_ms) = now_ms.checked_sub(kept_ms) else { continue };
        for status in RunStatus::ALL.into_iter().filter(|status| !status.is_open()) {
            let filter = RunFilter { workflow: workflow.clone(), status: Some(status), ..RunFilter::default() };
            // A run that ended before then began before then, and run ids sort by that.
            let mut before = Some(RunId::new(latest_ms.saturating_add(1), 0));
            while before.is_some() && !inner.stopping.is_cancelled() {
                let page = inner.store.runs(tenant, &filter, before, PAGE_RUNS).await?;
                before = page.next;
                let old: Vec<_> = page.runs.iter().filter(|run| is_old(run)).map(|run| run.run_id).collect();
                let deletions = old.into_iter().map(|run_id| delete(inner, tenant, run_id));
                let mut done = futures_util::stream::iter(deletions).buffer_unordered(AT_ONCE);
                while let Some(done) = done.next().await {
                    deleted += usize::from(done);
                }
            }
        }
    }
    Ok(deleted)
}

async fn delete(inner: &Arc<Inner>, tenant: &Tenant, run_id: RunId) -> bool {
    let host = Host { inner: inner.clone() };
    let key = RunKey { tenant: tenant.clone(), run_id };
    match host.ask_task(&key, |reply| Message::Delete { reply }).await {
        Ok(()) => true,
        // Somebody else was quicker, or the host stops.
        Err(error) if matches!(error.code, ErrorCode::RunNotFound | ErrorCode::Unavailable) => false,
        Err(error) => {
            tracing::warn!(%run_id, %error, "a run that ended long ago is not deleted");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_that_is_named_has_its_own_time() {
        let name = |text| WorkflowName::parse(text).expect("a name");
        let (day, week) = (Duration::from_secs(86_400), Duration::from_secs(7 * 86_400));
        let workflows = BTreeMap::from([(name("audit"), None), (name("chat"), Some(day))]);
        let retention = Retention { closed_runs: Some(week), workflows: workflows.clone(), audit: None };
        assert_eq!(retention.of(&name("audit")), None);
        assert_eq!(retention.of(&name("chat")), Some(day));
        assert_eq!(retention.of(&name("other")), Some(week));
        assert_eq!(retention.searches(), [(Some(name("chat")), day), (None, week)]);
        assert!(!retention.is_off() && Retention::default().is_off());
        let only = Retention { workflows, ..Retention::default() };
        assert!(!only.is_off());
        assert_eq!(only.of(&name("other")), None);
    }
}
