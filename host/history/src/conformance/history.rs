//! Appending events and reading them.

use std::sync::Arc;

use abide_model::{Recorded, Seq};

use super::sample::{self, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, RunTimer, StoreError};

/// An append names the length; both lower and higher ones are refused with what is there.
pub async fn another_length_is_a_conflict(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    store.commit(sample::step(&acme, run.run_id, 1, 0)).await?;
    for expected in [1, 2, 4, 100] {
        let refused = store.commit(sample::step(&acme, run.run_id, expected, 0)).await;
        assert_eq!(refused, Err(StoreError::Conflict { run_id: run.run_id, expected, actual: 3 }));
    }
    let nobody = store.commit(sample::step(&acme, run_id(2), 5, 0)).await;
    assert_eq!(nobody, Err(StoreError::Conflict { run_id: run_id(2), expected: 5, actual: 0 }));
    // A change without events has to know the length too.
    let mut ready = Commit::new(acme.clone(), run.run_id, 2);
    ready.ready = Some(false);
    let refused = store.commit(ready).await;
    assert_eq!(refused, Err(StoreError::Conflict { run_id: run.run_id, expected: 2, actual: 3 }));
    assert_eq!(store.length(&acme, run.run_id).await?, 3);
    Ok(())
}

/// All or nothing: a refused change with every sort of row leaves none of them.
pub async fn a_refused_change_leaves_no_trace(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    {
        let store = place.open().await?;
        store.commit(sample::start(&acme, &run)).await?;
        let mut commit = sample::step(&acme, run.run_id, 7, 0);
        commit.run = Some(sample::closed(&run));
        commit.ready = Some(false);
        commit.timers_set = vec![RunTimer { due_ms: 5, call: 1 }];
        commit.published = vec![("state".into(), sample::json("1"))];
        let used = crate::KeyUse { digest: abide_model::Digest::of(b""), seq: 7 };
        commit.key = Some(("key".into(), used));
        assert!(matches!(store.commit(commit).await, Err(StoreError::Conflict { .. })));
    }
    let store = place.open().await?;
    assert_eq!(store.run(&acme, run.run_id).await?, Some(run.clone()));
    assert_eq!(store.length(&acme, run.run_id).await?, 1);
    assert_eq!(store.ready(None, 10).await?.len(), 1);
    assert_eq!(store.next_timer().await?, None);
    assert_eq!(store.published(&acme, run.run_id).await?, []);
    assert_eq!(store.key(&acme, run.run_id, "key").await?, None);
    Ok(())
}

/// Good and bad changes at the same time: each has its own answer.
pub async fn a_refused_change_does_not_disturb_others(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..60 {
        let (store, acme) = (Arc::clone(&store), acme.clone());
        tasks.spawn(async move {
            let run = sample::run(run_id(number), &format!("ticket-{number}"));
            let mut commit = sample::start(&acme, &run);
            if number % 3 == 0 {
                commit.expected_length = 9;
            }
            (number, store.commit(commit).await)
        });
    }
    for (number, result) in tasks.join_all().await {
        let length = store.length(&acme, run_id(number)).await?;
        if number % 3 == 0 {
            let expected = StoreError::Conflict { run_id: run_id(number), expected: 9, actual: 0 };
            assert_eq!((result, length), (Err(expected), 0));
        } else {
            assert_eq!((result, length), (Ok(()), 1));
        }
    }
    Ok(())
}

