//! Which runs were forked from which.

use abide_history::RunFilter;
use abide_model::{Error, Filter, RunId, RunRef, RunStatus, Tenant};

use crate::Host;
use crate::view::Forks;

/// The longest page.
const MAX_PAGE: usize = 1000;

impl Host {
    /// The tree of forks that a run is part of: a page of all that have its root, newest first.
    pub async fn forks(
        &self,
        tenant: &Tenant,
        run: &RunRef,
        cursor: Option<RunId>,
        limit: usize,
    ) -> Result<Forks, Error> {
        let key = self.find(tenant, run).await?;
        let root = self.row(&key).await?.fork_root();
        let page = self.store().runs(tenant, &with_root(root, None)?, cursor, limit.clamp(1, MAX_PAGE)).await?;
        let root_run = self.store().run(tenant, root).await?;
        Ok(Forks { run_id: key.run_id, root, root_run, forks: page.runs, next: page.next })
    }

    /// The runs that share events with `run`, directly or not, and run now. One of them may wait for a child of `run`.
    pub(crate) async fn running_relatives(&self, tenant: &Tenant, run: RunId) -> Result<Vec<RunId>, Error> {
        // Of a run that was deleted nobody knows any more what it was forked from.
        let root = self.store().run(tenant, run).await?.map_or(run, |row| row.fork_root());
        let filter = with_root(root, Some(RunStatus::Running))?;
        let mut relatives = Vec::new();
        let mut before = None;
        loop {
            let page = self.store().runs(tenant, &filter, before, MAX_PAGE).await?;
            relatives.extend(page.runs.iter().map(|run| run.run_id).filter(|relative| *relative != run));
            before = page.next;
            if before.is_none() {
                return Ok(relatives);
            }
        }
    }

    /// Whether `child`, which `parent` started, is a child of `run` too: one that it has from the history that it shares.
    pub(crate) async fn shares_child(&self, tenant: &Tenant, run: RunId, parent: RunId) -> Result<bool, Error> {
        let root_of = async |run: RunId| self.store().run(tenant, run).await;
        let Some(row) = root_of(run).await?.filter(|row| row.forked_from.is_some()) else { return Ok(false) };
        let root = row.fork_root();
        Ok(parent == root || root_of(parent).await?.is_some_and(|parent| parent.fork_root() == root))
    }
}

fn with_root(root: RunId, status: Option<RunStatus>) -> Result<RunFilter, Error> {
    let filter = Filter::parse(&format!("fork_root = '{root}'"), 0)?;
    Ok(RunFilter { filter: Some(filter), status, ..RunFilter::default() })
}
