//! What is counted, and what a replay does not count again.

use abide_history::RedbStore;
use abide_model::{Counters, Currency, Day, Json, Micros, RunStatus, WorkflowName};
use abide_runtime::view::{ForkRun, LedgerGroup, LedgerQuery, ResetRun};
use abide_tests::{COST, CostlyModel, LocalHost, TOKENS};
use serde_json::json;

use crate::support::{check, fuel_of};

async fn local() -> LocalHost {
    let local = LocalHost::new(CostlyModel::default()).await;
    local.deploy("spender").await;
    local
}

/// Closes the host, and holds its ledger against its histories.
async fn checked(local: LocalHost, place: &str) -> (LocalHost, Counters) {
    let mut all = Counters::default();
    let tenant = local.tenant.clone();
    let local = local
        .while_closed(CostlyModel::default(), async |store: &RedbStore| all = check(store, &tenant, place).await)
        .await;
    (local, all)
}

#[tokio::test]
async fn a_run_is_counted_with_its_events() {
    let local = local().await;
    let run = local.start("spender", "a", json!({ "asks": 3, "model": "costly/small", "work": 1000 })).await;
    local.result(&run).await;
    let report = local.host.run_ledger(&local.tenant, &run).await.unwrap();
    assert_eq!((report.total.runs, report.total.calls, report.total.outcomes), (1, 3, 3));
    assert_eq!(report.total.tokens(), 3 * (TOKENS.input + TOKENS.output));
    assert_eq!(report.total.cost[&Currency::parse("USD").unwrap()], Micros(3 * COST));
    assert_eq!(report.total.fuel, fuel_of(&local.host, &local.tenant, &run).await, "a replay uses as much");
    assert!(report.total.fuel > 3000, "{report:?}");
    let lines: Vec<_> = report.rows.iter().map(|row| (row.call_kind.as_deref(), row.model.as_deref())).collect();
    assert_eq!(lines, [(Some("llm.generate"), None), (None, Some("small"))]);

    let (local, all) = checked(local, "one run").await;
    assert_eq!((all.runs, all.calls, all.fuel), (1, 3, report.total.fuel));
    for (group, parts) in [(LedgerGroup::Day, 1), (LedgerGroup::Workflow, 1), (LedgerGroup::Model, 3)] {
        let report = local.host.ledger(&local.tenant, LedgerQuery { group, ..LedgerQuery::default() }).await.unwrap();
        assert_eq!((report.rows.len(), report.total.clone()), (parts, all.clone()), "{group:?}");
    }
    let nobody = LedgerQuery { workflow: WorkflowName::parse("other").ok(), ..LedgerQuery::default() };
    assert_eq!(local.host.ledger(&local.tenant, nobody).await.unwrap().total, Counters::default());
    let backwards = LedgerQuery { from: Some(Day(2)), to: Some(Day(1)), ..LedgerQuery::default() };
    assert!(local.host.ledger(&local.tenant, backwards).await.unwrap_err().message.contains("1970-01-03"));
}

/// A guest that is dropped and comes back, a query, a replay, a proof, forks and a reset.
#[tokio::test]
async fn what_is_replayed_copied_or_shared_is_not_counted_again() {
    let mut local = local().await;
    let input = json!({ "asks": 2, "model": "costly/small", "waits": true, "work": 100 });
    let run = local.start("spender", "a", input).await;
    local.until_length(&run, 2).await;
    for _ in 0..3 {
        let all;
        (local, all) = checked(local, "it waits").await;
        assert_eq!((all.runs, all.calls), (1, 1));
        // It comes into memory for the query.
        let _ = local.host.query(&local.tenant, &run, "nothing", Json::null()).await;
        local.host.replay(&local.tenant, &run, None).await.unwrap();
    }
    local.signal(&run, "go", json!(true)).await;
    local.result(&run).await;
    let fuel = fuel_of(&local.host, &local.tenant, &run).await;
    let (local, all) = checked(local, "it ended").await;
    // The signal is the outcome of the call that waited for it.
    assert_eq!((all.calls, all.outcomes, all.fuel), (3, 2, fuel));

    let fork: ForkRun = serde_json::from_value(json!({ "event": 4 })).unwrap();
    let fork = local.host.fork(&local.tenant, &run, fork).await.unwrap().forks.remove(0).run.run_id;
    let fork = abide_model::RunRef::Run(fork);
    local.until(&fork, RunStatus::Completed).await;
    let of_fork = local.host.run_ledger(&local.tenant, &fork).await.unwrap().total;
    assert_eq!((of_fork.runs, of_fork.outcomes), (0, 2), "only what the fork itself did: {of_fork:?}");
    assert!(of_fork.fuel > 0 && of_fork.fuel < fuel, "{of_fork:?}");
    let (local, all) = checked(local, "a fork").await;
    assert_eq!(all.fuel, fuel + of_fork.fuel);

    let reset: ResetRun = serde_json::from_value(json!({ "event": 4 })).unwrap();
    let copy = local.host.reset(&local.tenant, &run, reset).await.unwrap().run.run_id;
    let copy = abide_model::RunRef::Run(copy);
    local.until(&copy, RunStatus::Completed).await;
    let of_copy = local.host.run_ledger(&local.tenant, &copy).await.unwrap().total;
    assert_eq!((of_copy.runs, of_copy.outcomes, of_copy.fuel), (0, 2, of_fork.fuel), "{of_copy:?}");
}

/// What an import brings was counted where it happened; deleting a run leaves what was used.
#[tokio::test]
async fn a_capsule_brings_no_cost() {
    let local = local().await;
    let run = local.start("spender", "a", json!({ "asks": 2, "model": "costly/small" })).await;
    local.result(&run).await;
    let before = local.host.ledger(&local.tenant, LedgerQuery::default()).await.unwrap().total;
    let capsule = local.host.export(&local.tenant, &run).await.unwrap();
    local.host.delete(&local.tenant, &run).await.unwrap();
    local.host.import(&local.tenant, capsule.into()).await.unwrap();
    let after = local.host.ledger(&local.tenant, LedgerQuery::default()).await.unwrap().total;
    assert_eq!(after, before);
}
