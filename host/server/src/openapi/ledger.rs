//! Tests: samples of all that is about the ledger and budgets are as the document says.

use abide_model::{Budget, Budgeted, Budgets, Counters, Currency, Day, Micros, Money};
use abide_runtime::view::{BudgetShare, BudgetState, LedgerEntry, LedgerGroup, LedgerReport, RunLedgerReport};

use super::samples::{fits, run};

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn counters() -> Counters {
    Counters { calls: 3, cost: [(usd(), Micros(1_500_000))].into(), ..Counters::default() }
}

fn shares() -> Vec<BudgetShare> {
    let states = [BudgetState::Open, BudgetState::Warning, BudgetState::UsedUp];
    let ofs = [Budgeted::Money, Budgeted::Tokens, Budgeted::Calls, Budgeted::Fuel];
    let shares = states.into_iter().cycle().zip(ofs);
    shares.map(|(state, of)| BudgetShare { of, used: "1 of 2 USD".to_owned(), percent: 50, state }).collect()
}

fn entries() -> Vec<LedgerEntry> {
    let entry = || LedgerEntry { counters: counters(), ..LedgerEntry::default() };
    vec![
        entry(),
        LedgerEntry { day: Some(Day(20_000)), ..entry() },
        LedgerEntry { workflow: Some(run().workflow), ..entry() },
        LedgerEntry { call_kind: Some("llm.generate".to_owned()), ..entry() },
        LedgerEntry { provider: Some("llm.openai".to_owned()), model: Some("gpt-5".to_owned()), ..entry() },
    ]
}

#[test]
fn every_type_of_the_ledger_is_as_documented() {
    for group in [LedgerGroup::Day, LedgerGroup::Workflow, LedgerGroup::Model] {
        let (from, to) = (Day(20_000), Day(20_001));
        let report = LedgerReport { from, to, group, rows: entries(), total: Counters::default(), budgets: shares() };
        fits("LedgerReport", &report);
    }
    let of_run = RunLedgerReport {
        run_id: run().run_id,
        workflow: run().workflow,
        total: counters(),
        rows: entries(),
        budgets: shares(),
    };
    fits("RunLedgerReport", &of_run);
}

#[test]
fn budgets_are_as_documented() {
    let full = Budget {
        money: Some(Money { amount: Micros(2_500_000), currency: usd() }),
        tokens: Some(1),
        calls: Some(2),
        fuel: Some(3),
    };
    let budgets = Budgets {
        run: full.clone(),
        workflows: [(run().workflow, full.clone())].into(),
        day: full,
        warn_at_percent: 90,
    };
    for budgets in [budgets, Budgets::default()] {
        fits("Budgets", &budgets);
    }
}
