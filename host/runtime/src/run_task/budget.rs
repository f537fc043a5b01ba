//! Budgets: before new calls are performed it is seen whether the run may make them, else it is parked. Calls that are under way go on, and
//! may go past the budget by what they cost.

use abide_history::StoreError;
use abide_model::{Budget, Budgeted, CallKind, Counters, Day, ParkKind, ParkReason, Share};

use super::RunTask;

impl RunTask {
    /// Parks the run where a budget is used up that calls of these kinds use. Gives whether it did.
    pub(super) async fn park_over_budget(&mut self, kinds: &[CallKind]) -> Result<bool, StoreError> {
        let Some(budgets) = self.inner.budgets(&self.key.tenant) else { return Ok(false) };
        let Some(workflow) = self.run.as_ref().map(|run| run.workflow.clone()) else { return Ok(false) };
        let tenant = &self.key.tenant.clone();
        let wanted = |of: Budgeted| kinds.iter().any(|kind| of.is_used_by(*kind));

        let of_run = budgets.of_run(&workflow);
        if !of_run.is_unbounded() {
            let ledger = self.inner.store.run_ledger(tenant, self.key.run_id).await?;
            let used = ledger.map(|ledger| ledger.counters).unwrap_or_default();
            if let Some(share) = used_up(of_run, &used, wanted) {
                let message = format!(
                    "the run used {}, which is its budget: raise it with `abide tenants set {tenant} budgets JSON`, then let the run \
                     go on with `abide resume {}`",
                    of_run.describe(share),
                    self.key.run_id
                );
                self.park_for_budget(message, None);
                return Ok(true);
            }
            if let Some(share) = warned(of_run, &used, budgets.warn_at_percent) {
                self.warn(of_run.describe(share));
            }
        }

        if !budgets.day.is_unbounded() {
            let day = Day::of(self.inner.clock.now_ms());
            let used = self.inner.store.day_ledger(tenant, day).await?;
            if let Some(share) = used_up(&budgets.day, &used, wanted) {
                let message = format!(
                    "all runs of tenant `{tenant}` together used {} on {day}, which is their budget of a day: the run goes on when \
                     the day is over (UTC), or with `abide resume {}` after `abide tenants set {tenant} budgets JSON`",
                    budgets.day.describe(share),
                    self.key.run_id
                );
                self.park_for_budget(message, Some(day));
                return Ok(true);
            }
            if let Some(share) = warned(&budgets.day, &used, budgets.warn_at_percent) {
                self.inner.budget_warnings.warn(tenant, day, share.of, &budgets.day.describe(share));
            }
        }
        Ok(false)
    }

    fn park_for_budget(&mut self, message: String, day: Option<Day>) {
        self.park(ParkReason { kind: ParkKind::BudgetExceeded, message, event: None, backtrace: Vec::new() });
        self.change_run(|run| run.parked_for_day = day);
    }

    /// Says once that much of the run's budget is used, in the log and in its row.
    fn warn(&mut self, used: String) {
        if self.run.as_ref().is_some_and(|run| run.budget_warning.is_none()) {
            tracing::warn!(tenant = %self.key.tenant, run_id = %self.key.run_id, used, "much of the budget of a run is used");
            self.change_run(|run| run.budget_warning = Some(used));
        }
    }
}

/// The part of a budget that is used up, and wanted.
fn used_up(budget: &Budget, used: &Counters, wanted: impl Fn(Budgeted) -> bool) -> Option<Share> {
    let mut shares = budget.shares(used).into_iter();
    shares.find(|share| {
        // The calls that are asked for are counted already: the last one that fits is one of them.
        let over = if share.of == Budgeted::Calls { share.used > share.limit } else { share.is_used_up() };
        over && wanted(share.of)
    })
}

/// The part of which the most is used, where operators are to know.
fn warned(budget: &Budget, used: &Counters, percent: u8) -> Option<Share> {
    let shares = budget.shares(used).into_iter().filter(|share| share.has_reached(percent));
    shares.max_by_key(|share| u128::from(share.used) * 1000 / u128::from(share.limit.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_stops_what_uses_it() {
        let budget = Budget { tokens: Some(100), calls: Some(3), ..Budget::default() };
        let used = |tokens, calls| Counters { input_tokens: tokens, calls, ..Counters::default() };
        let stops =
            |used: &Counters, kind: CallKind| used_up(&budget, used, |of| of.is_used_by(kind)).map(|share| share.of);
        assert_eq!(stops(&used(99, 3), CallKind::LlmGenerate), None);
        assert_eq!(stops(&used(100, 1), CallKind::LlmGenerate), Some(Budgeted::Tokens));
        assert_eq!(stops(&used(100, 1), CallKind::ToolsCall), None, "a tool uses no tokens");
        assert_eq!(stops(&used(0, 3), CallKind::ToolsCall), None, "the third call is among the three");
        assert_eq!(stops(&used(0, 4), CallKind::ToolsCall), Some(Budgeted::Calls));
    }

    #[test]
    fn the_warning_names_what_is_used_the_most() {
        let budget = Budget { tokens: Some(100), calls: Some(10), ..Budget::default() };
        let used = Counters { input_tokens: 85, calls: 9, ..Counters::default() };
        assert_eq!(warned(&budget, &used, 80).unwrap().of, Budgeted::Calls);
        assert!(warned(&budget, &used, 95).is_none());
    }
}
