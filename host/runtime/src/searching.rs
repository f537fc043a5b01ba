//! Counting runs, and doing something to all runs of a filter.

use std::collections::BTreeMap;

use abide_history::RunFilter;
use abide_model::{Error, ErrorCode, Filter, RunId, RunRef, Tenant};
use futures_util::StreamExt;

use crate::Host;
use crate::inner::stopping;
use crate::view::{Batch, BatchAction, BatchFailure, BatchReport, RunCounts};

/// Rows that are asked for at a time when runs are counted. The store bounds them as well.
const COUNT_PAGE: usize = 1000;
/// Runs that one request does something to, if it does not say how many, and at most.
const BATCH_DEFAULT: usize = 500;
const BATCH_MOST: usize = 1000;
/// Runs to which something is done at the same time.
const BATCH_AT_ONCE: usize = 32;
/// Failures that a report tells one by one.
const MAX_FAILURES: usize = 100;

/// What happened to one run.
enum Act {
    Done,
    /// With a word that says why.
    Skipped(&'static str),
    Failed(Error),
}

impl Host {
    /// Reads a filter of [`Filter`]'s language; times such as `-24h` are counted from now.
    pub fn filter(&self, text: &str) -> Result<Filter, Error> {
        Filter::parse(text, self.inner.clock.now_ms())
    }

    /// How many runs a filter means, by status. It looks at all of them, some at a time; each at a moment of its own.
    pub async fn count(&self, tenant: &Tenant, filter: &RunFilter) -> Result<RunCounts, Error> {
        let mut counts = RunCounts::default();
        let mut before = None;
        loop {
            let page = self.inner.store.runs(tenant, filter, before, COUNT_PAGE).await?;
            for run in &page.runs {
                *counts.statuses.entry(run.status.as_str().to_owned()).or_default() += 1;
            }
            counts.total += page.runs.len() as u64;
            before = page.next;
            if before.is_none() {
                return Ok(counts);
            }
            if self.inner.stopping.is_cancelled() {
                return Err(stopping());
            }
        }
    }

    /// Does something to one page of the runs of a filter, newest first, and tells how it went and where the next page begins. The page
    /// is done to its end even where the caller goes away; to ask for it again does no harm, since a run that is as it should be
    /// already is skipped (a signal needs a key for that).
    pub async fn batch(&self, tenant: &Tenant, batch: Batch) -> Result<BatchReport, Error> {
        self.inner.check_ready()?;
        let invalid = |message: &str| Error::new(ErrorCode::InvalidArgument, message);
        let limit = batch.limit.unwrap_or(BATCH_DEFAULT);
        if !(1..=BATCH_MOST).contains(&limit) {
            return Err(invalid(&format!("`limit`: {limit} is not between 1 and {BATCH_MOST}")));
        }
        if (batch.action == BatchAction::Signal) != batch.signal.is_some() {
            return Err(invalid(
                "`signal` says which signal to send: give it with `\"action\": \"signal\"`, and with no other",
            ));
        }
        let filter = RunFilter { filter: Some(self.filter(&batch.filter)?), ..RunFilter::default() };
        let (host, tenant) = (self.clone(), tenant.clone());
        let page = self.inner.tasks.spawn(async move { host.page(&tenant, &filter, &batch, limit).await });
        page.await
            .unwrap_or_else(|error| Err(Error::new(ErrorCode::Internal, format!("a batch was given up: {error}"))))
    }

    async fn page(
        &self,
        tenant: &Tenant,
        filter: &RunFilter,
        batch: &Batch,
        limit: usize,
    ) -> Result<BatchReport, Error> {
        let page = self.inner.store.runs(tenant, filter, batch.cursor, limit).await?;
        let runs: Vec<_> = page.runs.iter().map(|run| run.run_id).collect();
        let done = runs.into_iter().map(|run_id| async move { (run_id, self.act(tenant, run_id, batch).await) });
        let mut done = futures_util::stream::iter(done).buffer_unordered(BATCH_AT_ONCE);
        let mut report = BatchReport { next: page.next, ..BatchReport::default() };
        while let Some((run_id, done)) = done.next().await {
            match done {
                Act::Done => report.done += 1,
                Act::Skipped(why) => {
                    report.skipped += 1;
                    count(&mut report.reasons, why);
                }
                // The host itself is away: the page is asked for again when it is back.
                Act::Failed(error) if matches!(error.code, ErrorCode::Unavailable | ErrorCode::StoreUnavailable) => {
                    return Err(error);
                }
                Act::Failed(error) => {
                    report.failed += 1;
                    count(&mut report.reasons, error.code.as_str());
                    if report.failures.len() < MAX_FAILURES {
                        let (code, message) = (error.code.as_str().to_owned(), error.message);
                        report.failures.push(BatchFailure { run_id, code, message });
                    }
                }
            }
        }
        Ok(report)
    }

    async fn act(&self, tenant: &Tenant, run_id: RunId, batch: &Batch) -> Act {
        let run = RunRef::Run(run_id);
        let result = match (batch.action, &batch.signal) {
            (BatchAction::Cancel, _) => self.cancel(tenant, &run, &batch.reason).await.map(drop),
            (BatchAction::Terminate, _) => self.terminate(tenant, &run, &batch.reason).await.map(drop),
            (BatchAction::Resume, _) => self.resume(tenant, &run, None).await.map(drop),
            (BatchAction::Pin, _) => self.pin(tenant, &run, true).await.map(drop),
            (BatchAction::Unpin, _) => self.pin(tenant, &run, false).await.map(drop),
            (BatchAction::Delete, _) => self.delete(tenant, &run).await.map(drop),
            (BatchAction::Signal, Some(signal)) => {
                let (payload, key) = (signal.payload.clone(), signal.key.clone());
                match self.signal(tenant, &run, &signal.name, payload, key).await {
                    Ok(signalled) if signalled.duplicate => return Act::Skipped("duplicate"),
                    other => other.map(drop),
                }
            }
            (BatchAction::Signal, None) => Ok(()),
        };
        match result {
            Ok(()) => Act::Done,
            // It ended, or went, or did not end, or is not parked: there is nothing to do.
            Err(error)
                if matches!(
                    error.code,
                    ErrorCode::RunClosed | ErrorCode::RunNotFound | ErrorCode::RunOpen | ErrorCode::RunNotParked
                ) =>
            {
                Act::Skipped(error.code.as_str())
            }
            Err(error) => Act::Failed(error),
        }
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, why: &str) {
    *reasons.entry(why.to_owned()).or_default() += 1;
}
