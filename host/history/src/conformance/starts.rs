//! Starting runs and claiming ids.

use std::sync::Arc;

use abide_model::{IdReuse, Run, RunStatus};

use super::sample::{self, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, StoreError};

/// The events, the row, the id and the ready row are there, also after a restart.
pub async fn a_start_writes_all_its_rows(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket-1");
    place.open().await?.commit(sample::start(&acme, &run)).await?;
    let store = place.open().await?;
    assert_eq!(store.run(&acme, run.run_id).await?, Some(run.clone()));
    assert_eq!(store.latest_run(&acme, &run.id).await?, Some(run.run_id));
    assert_eq!(store.length(&acme, run.run_id).await?, 1);
    assert_eq!(store.events(&acme, run.run_id, 0, 10).await?, [(0, sample::start(&acme, &run).events[0].clone())]);
    assert_eq!(store.ready(None, 10).await?, [(acme, run.run_id)]);
    assert_eq!(store.failed(), None);
    Ok(())
}

/// A second start with the same id is refused, and names the run that is open.
pub async fn an_id_has_one_open_run(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let first = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &first)).await?;
    let second = sample::run(run_id(2), "ticket");
    let refused = store.commit(sample::start(&acme, &second)).await;
    assert_eq!(refused, Err(StoreError::RunAlreadyOpen(first.run_id)));
    assert_eq!(store.run(&acme, second.run_id).await?, None);
    assert_eq!(store.length(&acme, second.run_id).await?, 0);
    assert_eq!(store.ready(None, 10).await?, [(acme.clone(), first.run_id)]);
    // A parked run is open too.
    let mut park = Commit::new(acme.clone(), first.run_id, 1);
    park.run = Some(abide_model::Run { status: abide_model::RunStatus::Parked, ..first.clone() });
    store.commit(park).await?;
    let refused = store.commit(sample::start(&acme, &second)).await;
    assert_eq!(refused, Err(StoreError::RunAlreadyOpen(first.run_id)));
    Ok(())
}

/// Once the run has ended its id is free; both runs stay.
pub async fn an_id_can_be_claimed_again_after_its_run_closed(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let first = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &first)).await?;
    store.commit(sample::end(&acme, &first, 1)).await?;
    assert_eq!(store.latest_run(&acme, &first.id).await?, Some(first.run_id));
    let second = sample::run(run_id(2), "ticket");
    store.commit(sample::start(&acme, &second)).await?;
    assert_eq!(store.latest_run(&acme, &first.id).await?, Some(second.run_id));
    assert_eq!(store.run(&acme, first.run_id).await?, Some(sample::closed(&first)));
    assert_eq!(store.run(&acme, second.run_id).await?, Some(second));
    Ok(())
}

/// Run ids made within one millisecond sort by chance: the latest is the one that started last all the same.
pub async fn the_latest_run_of_an_id_is_the_last_that_started(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let first = sample::run(run_id(9), "ticket");
    store.commit(sample::start(&acme, &first)).await?;
    store.commit(sample::end(&acme, &first, 1)).await?;
    let second = sample::run(run_id(3), "ticket");
    store.commit(sample::start(&acme, &second)).await?;
    assert_eq!(store.latest_run(&acme, &first.id).await?, Some(second.run_id));
    let third = sample::run(run_id(5), "ticket");
    let refused = store.commit(sample::start(&acme, &third)).await;
    assert_eq!(refused, Err(StoreError::RunAlreadyOpen(second.run_id)));
    Ok(())
}

/// Of many starts with one id, whose commits share a disk sync, one wins, and the others hear which.
pub async fn an_id_is_claimed_once_by_starts_at_the_same_time(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let mut starts = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (store, acme) = (Arc::clone(&store), acme.clone());
        starts.spawn(async move {
            let run = sample::run(run_id(number), "ticket");
            (run.run_id, store.commit(sample::start(&acme, &run)).await)
        });
    }
    let (mut won, mut lost) = (Vec::new(), Vec::new());
    for (run_id, result) in starts.join_all().await {
        match result {
            Ok(()) => won.push(run_id),
            Err(error) => lost.push((run_id, error)),
        }
    }
    assert_eq!(won.len(), 1, "one start wins");
    for (run_id, error) in lost {
        assert_eq!(error, StoreError::RunAlreadyOpen(won[0]));
        assert_eq!(store.length(&acme, run_id).await?, 0, "a refused start leaves nothing");
    }
    assert_eq!(store.ready(None, 100).await?, [(acme, won[0])]);
    Ok(())
}

/// Two tenants use the same ids, and even the same run ids, without seeing each other.
pub async fn ids_and_runs_of_tenants_are_apart(place: &dyn Place) -> Tested {
    let (store, acme, acme_2) = (place.open().await?, tenant("acme"), tenant("acme-2"));
    let mine = sample::run(run_id(1), "ticket");
    let mut theirs = sample::run(run_id(1), "ticket");
    theirs.workflow = sample::workflow("billing");
    store.commit(sample::start(&acme, &mine)).await?;
    assert_eq!(store.run(&acme_2, mine.run_id).await?, None);
    assert_eq!(store.latest_run(&acme_2, &mine.id).await?, None);
    assert_eq!(store.length(&acme_2, mine.run_id).await?, 0);
    store.commit(sample::start(&acme_2, &theirs)).await?;
    assert_eq!(store.run(&acme, mine.run_id).await?, Some(mine));
    assert_eq!(store.run(&acme_2, theirs.run_id).await?, Some(theirs));
    Ok(())
}

