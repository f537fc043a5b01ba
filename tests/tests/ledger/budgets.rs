//! Who used up a budget is parked before the next call, and goes on when there is more.

use std::sync::Arc;
use std::time::Duration;

use abide_model::{Json, ManualClock, ParkKind, RunRef, RunStatus, SettingKind};
use abide_runtime::view::{BudgetState, LedgerQuery};
use abide_tests::{CostlyModel, LocalHost};
use serde_json::{Value, json};

const DAY_MS: u64 = 86_400_000;

async fn set(local: &LocalHost, budgets: Value) {
    local.host.put_setting(&local.tenant, SettingKind::Budgets, Json::from(&budgets), None).await.unwrap();
}

async fn local(budgets: Value) -> (LocalHost, CostlyModel) {
    let model = CostlyModel::default();
    let local = LocalHost::new(model.clone()).await;
    local.deploy("spender").await;
    set(&local, budgets).await;
    (local, model)
}

async fn ask(local: &LocalHost, id: &str, asks: u64) -> RunRef {
    local.start("spender", id, json!({ "asks": asks, "model": "costly/small", "work": 1000 })).await
}

#[tokio::test]
async fn a_run_is_parked_at_its_budget_and_goes_on_when_it_is_raised() {
    for (budget, asked, told) in [
        (json!({ "money": { "amount": "0.003", "currency": "USD" } }), 2, "0.003 of 0.003 USD"),
        (json!({ "tokens": 40 }), 3, "45 of 40 tokens"),
        (json!({ "calls": 2 }), 2, "3 of 2 calls"),
    ] {
        let (local, model) = local(json!({ "run": budget, "warn_at_percent": 50 })).await;
        let run = ask(&local, "a", 5).await;
        let row = local.until(&run, RunStatus::Parked).await;
        let reason = row.parked.unwrap();
        assert_eq!(reason.kind, ParkKind::BudgetExceeded, "{reason:?}");
        assert!(reason.message.contains(told) && reason.message.contains("abide tenants set"), "{reason:?}");
        assert_eq!(model.seen().len(), asked, "{told}: no more was asked");
        assert!(row.budget_warning.is_some(), "it was warned before: {told}");
        let report = local.host.run_ledger(&local.tenant, &run).await.unwrap();
        assert_eq!(report.budgets[0].state, BudgetState::UsedUp, "{report:?}");

        // Not raised: it is parked again, also by a host that comes up.
        let parks = |outline: Vec<String>| outline.iter().filter(|word| *word == "run-parked").count();
        local.host.resume(&local.tenant, &run, None).await.unwrap();
        local.until_length(&run, local.history(&run).await.len()).await;
        let local = local.reopen(model.clone()).await;
        local.until(&run, RunStatus::Parked).await;
        assert_eq!((parks(local.outline(&run).await), model.seen().len()), (2, asked), "{told}");

        set(&local, json!({ "run": { "calls": 100 } })).await;
        local.host.resume(&local.tenant, &run, None).await.unwrap();
        let row = local.until(&run, RunStatus::Completed).await;
        assert_eq!((row.budget_warning, row.parked), (None, None));
        assert!(model.seen().values().all(|times| *times == 1), "{told}: each question was asked once");
    }
}

#[tokio::test]
async fn fuel_is_bounded_too() {
    let (local, model) = local(json!({ "workflows": { "spender": { "fuel": 200_000 } } })).await;
    let run = local.start("spender", "a", json!({ "asks": 50, "model": "costly/small", "work": 10_000 })).await;
    let reason = local.until(&run, RunStatus::Parked).await.parked.unwrap();
    assert!(reason.message.contains("of 200000 fuel"), "{reason:?}");
    assert!(model.seen().len() < 20, "{:?}", model.seen());
}

#[tokio::test]
async fn a_run_of_another_workflow_or_tenant_has_its_own_budget() {
    let (local, _) = local(json!({ "workflows": { "spender": {} }, "run": { "calls": 1 } })).await;
    local.deploy_as("spender", "other").await;
    let run = ask(&local, "a", 3).await;
    local.until(&run, RunStatus::Completed).await;
    let run = local.start("other", "b", json!({ "asks": 3, "model": "costly/small" })).await;
    local.until(&run, RunStatus::Parked).await;
}

/// When the day is over, the host itself lets them go on.
#[tokio::test]
async fn the_runs_of_a_day_share_its_budget() {
    let clock = Arc::new(ManualClock::at(20_000 * DAY_MS + 5));
    let model = CostlyModel::default();
    let local = LocalHost::with_clock(model.clone(), clock.clone()).await;
    local.deploy("spender").await;
    set(&local, json!({ "day": { "tokens": 60 }, "warn_at_percent": 50 })).await;
    let first = ask(&local, "a", 3).await;
    local.until(&first, RunStatus::Completed).await;
    let second = ask(&local, "b", 3).await;
    let row = local.until(&second, RunStatus::Parked).await;
    assert_eq!(row.parked.unwrap().kind, ParkKind::BudgetExceeded);
    assert_eq!(row.parked_for_day.unwrap().to_string(), "2024-10-04");
    assert_eq!(model.seen().len(), 4, "the first had three, the second one");
    let report = local.host.ledger(&local.tenant, LedgerQuery::default()).await.unwrap();
    assert_eq!((report.budgets[0].used.as_str(), report.budgets[0].state), ("60 of 60 tokens", BudgetState::UsedUp));

    // The same day: a host that comes up leaves it parked.
    let local = local.reopen(model.clone()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    local.until(&second, RunStatus::Parked).await;
    let later = clock.clone();
    let local = local.reopen_after(model.clone(), move || later.advance(DAY_MS)).await;
    let row = local.until(&second, RunStatus::Completed).await;
    assert_eq!(row.parked_for_day, None);
    assert_eq!(model.seen().len(), 6);
}
