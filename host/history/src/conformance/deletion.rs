//! Deleting runs.

use abide_model::{Filter, IdReuse, RecordedRequest, Request, RunId, Tenant};

use super::sample::{self, json, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, DueTimer, KeyUse, RunFilter, RunTimer, Store, StoreError};

/// A run that has ended, with a row of each sort.
async fn a_closed_run(store: &dyn Store, tenant: &Tenant, number: u64, id: &str) -> Tested {
    let mut run = sample::run(run_id(number), id);
    run.attributes = json(r#"{"customer": "acme", "tags": ["a", "b"]}"#).read().expect("tests give valid attributes");
    let mut start = sample::start(tenant, &run);
    let request = Request { head: json("{}"), messages: vec![json("1"), json("2")] };
    let recorded = RecordedRequest::with_nodes(&request, |digest, node| start.nodes.push((digest, node)));
    start.events.push(sample::requested(1, 0, recorded));
    start.published = vec![("state".into(), json("1")), ("stage".into(), json("2"))];
    start.key = Some(("k".into(), KeyUse { digest: abide_model::Digest::of(b"k"), seq: 0 }));
    store.commit(start).await?;
    store.commit(sample::end(tenant, &run, 2)).await
}

/// Panics where something of a run is left.
async fn nothing_is_left(store: &dyn Store, tenant: &Tenant, run_id: RunId) -> Tested {
    assert_eq!(store.run(tenant, run_id).await?, None);
    assert_eq!(store.length(tenant, run_id).await?, 0);
    assert_eq!(store.events(tenant, run_id, 0, 10).await?, []);
    assert_eq!(store.published(tenant, run_id).await?, []);
    assert_eq!(store.key(tenant, run_id, "k").await?, None);
    let request = Request { head: json("{}"), messages: vec![json("1"), json("2")] };
    let node = store.request(tenant, run_id, &RecordedRequest::of(&request)).await;
    assert!(matches!(node, Err(StoreError::Corrupt(_))), "{node:?}");
    for text in ["customer = 'acme'", "status = 'completed'", "workflow = 'helpdesk'", "tags = 'b'", "closed != null"] {
        let filter = RunFilter { filter: Filter::parse(text, 0).ok(), ..RunFilter::default() };
        let found = store.runs(tenant, &filter, None, 10).await?.runs;
        assert!(found.iter().all(|run| run.run_id != run_id), "`{text}` finds it");
    }
    assert_eq!(store.unfinished_deletions(10).await?, []);
    Ok(())
}

/// Nor does it come back after a restart, and its neighbours stay.
pub async fn a_deleted_run_leaves_nothing(place: &dyn Place) -> Tested {
    let (store, acme, other) = (place.open().await?, tenant("acme"), tenant("acme-2"));
    for number in [1, 2, 3] {
        a_closed_run(&*store, &acme, number, &format!("ticket-{number}")).await?;
    }
    a_closed_run(&*store, &other, 2, "ticket-2").await?;
    store.delete(&acme, run_id(2)).await?;
    nothing_is_left(&*store, &acme, run_id(2)).await?;
    assert_eq!(store.latest_run(&acme, &sample::caller_id("ticket-2")).await?, None);
    // Again, and one that never was: both are fine.
    store.delete(&acme, run_id(2)).await?;
    store.delete(&acme, run_id(99)).await?;
    drop(store);
    let store = place.open().await?;
    nothing_is_left(&*store, &acme, run_id(2)).await?;
    for (tenant, number) in [(&acme, 1), (&acme, 3), (&other, 2)] {
        assert_eq!(store.length(tenant, run_id(number)).await?, 3);
        assert_eq!(store.published(tenant, run_id(number)).await?.len(), 2);
        let id = sample::caller_id(&format!("ticket-{number}"));
        assert_eq!(store.latest_run(tenant, &id).await?, Some(run_id(number)));
    }
    // Its id is free, even for one that wants it for itself.
    let again = sample::run(run_id(4), "ticket-2");
    store.commit(Commit { id_reuse: IdReuse::Reject, ..sample::start(&acme, &again) }).await
}

/// It is refused, and stays whole.
pub async fn an_open_run_is_not_deleted(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    let refused = store.delete(&acme, run.run_id).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    assert_eq!(store.run(&acme, run.run_id).await?, Some(run.clone()));
    assert_eq!(store.length(&acme, run.run_id).await?, 1);
    store.commit(sample::step(&acme, run.run_id, 1, 0)).await
}

/// The task that rings it finds no run.
pub async fn a_timer_of_a_run_that_is_gone_can_be_cleared(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    let timer = RunTimer { due_ms: 5, call: 0 };
    store.commit(Commit { timers_set: vec![timer], ..sample::start(&acme, &run) }).await?;
    store.commit(sample::end(&acme, &run, 1)).await?;
    store.delete(&acme, run.run_id).await?;
    let left = DueTimer { tenant: acme.clone(), run_id: run.run_id, timer };
    assert_eq!(store.due_timers(10, 10).await?, [left]);
    let mut clear = Commit::new(acme.clone(), run.run_id, 0);
    clear.timers_cleared = vec![timer];
    store.commit(clear.clone()).await?;
    assert_eq!(store.due_timers(10, 10).await?, []);
    clear.published = vec![("state".into(), json("1"))];
    let refused = store.commit(clear).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "a row of no run: {refused:?}");
    Ok(())
}

/// More than one change removes: nothing is left either, and other changes go on meanwhile.
pub async fn a_long_run_is_deleted_in_parts(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let run = sample::run(run_id(1), "ticket");
    store.commit(sample::start(&acme, &run)).await?;
    let mut commit = Commit::new(acme.clone(), run.run_id, 1);
    commit.events = vec![sample::completed(1, 0, "1")];
    commit.published = (0..5000).map(|number| (format!("name-{number}"), json("1"))).collect();
    store.commit(commit).await?;
    store.commit(sample::end(&acme, &run, 2)).await?;
    let deleting = {
        let (store, acme) = (store.clone(), acme.clone());
        tokio::spawn(async move { store.delete(&acme, run_id(1)).await })
    };
    for number in 10..30 {
        store.commit(sample::start(&acme, &sample::run(run_id(number), &format!("other-{number}")))).await?;
    }
    deleting.await.expect("a deletion does not panic")?;
    nothing_is_left(&*store, &acme, run.run_id).await
}

/// The newest one that is left is the latest then.
pub async fn the_latest_run_of_an_id_that_is_deleted_leaves_it_to_the_one_before(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    for number in [1, 2, 3] {
        a_closed_run(&*store, &acme, number, "ticket").await?;
    }
    let id = sample::caller_id("ticket");
    for (deleted, latest) in [(3, Some(2)), (1, Some(2)), (2, None)] {
        store.delete(&acme, run_id(deleted)).await?;
        assert_eq!(store.latest_run(&acme, &id).await?, latest.map(run_id), "without {deleted}");
    }
    Ok(())
}
