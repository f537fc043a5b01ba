//! Budgets of a day: who is near one, and the runs that go on when the day is over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_history::RunFilter;
use abide_model::{Budgeted, Budgets, Day, Error, ErrorCode, Run, RunRef, RunStatus, Tenant};

use crate::Host;
use crate::inner::Inner;

/// How often it is seen whether a day is over.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// Runs that are looked at at a time.
const PAGE_RUNS: usize = 500;
/// Warnings of a day that are remembered, so that each is written once.
const MAX_WARNINGS: usize = 10_000;

/// The warnings of the present day that were written to the log.
#[derive(Default)]
pub(crate) struct BudgetWarnings(Mutex<BTreeSet<(Day, Tenant, Budgeted)>>);

impl BudgetWarnings {
    /// Says once that much of a tenant's budget of the day is used.
    pub(crate) fn warn(&self, tenant: &Tenant, day: Day, of: Budgeted, used: &str) {
        let is_new = {
            let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            told.retain(|(other, ..)| *other == day);
            told.len() < MAX_WARNINGS && told.insert((day, tenant.clone(), of))
        };
        if is_new {
            tracing::warn!(%tenant, %day, used, "much of the budget of a day is used");
        }
    }
}

impl Inner {
    /// The budgets of a tenant, where it has some.
    pub(crate) fn budgets(&self, tenant: &Tenant) -> Option<Arc<Budgets>> {
        self.settings.get::<Budgets>(tenant)
    }
}

/// Lets runs go on that the budget of a day parked, when that day is over, until the host stops.
pub(crate) async fn keep(host: Host) {
    let inner = &host.inner;
    let mut looked: Option<Day> = None;
    loop {
        let today = Day::of(inner.clock.now_ms());
        if looked.is_none_or(|looked| looked < today) {
            match go_on(&host, today).await {
                Ok(0) => looked = Some(today),
                Ok(runs) => {
                    tracing::info!(runs, %today, "runs go on that the budget of an earlier day had parked");
                    looked = Some(today);
                }
                Err(error) => tracing::warn!(%error, "the runs that a budget parked cannot be looked at"),
            }
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn go_on(host: &Host, today: Day) -> Result<usize, Error> {
    let is_over = |run: &Run| run.parked_for_day.is_some_and(|day| day < today);
    let filter = RunFilter { status: Some(RunStatus::Parked), ..RunFilter::default() };
    let mut resumed = 0;
    for tenant in host.inner.tenants() {
        let mut before = None;
        loop {
            let page = host.store().runs(&tenant, &filter, before, PAGE_RUNS).await?;
            for run in page.runs.iter().filter(|run| is_over(run)) {
                match host.resume(&tenant, &RunRef::Run(run.run_id), None).await {
                    Ok(_) => resumed += 1,
                    Err(error) if matches!(error.code, ErrorCode::Unavailable | ErrorCode::StoreUnavailable) => {
                        return Err(error);
                    }
                    // Somebody else was quicker.
                    Err(error) => tracing::debug!(run_id = %run.run_id, %error, "a run does not go on"),
                }
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
    }
    Ok(resumed)
}
