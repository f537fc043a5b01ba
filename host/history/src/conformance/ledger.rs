//! The ledger: it has what the events of the histories say, whatever was refused, shared, copied or deleted.

use abide_model::ledger::{CallLine, DAY_MS, Line};
use abide_model::{CallCompleted, CallKind, CallUsage, Counters, Day, Event, Outcome, Recorded, Tokens};

use super::sample::{self, at, caller_id, json, run_id, tenant, workflow};
use super::{Place, Tested};
use crate::{Commit, ForkOf, LedgerKey, Metered, StoreError};

/// The day of the samples.
fn day() -> Day {
    Day::of(1_700_000_000_000)
}

/// An outcome of a model.
fn answered(seq: u64, tokens: Tokens) -> Recorded {
    let usage = CallUsage { model: Some("small".into()), tokens: Some(tokens), ..CallUsage::of("llm.local") };
    let outcome = Outcome::Ok(json("{}"));
    at(seq, Event::CallCompleted(CallCompleted { usage: Some(usage), ..CallCompleted::new(0, outcome, 2) }))
}

/// The run, the day, and the day by lines; also after a restart.
pub async fn the_ledger_has_what_the_events_say(place: &dyn Place) -> Tested {
    let (acme, run) = (tenant("acme"), sample::run(run_id(1), "ticket-1"));
    {
        let store = place.open().await?;
        store.commit(sample::start(&acme, &run)).await?;
        store.commit(sample::step(&acme, run.run_id, 1, 0)).await?;
        let mut answer = Commit::new(acme.clone(), run.run_id, 3);
        answer.events = vec![answered(3, Tokens { input: 100, cached_input: 40, output: 7 })];
        answer.ledger = Some(Metered { time_ms: 1_700_000_000_003, fuel: 50, resident_ms: 6, settled: Some(3) });
        store.commit(answer).await?;
        let mut later = Commit::new(acme.clone(), run.run_id, 4);
        later.ledger = Some(Metered { time_ms: 1_700_000_000_000 + DAY_MS, fuel: 0, resident_ms: 9, settled: None });
        store.commit(later).await?;
    }
    let store = place.open().await?;
    let ledger = store.run_ledger(&acme, run.run_id).await?.expect("it was counted");
    assert_eq!((ledger.workflow, ledger.settled), (workflow("helpdesk"), Some(3)));
    let all = ledger.counters;
    assert_eq!((all.runs, all.fuel, all.resident_ms), (1, 50, 15));
    assert_eq!((all.calls, all.outcomes, all.attempts), (1, 2, 3));
    assert_eq!((all.input_tokens, all.cached_input_tokens, all.output_tokens), (100, 40, 7));
    assert_eq!((all.unpriced_calls, all.outcome_bytes), (1, 13));
    assert_eq!(all.request_bytes, "{\"name\":\"look-up\",\"arguments\":{\"step\":0}}".len() as u64);
    assert!(all.history_bytes > all.request_bytes + all.outcome_bytes);

    let first = store.day_ledger(&acme, day()).await?;
    assert_eq!((first.resident_ms, first.calls), (6, 1));
    assert_eq!(store.day_ledger(&acme, Day(day().0 + 1)).await?.resident_ms, 9);
    let rows = store.ledger(&acme, (day(), day()), None, 100).await?;
    let lines: Vec<_> = rows.iter().map(|row| row.key.line.clone()).collect();
    let model = Line::Model("llm.local".into(), "small".into());
    assert_eq!(lines, [Line::Calls(CallLine(CallKind::ToolsCall)), model, Line::Runs]);
    let mut sum = Counters::default();
    rows.iter().for_each(|row| sum.add(&row.counters));
    assert_eq!(sum, first, "the lines of a day are the day");
    Ok(())
}

/// Neither what comes too late, nor what contradicts itself.
pub async fn a_refused_change_counts_nothing(place: &dyn Place) -> Tested {
    let (store, acme, run) = (place.open().await?, tenant("acme"), sample::run(run_id(1), "ticket-1"));
    store.commit(sample::start(&acme, &run)).await?;
    let before = store.day_ledger(&acme, day()).await?;
    let mut late = sample::step(&acme, run.run_id, 0, 0);
    late.expected_length = 7;
    late.ledger = Some(Metered { fuel: 9, ..Metered::default() });
    assert!(matches!(store.commit(late).await, Err(StoreError::Conflict { .. })));
    let other = sample::start(&acme, &sample::run(run_id(2), "ticket-1"));
    assert!(matches!(store.commit(other).await, Err(StoreError::RunAlreadyOpen(_))));
    assert_eq!(store.day_ledger(&acme, day()).await?, before);
    assert_eq!(store.run_ledger(&acme, run_id(2)).await?, None);
    Ok(())
}

