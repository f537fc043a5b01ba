//! Timers.

use abide_model::Tenant;

use super::sample::{self, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, DueTimer, RunTimer, Store, StoreError};

fn timer(due_ms: u64, call: u32) -> RunTimer {
    RunTimer { due_ms, call }
}

async fn start_with(store: &dyn Store, tenant: &Tenant, number: u64, timers: Vec<RunTimer>) -> Result<(), StoreError> {
    let run = sample::run(run_id(number), &format!("ticket-{number}"));
    store.commit(Commit { timers_set: timers, ..sample::start(tenant, &run) }).await
}

fn rings(tenant: &Tenant, number: u64, timer: RunTimer) -> DueTimer {
    DueTimer { tenant: tenant.clone(), run_id: run_id(number), timer }
}

/// Earliest first, and only those that are due.
pub async fn timers_ring_in_order(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    {
        let store = place.open().await?;
        start_with(&*store, &acme, 1, vec![timer(300, 0), timer(100, 1)]).await?;
        start_with(&*store, &acme, 2, vec![timer(200, 0), timer(70_000, 1), timer(100, 2)]).await?;
    }
    let store = place.open().await?;
    assert_eq!(store.next_timer().await?, Some(100));
    assert_eq!(store.due_timers(99, 10).await?, []);
    let due = [
        rings(&acme, 1, timer(100, 1)),
        rings(&acme, 2, timer(100, 2)),
        rings(&acme, 2, timer(200, 0)),
        rings(&acme, 1, timer(300, 0)),
    ];
    assert_eq!(store.due_timers(100, 10).await?, due[..2]);
    assert_eq!(store.due_timers(69_999, 10).await?, due);
    assert_eq!(store.due_timers(69_999, 3).await?, due[..3]);
    assert_eq!(store.due_timers(70_000, 10).await?.len(), 5);
    Ok(())
}

/// Clearing takes out that timer only; clearing it again is fine.
pub async fn a_cleared_timer_does_not_ring(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    start_with(&*store, &acme, 1, vec![timer(100, 0), timer(100, 1), timer(200, 2)]).await?;
    let clear = Commit { timers_cleared: vec![timer(100, 0)], ..Commit::new(acme.clone(), run_id(1), 1) };
    store.commit(clear.clone()).await?;
    store.commit(clear).await?;
    let due = [rings(&acme, 1, timer(100, 1)), rings(&acme, 1, timer(200, 2))];
    assert_eq!(store.due_timers(1000, 10).await?, due);
    let mut last = Commit::new(acme, run_id(1), 1);
    last.timers_cleared = vec![timer(100, 1), timer(200, 2)];
    store.commit(last).await?;
    assert_eq!(store.next_timer().await?, None);
    Ok(())
}

/// A guest may begin to sleep and drop the call within one step.
pub async fn a_timer_set_and_cleared_at_once_does_not_ring(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    start_with(&*store, &acme, 1, Vec::new()).await?;
    let mut commit = Commit::new(acme, run_id(1), 1);
    commit.timers_set = vec![timer(100, 0), timer(200, 1)];
    commit.timers_cleared = vec![timer(100, 0)];
    store.commit(commit).await?;
    assert_eq!(store.next_timer().await?, Some(200));
    Ok(())
}

/// A tenant with many timers does not keep the others waiting.
pub async fn each_tenant_has_a_fair_part_of_the_timers(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    let (busy, calm, calmer) = (tenant("a-busy"), tenant("b-calm"), tenant("c-calmer"));
    start_with(&*store, &busy, 1, (0..100).map(|call| timer(1, call)).collect()).await?;
    start_with(&*store, &calm, 1, (0..3).map(|call| timer(50, call)).collect()).await?;
    start_with(&*store, &calmer, 1, vec![timer(60, 0), timer(5000, 1)]).await?;
    let due = store.due_timers(1000, 30).await?;
    let of = |name: &Tenant| due.iter().filter(|due| due.tenant == *name).count();
    assert!(due.len() <= 30);
    assert!(of(&busy) >= 10, "it has its own part");
    assert_eq!((of(&calm), of(&calmer)), (3, 1));
    // With fewer places than tenants, those who waited longest come first.
    assert_eq!(store.due_timers(1000, 1).await?, [rings(&busy, 1, timer(1, 0))]);
    store
        .commit(Commit {
            timers_cleared: (0..100).map(|call| timer(1, call)).collect(),
            ..Commit::new(busy, run_id(1), 1)
        })
        .await?;
    assert_eq!(store.due_timers(1000, 1).await?, [rings(&calm, 1, timer(50, 0))]);
    Ok(())
}

/// Whichever tenant has it.
pub async fn the_next_timer_is_the_first_of_all_tenants(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    assert_eq!(store.next_timer().await?, None);
    for (name, due_ms) in [("m", 500), ("a", 900), ("z", 300), ("m-2", 400)] {
        start_with(&*store, &tenant(name), 1, vec![timer(due_ms, 0)]).await?;
    }
    assert_eq!(store.next_timer().await?, Some(300));
    Ok(())
}

/// The first and the last moment that there are.
pub async fn timers_at_the_ends_of_time(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    start_with(&*store, &acme, 1, vec![timer(0, 0), timer(u64::MAX, u32::MAX)]).await?;
    start_with(&*store, &tenant("acme-2"), 1, vec![timer(1, 0)]).await?;
    assert_eq!(store.due_timers(0, 10).await?, [rings(&acme, 1, timer(0, 0))]);
    assert_eq!(store.due_timers(u64::MAX - 1, 10).await?.len(), 2);
    assert_eq!(store.due_timers(u64::MAX, 10).await?.len(), 3);
    assert_eq!(store.due_timers(u64::MAX, 0).await?, []);
    Ok(())
}
