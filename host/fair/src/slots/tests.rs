//! Who is given a slot, and that none is lost.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_flood_does_not_hold_up_another() {
    let slots = Slots::new(1, Charge::Each);
    let first = slots.take(Ask::one("flood", 1)).await;
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let slots = slots.clone();
        flood.spawn(async move { drop(slots.take(Ask::one("flood", 1)).await) });
    }
    while slots.waiting() < 100 {
        tokio::task::yield_now().await;
    }
    let neighbour = slots.take(Ask::one("neighbour", 1));
    drop(first);
    drop(neighbour.await);
    assert!(slots.waiting() > 90, "only {} of the flood still wait", slots.waiting());
    flood.join_all().await;
    assert_eq!((slots.used_by(&"flood"), slots.waiting()), (0, 0));
}

#[tokio::test]
async fn time_is_shared_not_turns() {
    let slots = Slots::new(1, Charge::Time);
    let stop = Instant::now() + Duration::from_millis(600);
    let work = |flow: &'static str, millis| {
        let slots = slots.clone();
        tokio::spawn(async move {
            let mut used = Duration::ZERO;
            while Instant::now() < stop {
                let slot = slots.take(Ask::one(flow, 1)).await;
                let began = Instant::now();
                tokio::time::sleep(Duration::from_millis(millis)).await;
                used += began.elapsed();
                drop(slot);
            }
            used
        })
    };
    let (long, long_too, short, short_too) = (work("long", 20), work("long", 20), work("short", 3), work("short", 3));
    let (long, short) =
        (long.await.unwrap() + long_too.await.unwrap(), short.await.unwrap() + short_too.await.unwrap());
    let ratio = long.as_secs_f64() / short.as_secs_f64();
    assert!((0.6..1.7).contains(&ratio), "{long:?} and {short:?}");
}

#[tokio::test]
async fn one_at_its_own_bound_lets_others_pass() {
    let slots = Slots::new(10, Charge::Each);
    let bounded = || Ask::one("a", 1).at_most(2);
    let (_one, two) = (slots.take(bounded()).await, slots.take(bounded()).await);
    assert!(slots.try_take(&bounded()).is_none());
    let third = tokio::spawn({
        let slots = slots.clone();
        async move { slots.take(bounded()).await }
    });
    while slots.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let _other = slots.take(Ask::one("b", 1)).await;
    assert_eq!(slots.used_by(&"a"), 2);
    drop(two);
    let _third = third.await.unwrap();
    assert_eq!((slots.used_by(&"a"), slots.used_by(&"b")), (2, 1));
}

#[tokio::test]
async fn the_last_slot_is_kept_for_another_that_is_about() {
    let slots = Slots::keeping_one(3, Charge::Each);
    let flood = || Ask::one("flood", 1);
    // Alone, it has all.
    let all: Vec<_> = (0..3).map(|_| slots.try_take(&flood()).unwrap()).collect();
    let neighbour = tokio::spawn({
        let slots = slots.clone();
        async move { slots.take(Ask::one("neighbour", 1)).await }
    });
    while slots.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    let mut all = all.into_iter();
    drop(all.next());
    drop(neighbour.await.unwrap());
    assert!(slots.try_take(&flood()).is_none(), "two are in use, and the last one is kept");
    let waiting = tokio::spawn({
        let slots = slots.clone();
        async move { slots.take(flood()).await }
    });
    while slots.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    // It passes those who may not have it.
    drop(slots.take(Ask::one("neighbour", 1)).await);
    assert_eq!((slots.used_by(&"flood"), slots.waiting()), (2, 1));
    drop(all.next());
    drop(waiting.await.unwrap());
    assert_eq!(slots.used_by(&"flood"), 1);
}

#[tokio::test]
async fn who_gives_up_holds_up_nobody() {
    let slots = Slots::new(4, Charge::Each);
    let most = slots.take(Ask::one("a", 1).units(3)).await;
    for _ in 0..1000 {
        let large = slots.take(Ask::one("b", 1).units(4));
        assert!(tokio::time::timeout(Duration::ZERO, large).await.is_err());
    }
    assert!(slots.waiting() <= GONE * 2, "{} wait", slots.waiting());
    let one = slots.take(Ask::one("c", 1)).await;
    drop((most, one));
    let all = slots.take(Ask::one("d", 1).units(100)).await;
    assert_eq!(slots.used_by(&"d"), 4);
    drop(all);
    assert_eq!(slots.used_by(&"d"), 0);
}
