//! Tests: who leaves, and who stays.

use abide_model::{RunId, Tenant};

use super::*;

fn key(number: u128) -> RunKey {
    RunKey { tenant: Tenant::default(), run_id: RunId::new(0, number) }
}

#[tokio::test]
async fn the_longest_idle_guest_leaves() {
    let residency = Residency::new(2, u64::MAX);
    let (first, second) =
        (residency.sit(&key(1), Claim::default()).await, residency.sit(&key(2), Claim::default()).await);
    assert!(!second.idle());
    assert!(!first.idle());
    let third = tokio::spawn({
        let residency = residency.clone();
        async move { residency.sit(&key(3), Claim::default()).await }
    });
    second.asked_to_leave().await;
    drop(second);
    let third = third.await.unwrap();
    assert_eq!(residency.resident(), 2);
    drop((first, third));
    assert_eq!(residency.resident(), 0);
}

#[tokio::test]
async fn who_becomes_idle_while_somebody_waits_leaves_at_once() {
    let residency = Residency::new(1, u64::MAX);
    let only = residency.sit(&key(3), Claim::default()).await;
    let next = tokio::spawn({
        let residency = residency.clone();
        async move { residency.sit(&key(3), Claim::default()).await }
    });
    tokio::task::yield_now().await;
    assert!(only.idle());
    drop(only);
    next.await.unwrap();
}

#[tokio::test]
async fn who_was_asked_when_something_came_for_it_leaves_when_it_waits_again() {
    let residency = Residency::new(1, u64::MAX);
    let only = residency.sit(&key(1), Claim::default()).await;
    assert!(!only.idle());
    let next = waits(&residency, key(2), Claim::default()).await;
    only.busy(0);
    assert!(only.idle());
    drop(only);
    drop(next.await.unwrap());
}

#[tokio::test]
async fn memory_that_is_not_used_counts_for_nothing() {
    let residency = Residency::measured(10, 100, || Some(99));
    let (one, two) = (residency.sit(&key(1), Claim::default()).await, residency.sit(&key(2), Claim::default()).await);
    one.busy(1000);
    two.busy(1000);
    assert!(!one.idle() && !two.idle());
}

#[test]
fn the_system_tells_what_is_in_memory() {
    if cfg!(target_os = "linux") {
        assert!(process_in_memory_bytes().unwrap() > 1 << 20);
    }
}

#[tokio::test]
async fn bytes_count_too() {
    let residency = Residency::measured(10, 100, || None);
    let (one, two) = (residency.sit(&key(1), Claim::default()).await, residency.sit(&key(2), Claim::default()).await);
    one.busy(60);
    assert!(!one.idle());
    two.busy(60);
    one.asked_to_leave().await;
    drop(one);
    assert!(!two.idle());
}

fn of(tenant: &str, number: u128) -> RunKey {
    RunKey { tenant: Tenant::parse(tenant).unwrap(), run_id: RunId::new(0, number) }
}

/// Who wants a seat, and has to wait.
async fn waits(residency: &Arc<Residency>, key: RunKey, claim: Claim) -> tokio::task::JoinHandle<Seat> {
    let before = residency.seats.waiting();
    let task = tokio::spawn({
        let residency = residency.clone();
        async move { residency.sit(&key, claim).await }
    });
    while residency.seats.waiting() == before {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_flood_leaves_the_guests_of_another_where_they_are() {
    let residency = Residency::new(4, u64::MAX);
    let claim = Claim::default();
    let neighbour = residency.sit(&of("neighbour", 0), claim).await;
    assert!(!neighbour.idle());
    let mut flood = Vec::new();
    for number in 1..4 {
        flood.push(residency.sit(&of("flood", number), claim).await);
    }
    let next = waits(&residency, of("flood", 4), claim).await;
    // It was idle the longest, and stays: the flood has more.
    assert!(!neighbour.idle());
    assert!(flood[1].idle());
    drop(flood.remove(1));
    flood.push(next.await.unwrap());
    // The neighbour takes its half, whatever the flood wants.
    let second = waits(&residency, of("neighbour", 5), claim).await;
    let more = waits(&residency, of("flood", 6), claim).await;
    assert!(flood[0].idle());
    drop(flood.remove(0));
    let second = second.await.unwrap();
    assert_eq!((residency.of(&second.place.key.tenant).0, residency.seats.waiting()), (2, 1));
    // With equal shares, nobody of the neighbour leaves for the flood.
    assert!(!second.idle() && !neighbour.idle());
    drop(flood);
    drop(more.await.unwrap());
    drop((neighbour, second));
    assert_eq!(residency.resident(), 0);
    let state = residency.lock();
    assert_eq!((state.tenants.len(), state.leaving), (0, 0));
}

#[tokio::test]
async fn a_tenant_at_its_quota_waits_for_its_own_guests() {
    let residency = Residency::new(10, u64::MAX);
    let claim = Claim { guests: 1, ..Claim::default() };
    let other = residency.sit(&of("other", 0), Claim::default()).await;
    let only = residency.sit(&of("small", 1), claim).await;
    let next = waits(&residency, of("small", 2), claim).await;
    assert!(!other.idle());
    assert!(only.idle());
    drop(only);
    drop(next.await.unwrap());
}

#[tokio::test]
async fn bytes_of_a_tenant_count_for_itself() {
    let residency = Residency::measured(10, u64::MAX, || None);
    let claim = Claim { bytes: 100, ..Claim::default() };
    let (one, two) = (residency.sit(&of("a", 1), claim).await, residency.sit(&of("a", 2), claim).await);
    let other = residency.sit(&of("b", 3), Claim::default()).await;
    one.busy(60);
    other.busy(1000);
    assert!(!one.idle() && !other.idle());
    two.busy(60);
    one.asked_to_leave().await;
    assert!(two.idle());
    drop(one);
    assert!(!two.idle());
}
