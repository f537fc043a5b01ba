//! Schedules.

use abide_model::Schedule;

use super::sample::{self, make_schedule, run_id, schedule, tenant};
use super::{Place, Tested};
use crate::{Commit, DueSchedule, ScheduleChange, StoreError};

/// The change from a row to one with the host to look at it at `wake_ms`.
fn moved(change: &ScheduleChange, wake_ms: Option<u64>) -> ScheduleChange {
    let before = change.row.as_ref().expect("tests change schedules that are there");
    let mut row = Schedule { revision: before.revision + 1, ..before.clone() };
    row.state.wake_ms = wake_ms;
    ScheduleChange { expected: Some(before.revision), row: Some(row), ..change.clone() }
}

/// As it was made, also after a restart, and not as that of another tenant.
pub async fn a_schedule_comes_back_until_it_is_deleted(place: &dyn Place) -> Tested {
    let (acme, other) = (tenant("acme"), tenant("acme-2"));
    let made = schedule("nightly", Some(5));
    let store = place.open().await?;
    store.change_schedule(make_schedule(&acme, &made)).await?;
    drop(store);
    let store = place.open().await?;
    assert_eq!(store.schedule(&acme, &made.id).await?.as_ref(), Some(&made));
    assert_eq!(store.schedule(&other, &made.id).await?, None);
    let delete = ScheduleChange { expected: Some(1), row: None, ..make_schedule(&acme, &made) };
    store.change_schedule(delete).await?;
    assert_eq!(store.schedule(&acme, &made.id).await?, None);
    assert_eq!(store.due_schedules(u64::MAX, None, 10).await?, []);
    // The id is free again.
    store.change_schedule(make_schedule(&acme, &made)).await
}

/// Who changes a schedule knows what it changes.
pub async fn a_schedule_of_another_revision_is_not_changed(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let made = schedule("nightly", Some(5));
    let first = make_schedule(&acme, &made);
    let refused = Err(StoreError::ScheduleChanged(made.id.clone()));
    assert_eq!(store.change_schedule(moved(&first, None)).await, refused);
    store.change_schedule(first.clone()).await?;
    assert_eq!(store.change_schedule(first.clone()).await, refused);
    let second = moved(&first, Some(9));
    store.change_schedule(second.clone()).await?;
    assert_eq!(store.change_schedule(moved(&first, Some(7))).await, refused);
    let delete = ScheduleChange { expected: Some(1), row: None, ..first.clone() };
    assert_eq!(store.change_schedule(delete).await, refused);
    assert_eq!(store.schedule(&acme, &made.id).await?, second.row);
    // A revision goes up.
    let again = ScheduleChange { expected: Some(2), ..second.clone() };
    assert!(matches!(store.change_schedule(again).await, Err(StoreError::Invalid(_))));
    Ok(())
}

/// In pages.
pub async fn schedules_are_listed_by_id(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    for id in ["b", "a", "c", "a-1"] {
        store.change_schedule(make_schedule(&acme, &schedule(id, None))).await?;
    }
    store.change_schedule(make_schedule(&tenant("acme-2"), &schedule("d", None))).await?;
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = store.schedules(&acme, after.as_ref(), 2).await?;
        assert!(page.schedules.len() <= 2);
        ids.extend(page.schedules.iter().map(|schedule| schedule.id.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["a", "a-1", "b", "c"]);
    assert_eq!(store.schedules(&tenant("nobody"), None, 10).await?.schedules, []);
    Ok(())
}

/// Only those whose time has come, each once, in pages; and the next one is the first of all tenants.
pub async fn schedules_are_due_in_order(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    let (acme, other) = (tenant("acme"), tenant("b"));
    assert_eq!(store.next_schedule(0).await?, None);
    let rows = [(&acme, "x", Some(20)), (&acme, "y", Some(0)), (&acme, "z", Some(10)), (&other, "x", Some(15))];
    let mut changes = Vec::new();
    for (tenant, id, wake_ms) in rows {
        let change = make_schedule(tenant, &schedule(id, wake_ms));
        store.change_schedule(change.clone()).await?;
        changes.push(change);
    }
    store.change_schedule(make_schedule(&acme, &schedule("never", None))).await?;
    let due = |change: &ScheduleChange, wake_ms| DueSchedule {
        tenant: change.tenant.clone(),
        wake_ms,
        id: change.id.clone(),
    };
    assert_eq!(store.due_schedules(9, None, 10).await?, [due(&changes[1], 0)]);
    assert_eq!((store.next_schedule(0).await?, store.next_schedule(10).await?), (Some(10), Some(15)));
    assert_eq!(store.next_schedule(20).await?, None);
    let all = [due(&changes[1], 0), due(&changes[2], 10), due(&changes[0], 20), due(&changes[3], 15)];
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.due_schedules(20, after.as_ref(), 1).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        found.extend(page);
    }
    assert_eq!(found, all);
    // A change moves it; one that keeps its time leaves it.
    store.change_schedule(moved(&changes[1], Some(30))).await?;
    store.change_schedule(moved(&changes[2], Some(10))).await?;
    store.change_schedule(moved(&changes[3], None)).await?;
    assert_eq!(
        store.due_schedules(u64::MAX, None, 10).await?,
        [due(&changes[2], 10), due(&changes[0], 20), due(&changes[1], 30)]
    );
    Ok(())
}

/// Both or neither, whichever of the two is refused.
pub async fn the_start_of_a_run_and_the_step_of_its_schedule_are_one(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let first = make_schedule(&acme, &schedule("nightly", Some(5)));
    store.change_schedule(first.clone()).await?;
    let step = moved(&first, Some(9));
    let run = sample::run(run_id(1), "nightly-1");
    let start = Commit { schedule: Some(step.clone()), ..sample::start(&acme, &run) };
    store.commit(start).await?;
    assert_eq!(store.schedule(&acme, &first.id).await?, step.row);
    assert_eq!(store.run(&acme, run.run_id).await?, Some(run.clone()));

    let late = sample::run(run_id(2), "nightly-2");
    let refused = store.commit(Commit { schedule: Some(step.clone()), ..sample::start(&acme, &late) }).await;
    assert_eq!(refused, Err(StoreError::ScheduleChanged(first.id.clone())));
    assert_eq!(store.run(&acme, late.run_id).await?, None);

    let twice = sample::run(run_id(3), "nightly-1");
    let next = moved(&step, None);
    let refused = store.commit(Commit { schedule: Some(next), ..sample::start(&acme, &twice) }).await;
    assert_eq!(refused, Err(StoreError::RunAlreadyOpen(run.run_id)));
    assert_eq!(store.schedule(&acme, &first.id).await?, step.row);
    Ok(())
}
