//! Forks: runs that begin with events of another run.

use abide_model::{
    Digest, Event, Filter, ForkedFrom, Recorded, RecordedRequest, Request, Run, RunForked, RunId, Seq, Tenant,
};

use super::sample::{self, json, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, ForkOf, KeyUse, RunFilter, RunTimer, Store, StoreError};

fn chat(messages: u64) -> Request {
    Request { head: json("{}"), messages: (0..messages).map(|number| json(&number.to_string())).collect() }
}

/// A run of eight events: a start, and then a signal with a key, a request in parts and its outcome, twice; and a signal.
async fn a_run(store: &dyn Store, tenant: &Tenant, number: u64) -> Result<Run, StoreError> {
    let run = sample::run(run_id(number), &format!("ticket-{number}"));
    store.commit(sample::start(tenant, &run)).await?;
    for first in [1, 4] {
        let mut commit = Commit::new(tenant.clone(), run.run_id, first);
        let key = format!("key-{first}");
        commit.events.push(sample::signal(first, "go", Some(&key)));
        let recorded = RecordedRequest::with_nodes(&chat(first), |digest, node| commit.nodes.push((digest, node)));
        commit.events.push(sample::requested(first + 1, first as u32, recorded));
        commit.events.push(sample::completed(first + 2, first as u32, "1"));
        commit.key = Some((key, KeyUse { digest: Digest::of(b"go"), seq: first }));
        store.commit(commit).await?;
    }
    let mut last = Commit::new(tenant.clone(), run.run_id, 7);
    last.events.push(sample::signal(7, "go", None));
    store.commit(last).await?;
    Ok(run)
}

fn forked(of: RunId, event: Seq) -> Recorded {
    sample::at(event, Event::RunForked(RunForked { run_id: of, event, set_outcome: false, guest_run_id: of }))
}

/// The start of the fork `number` of a run.
fn fork(tenant: &Tenant, number: u64, of: RunId, cut: Seq) -> Commit {
    let run = sample::run(run_id(number), &format!("fork-{number}"));
    Commit { events: vec![forked(of, cut)], fork: Some(ForkOf { run_id: of, cut }), ..sample::start(tenant, &run) }
}

async fn end(store: &dyn Store, tenant: &Tenant, number: u64, id: &str) -> Tested {
    let length = store.length(tenant, run_id(number)).await?;
    store.commit(sample::end(tenant, &sample::run(run_id(number), id), length)).await
}

async fn all(store: &dyn Store, tenant: &Tenant, number: u64) -> Result<Vec<(Seq, Recorded)>, StoreError> {
    let events = store.events(tenant, run_id(number), 0, 1000).await?;
    assert_eq!(store.length(tenant, run_id(number)).await?, events.len() as u64, "length of run {number}");
    Ok(events)
}

/// It goes on by itself, the other one too, and both are there after a restart.
pub async fn a_fork_begins_with_the_events_of_another_run(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let store = place.open().await?;
    let run = a_run(&*store, &acme, 1).await?;
    let before = all(&*store, &acme, 1).await?;
    // In the middle of a commit, and at the end.
    store.commit(fork(&acme, 2, run.run_id, 5)).await?;
    store.commit(fork(&acme, 3, run.run_id, 8)).await?;
    store.commit(sample::step(&acme, run_id(2), 6, 9)).await?;
    store.commit(sample::step(&acme, run.run_id, 8, 9)).await?;
    let wrong = store.commit(sample::step(&acme, run_id(2), 6, 9)).await;
    assert_eq!(wrong, Err(StoreError::Conflict { run_id: run_id(2), expected: 6, actual: 8 }));
    drop(store);
    let store = place.open().await?;
    let events = all(&*store, &acme, 2).await?;
    assert_eq!((&events[..5], events.len()), (&before[..5], 8));
    assert_eq!(events[5], (5, forked(run.run_id, 5)));
    let events = all(&*store, &acme, 3).await?;
    assert_eq!((&events[..8], events.len()), (&before[..], 9));
    assert_eq!(all(&*store, &acme, 1).await?.len(), 10);
    for from in 0..10 {
        for limit in 1..10 {
            let page = store.events(&acme, run_id(2), from, limit).await?;
            let numbers: Vec<_> = page.iter().map(|(seq, _)| *seq).collect();
            assert_eq!(numbers, (from..8).take(limit).collect::<Vec<_>>());
        }
    }
    assert_eq!(store.latest_run(&acme, &sample::caller_id("fork-2")).await?, Some(run_id(2)));
    assert!(store.ready(None, 10).await?.contains(&(acme, run_id(2))));
    Ok(())
}