/// What no host should ask for is refused as such, and writes nothing.
pub async fn a_start_that_contradicts_itself_is_refused(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    let start = sample::start(&acme, &run);
    let cases = [
        ("no event", Commit { events: Vec::new(), ..start.clone() }),
        ("no row", Commit { run: None, ..start.clone() }),
        ("the row of another run", Commit { run: Some(sample::run(run_id(2), "ticket")), ..start.clone() }),
        ("an event after the last", Commit { events: vec![sample::ended(0), sample::ended(1)], ..start.clone() }),
    ];
    for (case, commit) in cases {
        let refused = store.commit(commit).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{case}: {refused:?}");
    }
    assert_eq!(store.run(&acme, run.run_id).await?, None);
    assert_eq!(store.latest_run(&acme, &run.id).await?, None);
    assert_eq!(store.ready(None, 10).await?, []);
    Ok(())
}

/// A run id is used once.
pub async fn a_start_of_a_run_that_is_there_is_a_conflict(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    store.commit(sample::end(&acme, &run, 1)).await?;
    let again = store.commit(sample::start(&acme, &sample::run(run.run_id, "another"))).await;
    assert_eq!(again, Err(StoreError::Conflict { run_id: run.run_id, expected: 0, actual: 2 }));
    assert_eq!(store.latest_run(&acme, &sample::caller_id("another")).await?, None);
    Ok(())
}

/// A start says whether the id of a run that has ended is free. It never says so of one that is open.
pub async fn an_id_is_used_again_only_where_the_start_allows_it(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let start = |number, id: &str, id_reuse| {
        let run = sample::run(run_id(number), id);
        Commit { id_reuse, ..sample::start(&acme, &run) }
    };
    let all = [IdReuse::Reject, IdReuse::AllowAfterFailure, IdReuse::Allow];
    let mut number = 0;
    for ended in [RunStatus::Completed, RunStatus::Failed, RunStatus::Cancelled, RunStatus::Terminated] {
        let id = ended.as_str();
        let first = sample::run(run_id(number), id);
        store.commit(Commit { id_reuse: IdReuse::Reject, ..sample::start(&acme, &first) }).await?;
        for id_reuse in all {
            let refused = store.commit(start(number + 1, id, id_reuse)).await;
            assert_eq!(refused, Err(StoreError::RunAlreadyOpen(first.run_id)), "{id_reuse:?}");
        }
        let mut end = sample::end(&acme, &first, 1);
        end.run = Some(Run { status: ended, ..sample::closed(&first) });
        store.commit(end).await?;
        let used = Err(StoreError::IdUsed { run_id: first.run_id, status: ended });
        assert_eq!(store.commit(start(number + 1, id, IdReuse::Reject)).await, used);
        let after_failure = store.commit(start(number + 1, id, IdReuse::AllowAfterFailure)).await;
        if ended == RunStatus::Completed {
            assert_eq!(after_failure, used);
            store.commit(start(number + 1, id, IdReuse::Allow)).await?;
        } else {
            assert_eq!(after_failure, Ok(()), "{ended}");
        }
        assert_eq!(store.latest_run(&acme, &first.id).await?, Some(run_id(number + 1)));
        number += 2;
    }
    Ok(())
}

/// Both are there, also after a restart; where one is refused, neither is.
pub async fn a_run_ends_and_its_successor_starts_in_one_change(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let (first, second) = (sample::run(run_id(1), "ticket"), sample::run(run_id(2), "ticket"));
    store.commit(sample::start(&acme, &first)).await?;
    let with = |end: Commit, start: Commit| Commit { successor: Some(Box::new(start)), ..end };
    let (end, start) = (|length| sample::end(&acme, &first, length), sample::start(&acme, &second));
    let conflict = store.commit(with(end(7), start.clone())).await;
    assert_eq!(conflict, Err(StoreError::Conflict { run_id: first.run_id, expected: 7, actual: 1 }));
    for (case, commit) in [
        ("it does not end", with(sample::step(&acme, first.run_id, 1, 0), start.clone())),
        ("another id", with(end(1), sample::start(&acme, &sample::run(run_id(2), "other")))),
        ("another tenant", with(end(1), sample::start(&tenant("other"), &second))),
        ("itself", with(end(1), sample::start(&acme, &first))),
        ("no start", with(end(1), sample::end(&acme, &second, 1))),
        ("two", with(end(1), with(start.clone(), start.clone()))),
    ] {
        let refused = store.commit(commit).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{case}: {refused:?}");
    }
    assert_eq!(store.run(&acme, first.run_id).await?, Some(first.clone()));
    assert_eq!(store.run(&acme, second.run_id).await?, None);

    store.commit(with(end(1), start)).await?;
    drop(store);
    let store = place.open().await?;
    assert_eq!(store.run(&acme, first.run_id).await?, Some(sample::closed(&first)));
    assert_eq!(store.run(&acme, second.run_id).await?, Some(second.clone()));
    assert_eq!(store.latest_run(&acme, &second.id).await?, Some(second.run_id));
    assert_eq!(store.length(&acme, second.run_id).await?, 1);
    assert_eq!(store.ready(None, 10).await?, [(acme, second.run_id)]);
    Ok(())
}
