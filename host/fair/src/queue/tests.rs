//! Shares, order and memory of the queue, also of random flows.

use proptest::prelude::*;

use super::*;

/// Serves flows that always want something until `total` was charged. Gives what each was charged.
fn serve(weights: &[u32], costs: &[u64], total: u64) -> Vec<u64> {
    let mut queue = FairQueue::new();
    for (flow, weight) in weights.iter().enumerate() {
        queue.push(&flow, *weight, ());
    }
    let (mut charged, mut sum) = (vec![0; weights.len()], 0);
    while sum < total {
        let (flow, ()) = queue.pop_if(|flow, ()| (Fit::Take, costs[*flow])).unwrap();
        charged[flow] += costs[flow];
        sum += costs[flow];
        queue.push(&flow, weights[flow], ());
    }
    charged
}

/// One that always computes cannot be held up for ever by those that come once.
#[test]
fn who_owes_is_served_though_others_come() {
    let mut queue = FairQueue::new();
    let place = queue.place(&"flow", Due { at: u64::MAX, cost: u64::MAX });
    queue.push_at(&"flow", 1, place, "owes");
    for served in 1..10_000 {
        let place = queue.place(&"flow", Due::default());
        queue.push_at(&"flow", 1, place, "comes once");
        if queue.pop(10).unwrap().1 == "owes" {
            assert!((50..300).contains(&served), "after {served}");
            return;
        }
    }
    panic!("it was never served");
}

proptest! {
    /// To pass an empty queue comes to the same as to be added and taken.
    #[test]
    fn who_passes_is_charged_the_same(items in prop::collection::vec((0usize..4, 1u32..5, 1u64..1000), 1..60)) {
        let (mut queued, mut passed) = (FairQueue::new(), FairQueue::<usize, ()>::new());
        for (flow, weight, cost) in items {
            queued.push(&flow, weight, ());
            queued.pop(cost);
            let place = passed.place(&flow, Due::default());
            passed.pass(&flow, weight, place, cost);
            let places = |queue: &FairQueue<usize, ()>| {
                let within: BTreeMap<_, _> = queue.flows.iter().map(|(name, flow)| (*name, flow.now)).collect();
                (queue.now, queue.served, queue.idle.clone(), within)
            };
            prop_assert_eq!(places(&queued), places(&passed));
        }
    }

    /// Within a flow too, two that always want something get the same, up to their largest items.
    #[test]
    fn within_a_flow_all_get_the_same(costs in prop::collection::vec(1u64..1000, 2..8), total in 10_000u64..200_000) {
        let mut queue = FairQueue::new();
        for one in 0..costs.len() {
            let place = queue.place(&"flow", Due::default());
            queue.push_at(&"flow", 1, place, (one, place));
        }
        let (mut got, mut sum) = (vec![0; costs.len()], 0);
        while sum < total {
            let (_, (one, place)) = queue.pop_if(|_, (one, _)| (Fit::Take, costs[*one])).unwrap();
            got[one] += costs[one];
            sum += costs[one];
            let place = queue.place(&"flow", place.served(costs[one]));
            queue.push_at(&"flow", 1, place, (one, place));
        }
        let largest = costs.iter().max().unwrap();
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        prop_assert!(most - least <= 2 * largest, "{got:?} {costs:?}");
    }

    /// The bound of start-time fair queueing: two flows that always want something differ, by weight, by no more than their largest
    /// items.
    #[test]
    fn shares_follow_the_weights(flows in prop::collection::vec((1u32..20, 1u64..1000), 2..6), total in 1_000u64..200_000) {
        let (weights, costs): (Vec<_>, Vec<_>) = flows.iter().copied().unzip();
        let charged = serve(&weights, &costs, total);
        let normal = |flow: usize| charged[flow] as f64 / f64::from(weights[flow]);
        let largest = |flow: usize| costs[flow] as f64 / f64::from(weights[flow]);
        for one in 0..weights.len() {
            for other in 0..weights.len() {
                let bound = largest(one) + largest(other) + 1.0;
                prop_assert!((normal(one) - normal(other)).abs() <= bound, "{charged:?} {weights:?} {costs:?}");
            }
        }
    }

    /// Nobody starves: who comes to a flood is served after at most one item of each flow, when all weigh the same.
    #[test]
    fn who_comes_is_served_soon(flood in 1usize..8, before in 0usize..200, cost in 1u64..1000) {
        let mut queue = FairQueue::new();
        for flow in 0..flood {
            for _ in 0..1000 {
                queue.push(&flow, 1, ());
            }
        }
        for _ in 0..before {
            queue.pop(cost);
        }
        queue.push(&flood, 1, ());
        let waited = (0..).take_while(|_| queue.pop(cost).unwrap().0 != flood).count();
        prop_assert!(waited <= flood, "it waited for {waited} items of {flood} flows");
    }

    /// Whatever is pushed comes out once, in the order of its flow, and all that is known is forgotten in the end.
    #[test]
    fn nothing_is_lost(steps in prop::collection::vec((0usize..5, 1u32..9, 0u64..50, any::<bool>()), 0..300)) {
        let mut queue = FairQueue::new();
        let (mut next_in, mut next_out) = ([0u32; 5], [0u32; 5]);
        let mut take = |queue: &mut FairQueue<usize, u32>, cost: u64| {
            let Some((flow, item)) = queue.pop(cost / 2) else { return false };
            assert_eq!(item, next_out[flow]);
            next_out[flow] += 1;
            queue.correct(&flow, 3, cost / 2, cost);
            queue.correct(&flow, 3, cost, cost / 3);
            true
        };
        for (flow, weight, cost, push) in steps {
            if push {
                queue.push(&flow, weight, next_in[flow]);
                next_in[flow] += 1;
            } else {
                take(&mut queue, cost);
            }
        }
        while take(&mut queue, 7) {}
        prop_assert_eq!(next_in, next_out);
        prop_assert!(queue.is_empty());
        prop_assert!(queue.known() <= 5);
    }
}