/// Each has what the one before it had at its cut, whichever of them the event is stored with.
pub async fn forks_of_forks_have_one_history(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    a_run(&*store, &acme, 1).await?;
    let mut expected = vec![all(&*store, &acme, 1).await?];
    // Of the run before, at these events: some lie before its own first one.
    for (number, cut) in [(2, 4), (3, 6), (4, 5), (5, 2), (6, 5), (7, 7), (8, 1)] {
        store.commit(fork(&acme, number, run_id(number - 1), cut)).await?;
        store.commit(sample::step(&acme, run_id(number), cut + 1, number as u32)).await?;
        let mut events = expected.last().expect("there is one")[..cut as usize].to_vec();
        events.push((cut, forked(run_id(number - 1), cut)));
        let step = sample::step(&acme, run_id(number), cut + 1, number as u32).events;
        events.extend((cut + 1..).zip(step));
        expected.push(events);
    }
    for (number, events) in (1..).zip(&expected) {
        assert_eq!(all(&*store, &acme, number).await?, *events, "run {number}");
    }
    Ok(())
}

/// A message that was sent with a key before the cut is known; one after it is not.
pub async fn a_fork_sees_the_keys_of_what_it_shares(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = a_run(&*store, &acme, 1).await?;
    store.commit(fork(&acme, 2, run.run_id, 4)).await?;
    let of = |key| store.key(&acme, run_id(2), key);
    assert_eq!(of("key-1").await?.map(|used| used.seq), Some(1));
    assert_eq!(of("key-4").await?, None);
    let mut commit = Commit::new(acme.clone(), run_id(2), 5);
    commit.events.push(sample::signal(5, "go", Some("key-4")));
    commit.key = Some(("key-4".into(), KeyUse { digest: Digest::of(b"other"), seq: 5 }));
    store.commit(commit).await?;
    assert_eq!(of("key-4").await?.map(|used| used.seq), Some(5));
    assert_eq!(store.key(&acme, run.run_id, "key-4").await?.map(|used| used.seq), Some(4));
    Ok(())
}

/// The requests of the shared events are whole, and a new one may go on from them.
pub async fn a_fork_stores_no_part_of_a_request_twice(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = a_run(&*store, &acme, 1).await?;
    store.commit(fork(&acme, 2, run.run_id, 4)).await?;
    let mut commit = Commit::new(acme.clone(), run_id(2), 5);
    let recorded = RecordedRequest::with_nodes(&chat(6), |digest, node| commit.nodes.push((digest, node)));
    commit.events.push(sample::requested(5, 2, recorded));
    store.commit(commit).await?;
    for messages in [1, 6] {
        let recorded = RecordedRequest::of(&chat(messages));
        assert_eq!(store.request(&acme, run_id(2), &recorded).await?, chat(messages));
    }
    // Those of the fork are not the other run's.
    let refused = store.request(&acme, run.run_id, &RecordedRequest::of(&chat(6))).await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    Ok(())
}