/// Commits of one run that wait at the same time are written in the order in which they came.
pub async fn commits_of_one_run_see_each_other_in_order(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    let steps = (0..30u32).map(|call| sample::step(&acme, run.run_id, 1 + 2 * Seq::from(call), call));
    let commits: Vec<_> = [sample::start(&acme, &run)].into_iter().chain(steps).collect();
    let mut waiting: Vec<_> = commits.iter().map(|commit| store.commit(commit.clone())).collect();
    // Each is polled once, in order, before any is waited for: so they are queued together.
    std::future::poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(result) => {
                assert_eq!(result, Ok(()));
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let expected: Vec<_> = commits.into_iter().flat_map(|commit| commit.events).collect();
    let found = store.events(&acme, run.run_id, 0, 1000).await?;
    assert_eq!(found, (0..).zip(expected).collect::<Vec<_>>());
    Ok(())
}

/// Two who think that they own a run: each place in the history is won by one of them.
pub async fn of_two_owners_one_wins(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    for round in 0..20 {
        let length = 1 + 2 * Seq::from(round);
        let mut owners = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (store, commit) = (Arc::clone(&store), sample::step(&acme, run.run_id, length, round));
            owners.spawn(async move { store.commit(commit).await });
        }
        let won = owners.join_all().await.into_iter().filter(|result| result.is_ok()).count();
        assert_eq!(won, 1, "round {round}");
    }
    assert_eq!(store.length(&acme, run.run_id).await?, 41);
    Ok(())
}

/// Many runs write at the same time, and each history is whole.
pub async fn many_runs_share_the_store(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    {
        let store = place.open().await?;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..64 {
            let (store, acme) = (Arc::clone(&store), acme.clone());
            tasks.spawn(async move {
                let run = sample::run(run_id(number), &format!("ticket-{number}"));
                store.commit(sample::start(&acme, &run)).await?;
                for call in 0..10 {
                    store.commit(sample::step(&acme, run.run_id, 1 + 2 * Seq::from(call), call)).await?;
                }
                store.commit(sample::end(&acme, &run, 21)).await
            });
        }
        for result in tasks.join_all().await {
            result?;
        }
    }
    let store = place.open().await?;
    for number in 0..64 {
        let found = store.events(&acme, run_id(number), 0, 1000).await?;
        let numbers: Vec<_> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(numbers, (0..22).collect::<Vec<_>>());
        assert_eq!(found[3].1, sample::completed(3, 1, "{\"found\":1}"));
    }
    assert_eq!(store.ready(None, 100).await?, []);
    Ok(())
}

/// A history that has its last event takes no more, whatever length the writer names.
pub async fn nothing_follows_the_last_event(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    let conflict = Err(StoreError::Conflict { run_id: run.run_id, expected: 2, actual: 2 });
    {
        let store = place.open().await?;
        store.commit(sample::start(&acme, &run)).await?;
        store.commit(sample::end(&acme, &run, 1)).await?;
        assert_eq!(store.commit(sample::step(&acme, run.run_id, 2, 0)).await, conflict);
    }
    let store = place.open().await?;
    assert_eq!(store.commit(sample::step(&acme, run.run_id, 2, 0)).await, conflict);
    assert_eq!(store.length(&acme, run.run_id).await?, 2);
    Ok(())
}

/// Rows beside the history of a closed run can be tidied up.
pub async fn a_closed_run_may_still_change_its_rows(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    let mut end = sample::end(&acme, &run, 1);
    end.ready = None;
    store.commit(end).await?;
    assert_eq!(store.ready(None, 10).await?.len(), 1);
    let mut tidy = Commit::new(acme, run.run_id, 2);
    tidy.ready = Some(false);
    store.commit(tidy).await?;
    assert_eq!(store.ready(None, 10).await?, []);
    Ok(())
}