/// What a fork shares, and what is copied.
pub async fn what_was_counted_elsewhere_is_not_counted_again(place: &dyn Place) -> Tested {
    let (store, acme, run) = (place.open().await?, tenant("acme"), sample::run(run_id(1), "ticket-1"));
    store.commit(sample::start(&acme, &run)).await?;
    store.commit(sample::step(&acme, run.run_id, 1, 0)).await?;
    let before = store.day_ledger(&acme, day()).await?;

    let fork = sample::run(run_id(2), "ticket-2");
    let mut start = Commit::new(acme.clone(), fork.run_id, 0);
    start.events = vec![sample::signal(3, "go", None)];
    start.run = Some(fork.clone());
    start.fork = Some(ForkOf { run_id: run.run_id, cut: 3 });
    start.ledger = Some(Metered { settled: Some(2), ..Metered::default() });
    store.commit(start).await?;
    let forked = store.run_ledger(&acme, fork.run_id).await?.expect("it was counted");
    assert_eq!((forked.counters.runs, forked.counters.calls, forked.settled), (0, 0, Some(2)));

    let copy = sample::run(run_id(3), "ticket-3");
    let mut start = sample::start(&acme, &copy);
    start.events.extend(sample::step(&acme, copy.run_id, 1, 0).events);
    start.counted = start.events.len();
    start.events.push(sample::signal(3, "go", None));
    store.commit(start).await?;
    let copied = store.run_ledger(&acme, copy.run_id).await?.expect("it was counted");
    assert_eq!(copied.counters, forked.counters);

    let after = store.day_ledger(&acme, day()).await?;
    assert_eq!((after.runs, after.calls, after.outcomes), (before.runs, before.calls, before.outcomes));
    assert_eq!(after.history_bytes, before.history_bytes + 2 * forked.counters.history_bytes);
    Ok(())
}

/// Every row once, and none of another tenant.
pub async fn the_ledger_comes_in_pages_of_its_tenant(place: &dyn Place) -> Tested {
    let (store, acme, other) = (place.open().await?, tenant("acme"), tenant("acme-2"));
    for (number, name) in [(1, "a"), (2, "b"), (3, "a-b")] {
        let mut run = sample::run(run_id(number), name);
        run.workflow = workflow(name);
        store.commit(sample::start(&acme, &run)).await?;
        store.commit(sample::step(&acme, run.run_id, 1, 0)).await?;
    }
    assert_eq!(store.ledger(&other, (Day(0), Day(u32::MAX)), None, 100).await?, []);
    assert_eq!(store.day_ledger(&other, day()).await?, Counters::default());
    assert_eq!(store.ledger(&acme, (Day(0), Day(day().0 - 1)), None, 100).await?, []);
    assert_eq!(store.ledger(&acme, (Day(day().0 + 1), Day(day().0)), None, 100).await?, []);
    let whole = store.ledger(&acme, (Day(0), Day(u32::MAX)), None, 100).await?;
    assert_eq!(whole.len(), 6);
    for limit in [1, 4] {
        let (mut rows, mut after): (Vec<_>, Option<LedgerKey>) = (Vec::new(), None);
        loop {
            let page = store.ledger(&acme, (Day(0), Day(u32::MAX)), after.as_ref(), limit).await?;
            after = page.last().map(|row| row.key.clone());
            if page.is_empty() {
                break;
            }
            rows.extend(page);
        }
        assert_eq!(rows, whole, "pages of {limit}");
    }
    Ok(())
}

/// The numbers of a run go with it.
pub async fn the_days_outlive_their_runs(place: &dyn Place) -> Tested {
    let (store, acme, run) = (place.open().await?, tenant("acme"), sample::run(run_id(1), "ticket-1"));
    store.commit(sample::start(&acme, &run)).await?;
    store.commit(sample::end(&acme, &run, 1)).await?;
    let before = store.day_ledger(&acme, day()).await?;
    store.delete(&acme, run.run_id).await?;
    assert_eq!(store.run_ledger(&acme, run.run_id).await?, None);
    assert_eq!(store.day_ledger(&acme, day()).await?, before);
    assert_eq!(store.latest_run(&acme, &caller_id("ticket-1")).await?, None);
    Ok(())
}
