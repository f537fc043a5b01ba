//! Sums over histories, to hold against the ledger.

use std::collections::BTreeMap;

use abide_history::Store;
use abide_model::ledger::{Line, Sizes, entries};
use abide_model::{Counters, Day, Event, RunRef, Tenant};
use abide_runtime::Host;

/// What the histories of a tenant say, by day, workflow and line; but for fuel and the time in memory, which no event says.
pub(crate) async fn sums(store: &dyn Store, tenant: &Tenant) -> BTreeMap<(Day, String, Line), Counters> {
    let mut sums: BTreeMap<_, Counters> = BTreeMap::new();
    for run in store.runs(tenant, &Default::default(), None, 1000).await.unwrap().runs {
        // What a fork shares was counted for the other run.
        let first = run.forked_from.map_or(0, |from| from.event);
        for (_, recorded) in store.events(tenant, run.run_id, first, 10_000).await.unwrap() {
            let event = minicbor::to_vec(&recorded).unwrap().len() as u64;
            let request = match &recorded.event {
                Event::CallRequested(call) => {
                    let request = store.request(tenant, run.run_id, &call.request).await.unwrap();
                    request.len() as u64
                }
                _ => 0,
            };
            for (line, counters) in entries(&recorded, Sizes { event, request }) {
                let key = (Day::of(recorded.time_ms), run.workflow.to_string(), line);
                sums.entry(key).or_default().add(&counters);
            }
        }
    }
    sums
}

/// Holds the ledger against the histories. Gives all that was counted.
pub(crate) async fn check(store: &dyn Store, tenant: &Tenant, place: &str) -> Counters {
    let rows = store.ledger(tenant, (Day(0), Day(u32::MAX)), None, 10_000).await.unwrap();
    let (mut counted, mut all, mut days) = (BTreeMap::new(), Counters::default(), BTreeMap::<Day, Counters>::new());
    for row in rows {
        all.add(&row.counters);
        days.entry(row.key.day).or_default().add(&row.counters);
        let said = Counters { fuel: 0, resident_ms: 0, ..row.counters };
        if said != Counters::default() {
            counted.insert((row.key.day, row.key.workflow.to_string(), row.key.line), said);
        }
    }
    assert_eq!(counted, sums(store, tenant).await, "{place}: the ledger is not what the histories say");
    for (day, sum) in days {
        assert_eq!(store.day_ledger(tenant, day).await.unwrap(), sum, "{place}: {day}");
    }
    let mut of_runs = Counters::default();
    for run in store.runs(tenant, &Default::default(), None, 1000).await.unwrap().runs {
        of_runs.add(&store.run_ledger(tenant, run.run_id).await.unwrap().unwrap().counters);
    }
    assert_eq!(of_runs, all, "{place}: the runs together are the days together");
    all
}

/// The fuel that a replay of a run uses, up to its last event.
pub(crate) async fn fuel_of(host: &Host, tenant: &Tenant, run: &RunRef) -> u64 {
    let last = host.describe(tenant, run).await.unwrap().history_length - 1;
    host.at(tenant, run, last, None).await.unwrap().fuel_used.unwrap()
}