/// Reading may begin within a commit, and at the end, and beyond it.
pub async fn events_are_read_from_anywhere(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    // Runs before and after it: their events are not its own.
    for number in [1, 2, 3] {
        let run = sample::run(run_id(number), &format!("ticket-{number}"));
        store.commit(sample::start(&acme, &run)).await?;
        let events: Vec<Recorded> = (1..6).map(|seq| sample::signal(seq, &format!("{number}"), None)).collect();
        store.commit(Commit { events, ..Commit::new(acme.clone(), run.run_id, 1) }).await?;
        store.commit(sample::step(&acme, run.run_id, 6, 0)).await?;
    }
    let all = store.events(&acme, run_id(2), 0, 100).await?;
    assert_eq!(all.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    assert_eq!(all[5].1, sample::signal(5, "2", None));
    for from in 0..10 {
        for limit in 0..10 {
            let found = store.events(&acme, run_id(2), from, limit).await?;
            let begin = (from as usize).min(all.len());
            let end = (begin + limit).min(all.len());
            assert_eq!(found, all[begin..end], "from {from}, at most {limit}");
        }
    }
    Ok(())
}

/// However large the events are, a page holds about 4 MiB of them, and at least one.
pub async fn a_page_of_events_is_bounded(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    let payload = format!("\"{}\"", "x".repeat(3 << 20));
    for seq in 1..6 {
        let events = vec![sample::completed(seq, 0, &payload)];
        store.commit(Commit { events, ..Commit::new(acme.clone(), run.run_id, seq) }).await?;
    }
    let mut seen = 0;
    while seen < 6 {
        let page = store.events(&acme, run.run_id, seen, 1000).await?;
        assert!((1..=3).contains(&page.len()), "{} events in a page", page.len());
        assert_eq!(page[0].0, seen);
        seen += page.len() as Seq;
    }
    assert_eq!(seen, 6);
    Ok(())
}

/// Payloads that compress well, that do not, and of every size around a boundary.
pub async fn large_payloads_come_back(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    let mut state = 1u64;
    let mut noise = |length: usize| -> String {
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + ((state >> 33) % 26) as u8)
        };
        std::iter::repeat_with(next).take(length).collect()
    };
    let mut written = Vec::new();
    for length in [0, 1, 400, 500, 512, 600, 4096, 70_000, 2_000_000] {
        for text in ["x".repeat(length), noise(length)] {
            let seq = 1 + written.len() as Seq;
            let event = sample::completed(seq, 0, &format!("\"{text}\""));
            store.commit(Commit { events: vec![event.clone()], ..Commit::new(acme.clone(), run.run_id, seq) }).await?;
            written.push((seq, event));
        }
    }
    drop(store);
    let store = place.open().await?;
    for (seq, event) in written {
        assert_eq!(store.events(&acme, run.run_id, seq, 1).await?, [(seq, event)]);
    }
    Ok(())
}

/// What was acknowledged is there when the data is opened again, and the run goes on from there.
pub async fn every_event_comes_back_after_a_restart(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    let mut written = Vec::new();
    for round in 0..5u32 {
        let store = place.open().await?;
        let length = store.length(&acme, run.run_id).await?;
        assert_eq!(length, written.len() as Seq);
        let commit = match length {
            0 => sample::start(&acme, &run),
            length => sample::step(&acme, run.run_id, length, round),
        };
        written.extend(commit.events.clone());
        store.commit(commit).await?;
    }
    let found = place.open().await?.events(&acme, run.run_id, 0, 100).await?;
    assert_eq!(found, (0..).zip(written).collect::<Vec<_>>());
    Ok(())
}

/// Nothing is an answer too.
pub async fn a_run_that_is_not_there_is_empty(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    assert_eq!(store.run(&acme, run_id(1)).await?, None);
    assert_eq!(store.length(&acme, run_id(1)).await?, 0);
    assert_eq!(store.events(&acme, run_id(1), 0, 10).await?, []);
    assert_eq!(store.events(&acme, run_id(1), 7, 10).await?, []);
    assert_eq!(store.published(&acme, run_id(1)).await?, []);
    assert_eq!(store.key(&acme, run_id(1), "k").await?, None);
    assert_eq!(store.latest_run(&acme, &sample::caller_id("ticket")).await?, None);
    assert_eq!(store.runs(&acme, &crate::RunFilter::default(), None, 10).await?, crate::RunPage::default());
    Ok(())
}
