//! The ledger, for who asks what was used. The numbers are those that the store counted with the events.

use std::collections::BTreeMap;

use abide_model::ledger::{CallLine, Line, Sizes, entries};
use abide_model::{Budget, Counters, Day, Error, ErrorCode, RunRef, Tenant, WorkflowName};

use crate::Host;
use crate::view::{BudgetShare, BudgetState, LedgerEntry, LedgerGroup, LedgerQuery, LedgerReport, RunLedgerReport};

/// Rows that are read at a time.
const PAGE_ROWS: usize = 1000;
/// The most days of one report.
const MAX_DAYS: u32 = 3660;
/// The most parts of one report.
const MAX_PARTS: usize = 10_000;

/// What a part of a report is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Day(Day),
    Workflow(WorkflowName),
    Line(Line),
}

impl Host {
    /// What the runs of a tenant used.
    pub async fn ledger(&self, tenant: &Tenant, query: LedgerQuery) -> Result<LedgerReport, Error> {
        let today = Day::of(self.inner.clock.now_ms());
        let to = query.to.unwrap_or(today);
        let from = query.from.unwrap_or(to);
        if from > to || to.0 - from.0 >= MAX_DAYS {
            let message =
                format!("`from` is {from} and `to` is {to}: give at most {MAX_DAYS} days, the first one first");
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        let mut total = Counters::default();
        let mut parts: BTreeMap<Part, Counters> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = self.store().ledger(tenant, (from, to), after.as_ref(), PAGE_ROWS).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for row in page {
                if query.workflow.as_ref().is_some_and(|wanted| *wanted != row.key.workflow) {
                    continue;
                }
                total.add(&row.counters);
                let part = match query.group {
                    LedgerGroup::Day => Part::Day(row.key.day),
                    LedgerGroup::Workflow => Part::Workflow(row.key.workflow),
                    LedgerGroup::Model => Part::Line(row.key.line),
                };
                parts.entry(part).or_default().add(&row.counters);
            }
            if parts.len() > MAX_PARTS {
                let message =
                    format!("the report has more than {MAX_PARTS} parts: ask for fewer days, or for a workflow");
                return Err(Error::new(ErrorCode::TooLarge, message));
            }
        }
        let rows = parts.into_iter().map(|(part, counters)| entry(part, counters)).collect();
        let budgets = match self.inner.budgets(tenant) {
            Some(budgets) if !budgets.day.is_unbounded() => {
                let used = self.store().day_ledger(tenant, today).await?;
                shares(&budgets.day, &used, budgets.warn_at_percent)
            }
            _ => Vec::new(),
        };
        Ok(LedgerReport { from, to, group: query.group, rows, total, budgets })
    }

    /// What a run used.
    pub async fn run_ledger(&self, tenant: &Tenant, run: &RunRef) -> Result<RunLedgerReport, Error> {
        let key = self.find(tenant, run).await?;
        let row = self.row(&key).await?;
        let total = self.store().run_ledger(tenant, key.run_id).await?;
        let total = total.map(|ledger| ledger.counters).unwrap_or_default();
        // What a fork shares was counted for the run that it was forked from.
        let first = row.forked_from.map_or(0, |from| from.event);
        let mut lines: BTreeMap<Part, Counters> = BTreeMap::new();
        for (_, recorded) in self.inner.history_from(&key, first).await? {
            for (line, counters) in entries(&recorded, Sizes::default()) {
                if line != Line::Runs {
                    lines.entry(Part::Line(line)).or_default().add(&counters);
                }
            }
        }
        let budgets = self
            .inner
            .budgets(tenant)
            .map(|budgets| shares(budgets.of_run(&row.workflow), &total, budgets.warn_at_percent));
        Ok(RunLedgerReport {
            run_id: key.run_id,
            workflow: row.workflow,
            total,
            rows: lines.into_iter().map(|(part, counters)| entry(part, counters)).collect(),
            budgets: budgets.unwrap_or_default(),
        })
    }
}

fn entry(part: Part, counters: Counters) -> LedgerEntry {
    let empty = LedgerEntry { counters, ..LedgerEntry::default() };
    match part {
        Part::Day(day) => LedgerEntry { day: Some(day), ..empty },
        Part::Workflow(workflow) => LedgerEntry { workflow: Some(workflow), ..empty },
        Part::Line(Line::Runs) => empty,
        Part::Line(Line::Calls(CallLine(kind))) => LedgerEntry { call_kind: Some(kind.to_string()), ..empty },
        Part::Line(Line::Provider(provider)) => LedgerEntry { provider: Some(provider), ..empty },
        Part::Line(Line::Model(provider, model)) => {
            LedgerEntry { provider: Some(provider), model: Some(model), ..empty }
        }
    }
}

fn shares(budget: &Budget, used: &Counters, warn_at_percent: u8) -> Vec<BudgetShare> {
    let share = |share: abide_model::Share| BudgetShare {
        of: share.of,
        used: budget.describe(share),
        percent: u64::try_from(u128::from(share.used) * 100 / u128::from(share.limit.max(1))).unwrap_or(u64::MAX),
        state: match share {
            _ if share.is_used_up() => BudgetState::UsedUp,
            _ if share.has_reached(warn_at_percent) => BudgetState::Warning,
            _ => BudgetState::Open,
        },
    };
    budget.shares(used).into_iter().map(share).collect()
}