#[test]
fn one_that_was_away_is_not_paid_for_it() {
    let mut queue = FairQueue::new();
    for _ in 0..100 {
        queue.push(&"a", 1, ());
    }
    for _ in 0..50 {
        queue.pop(10);
    }
    for _ in 0..10 {
        queue.push(&"b", 1, ());
    }
    let of_b = (0..20).filter(|_| queue.pop(10).unwrap().0 == "b").count();
    assert_eq!(of_b, 10, "both have half of it");
}

#[test]
fn one_that_is_held_up_lets_others_pass_and_is_not_paid_for_it() {
    let mut queue = FairQueue::new();
    for _ in 0..100 {
        queue.push(&"a", 1, ());
        queue.push(&"b", 1, ());
    }
    let held_up = |flow: &&str, (): &()| (if *flow == "a" { Fit::Skip } else { Fit::Take }, 10);
    for _ in 0..20 {
        assert_eq!(queue.pop_if(held_up).unwrap().0, "b");
    }
    let of_a = (0..20).filter(|_| queue.pop(10).unwrap().0 == "a").count();
    assert!((9..=12).contains(&of_a), "{of_a} of 20");
}

#[test]
fn flows_that_have_paid_are_forgotten() {
    let mut queue = FairQueue::new();
    for flow in 0..1000 {
        queue.push(&flow, 1, ());
    }
    while queue.pop(5).is_some() {}
    for _ in 0..2 {
        queue.push(&0, 1, ());
        queue.push(&1, 1, ());
        while queue.pop(100).is_some() {}
    }
    assert!(queue.known() < 10, "{} flows are known", queue.known());
}

#[test]
fn what_is_not_kept_is_not_served() {
    let mut queue = FairQueue::new();
    queue.push(&"a", 1, 1);
    queue.push(&"a", 1, 2);
    queue.push(&"b", 1, 3);
    queue.retain(|item| *item == 2);
    assert_eq!((queue.len(), queue.has(&"a"), queue.has(&"b")), (1, true, false));
    assert_eq!(queue.pop(1), Some(("a", 2)));
    assert_eq!(queue.pop(1), None);
}