/// Nothing is written.
pub async fn a_fork_that_cannot_be_is_refused(place: &dyn Place) -> Tested {
    let (store, acme, other) = (place.open().await?, tenant("acme"), tenant("acme-2"));
    let run = a_run(&*store, &acme, 1).await?;
    for (cut, of) in [(0, run.run_id), (9, run.run_id), (u64::MAX / 2, run.run_id), (3, run_id(2))] {
        let refused = store.commit(fork(&acme, 2, of, cut)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "at {cut} of {of}: {refused:?}");
    }
    assert_eq!(store.commit(fork(&acme, 2, run_id(9), 3)).await, Err(StoreError::NoSuchRun(run_id(9))));
    assert_eq!(store.commit(fork(&other, 2, run.run_id, 3)).await, Err(StoreError::NoSuchRun(run.run_id)));
    let late = Commit { expected_length: 8, ..fork(&acme, 1, run_id(1), 3) };
    assert!(matches!(store.commit(late).await, Err(StoreError::Invalid(_))));
    assert_eq!(store.run(&acme, run_id(2)).await?, None);
    // A fork of a fork of a fork, each with an event more, comes to an end with words.
    let mut number = 10;
    store.commit(fork(&acme, number, run.run_id, 1)).await?;
    let refused = loop {
        match store.commit(fork(&acme, number + 1, run_id(number), number - 8)).await {
            Ok(()) => number += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StoreError::TooManyForks { .. }), "{refused:?}");
    assert!(number > 100, "{number}");
    assert_eq!(all(&*store, &acme, number).await?.len() as u64, number - 8);
    Ok(())
}

/// What they share is theirs still, and nothing else leads to the one that was deleted.
pub async fn forks_outlive_what_they_were_forked_from(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let store = place.open().await?;
    let run = a_run(&*store, &acme, 1).await?;
    store
        .commit(Commit { published: vec![("state".into(), json("1"))], ..sample::step(&acme, run.run_id, 8, 3) })
        .await?;
    end(&*store, &acme, 1, "ticket-1").await?;
    store.commit(fork(&acme, 2, run.run_id, 7)).await?;
    store.commit(fork(&acme, 3, run_id(2), 4)).await?;
    end(&*store, &acme, 2, "fork-2").await?;
    let (second, third) = (all(&*store, &acme, 2).await?, all(&*store, &acme, 3).await?);
    store.delete(&acme, run.run_id).await?;
    for _ in 0..2 {
        assert_eq!(store.run(&acme, run.run_id).await?, None);
        assert_eq!(all(&*store, &acme, 1).await?, []);
        assert_eq!(store.published(&acme, run.run_id).await?, []);
        assert_eq!(store.key(&acme, run.run_id, "key-1").await?, None);
        assert_eq!(store.latest_run(&acme, &run.id).await?, None);
        let listed = store.runs(&acme, &RunFilter::default(), None, 10).await?.runs;
        assert_eq!(listed.iter().map(|run| run.run_id).collect::<Vec<_>>(), [run_id(3), run_id(2)]);
        assert_eq!(store.unfinished_deletions(10).await?, []);
        assert_eq!(all(&*store, &acme, 2).await?, second);
        assert_eq!(store.request(&acme, run_id(3), &RecordedRequest::of(&chat(1))).await?, chat(1));
        assert_eq!(store.key(&acme, run_id(3), "key-1").await?.map(|used| used.seq), Some(1));
        // Again: nothing is there to delete.
        store.delete(&acme, run.run_id).await?;
    }
    // It cannot be forked, its fork can: at an event that stays.
    assert_eq!(store.commit(fork(&acme, 4, run.run_id, 3)).await, Err(StoreError::NoSuchRun(run.run_id)));
    store.commit(fork(&acme, 4, run_id(2), 6)).await?;
    store.delete(&acme, run_id(2)).await?;
    drop(store);
    let store = place.open().await?;
    assert_eq!(all(&*store, &acme, 3).await?, third);
    assert_eq!(all(&*store, &acme, 4).await?[..6], second[..6]);
    Ok(())
}

