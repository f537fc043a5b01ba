//! Races: forks that were made together, of which one is kept. Whoever asked for them looks at what they came to and says which.

use abide_history::RunFilter;
use abide_model::{Error, ErrorCode, Filter, RunId, RunRef, Tenant};

use crate::Host;
use crate::inner::RunKey;
use crate::view::{KeepRun, Kept};

/// Runs that are looked at at a time.
const PAGE_RUNS: usize = 500;

impl Host {
    /// Keeps a run of a race: the others that are open are asked to end, or are ended. Asked again, it does what was left.
    pub async fn keep(&self, tenant: &Tenant, run: &RunRef, keep: KeepRun) -> Result<Kept, Error> {
        self.inner.check_ready()?;
        let key = self.find(tenant, run).await?;
        let mut kept = self.row(&key).await?;
        // Where it went on as a new run, that one is kept.
        while let Some(next) = kept.continued_as {
            kept = self.row(&RunKey { tenant: tenant.clone(), run_id: next }).await?;
        }
        let Some(race) = kept.fork_race else {
            let message = format!(
                "run `{}` is in no race: only forks that were made together are, by `abide fork RUN --times N`",
                kept.run_id
            );
            return Err(Error::new(ErrorCode::InvalidArgument, message).about(kept.run_id));
        };
        let reason = keep.reason.unwrap_or_else(|| format!("run {} of the same race is kept", kept.run_id));
        let mut ended = Vec::new();
        for other in self.open_in_race(tenant, race).await? {
            if other == kept.run_id {
                continue;
            }
            let other_ref = RunRef::Run(other);
            let told = match keep.terminate {
                true => self.terminate(tenant, &other_ref, &reason).await,
                false => self.cancel(tenant, &other_ref, &reason).await,
            };
            match told {
                Ok(_) => ended.push(other),
                // It ended by itself in between, or was deleted.
                Err(error) if matches!(error.code, ErrorCode::RunClosed | ErrorCode::RunNotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Kept { run_id: kept.run_id, race, ended })
    }

    async fn open_in_race(&self, tenant: &Tenant, race: RunId) -> Result<Vec<RunId>, Error> {
        let filter = Filter::parse(&format!("fork_race = '{race}'"), 0)?;
        let filter = RunFilter { filter: Some(filter), ..RunFilter::default() };
        let mut open = Vec::new();
        let mut before = None;
        loop {
            let page = self.store().runs(tenant, &filter, before, PAGE_RUNS).await?;
            open.extend(page.runs.iter().filter(|run| run.status.is_open()).map(|run| run.run_id));
            before = page.next;
            if before.is_none() {
                return Ok(open);
            }
        }
    }
}