/// Whatever is deleted first.
pub async fn what_is_kept_for_forks_goes_with_the_last_of_them(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let orders = [[1, 2, 3, 4], [4, 3, 2, 1], [1, 3, 2, 4], [2, 1, 4, 3], [3, 1, 2, 4], [2, 4, 1, 3]];
    for order in orders {
        a_run(&*store, &acme, 1).await?;
        for (number, of, cut) in [(2, 1, 7), (3, 2, 8), (4, 1, 4)] {
            store.commit(fork(&acme, number, run_id(of), cut)).await?;
        }
        for number in 1..=4 {
            let id = if number == 1 { "ticket-1".to_owned() } else { format!("fork-{number}") };
            end(&*store, &acme, number, &id).await?;
        }
        let mut left: Vec<_> = (1..=4).collect();
        for number in order {
            store.delete(&acme, run_id(number)).await?;
            left.retain(|other| *other != number);
            for other in &left {
                assert!(all(&*store, &acme, *other).await?.len() > 4, "run {other} after {number} of {order:?}");
            }
        }
        assert_eq!(store.unfinished_deletions(10).await?, []);
        assert_eq!(store.runs(&acme, &RunFilter::default(), None, 10).await?.runs, []);
        // Nothing is left: the same run ids can begin again, with what they had.
    }
    Ok(())
}

/// Its timers are cleared when they ring, as those of any run that is gone.
pub async fn a_run_that_is_kept_for_its_forks_does_not_begin_again(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = a_run(&*store, &acme, 1).await?;
    let timer = RunTimer { due_ms: 5, call: 0 };
    store.commit(Commit { timers_set: vec![timer], ..sample::step(&acme, run.run_id, 8, 3) }).await?;
    end(&*store, &acme, 1, "ticket-1").await?;
    store.commit(fork(&acme, 2, run.run_id, 7)).await?;
    store.delete(&acme, run.run_id).await?;
    let conflict = StoreError::Conflict { run_id: run.run_id, expected: 0, actual: 7 };
    assert_eq!(store.commit(sample::start(&acme, &run)).await, Err(conflict));
    let mut clear = Commit::new(acme.clone(), run.run_id, 0);
    clear.timers_cleared = vec![timer];
    store.commit(clear).await?;
    assert_eq!(store.due_timers(10, 10).await?, []);
    assert_eq!(all(&*store, &acme, 2).await?.len(), 8);
    Ok(())
}

/// By what they were forked from, by the root of the tree, and by the race.
pub async fn runs_are_found_by_their_forks(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = a_run(&*store, &acme, 1).await?;
    for (number, of, race) in [(2, 1, None), (3, 2, Some(3)), (4, 2, Some(3))] {
        let mut commit = fork(&acme, number, run_id(of), 4);
        let row = commit.run.as_mut().expect("a start has a row");
        row.forked_from = Some(ForkedFrom { run_id: run_id(of), event: 4, root: run.run_id });
        row.fork_race = race.map(run_id);
        store.commit(commit).await?;
    }
    let [one, two, three] = [1, 2, 3].map(run_id);
    for (text, expected) in [
        (format!("forked_from = '{two}'"), vec![4, 3]),
        (format!("fork_root = '{one}'"), vec![4, 3, 2]),
        (format!("fork_root = '{one}' and forked_from = '{one}'"), vec![2]),
        (format!("fork_race = '{three}'"), vec![4, 3]),
        (format!("fork_race = '{two}'"), vec![]),
        ("forked_from = null".to_owned(), vec![1]),
    ] {
        let filter = RunFilter { filter: Filter::parse(&text, 0).ok(), ..RunFilter::default() };
        assert!(filter.filter.is_some(), "{text}");
        let found = store.runs(&acme, &filter, None, 10).await?.runs;
        let expected: Vec<_> = expected.into_iter().map(run_id).collect();
        assert_eq!(found.iter().map(|run| run.run_id).collect::<Vec<_>>(), expected, "{text}");
    }
    Ok(())
}
