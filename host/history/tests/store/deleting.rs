//! Power that is lost, and disks that fail, in the middle of a deletion: at each operation of the disk. Afterwards the run is there and
//! whole, or it is gone and what is left of it is known and can be removed. Its neighbours stay as they were.

use abide_history::conformance::sample::{self, json, run_id, tenant};
use abide_history::{Commit, ForkOf, RedbOptions, RedbStore, RunFilter, Store, StoreError};
use abide_model::{Filter, RecordedRequest, Request, RunStatus};

use crate::disk::{Disk, Fault};

/// Small, so that the database is made durable in the middle of it.
const OPTIONS: RedbOptions = RedbOptions { cache_bytes: 1 << 20, log_bytes: 48 << 10, keyring: None };
/// More than two changes of a deletion remove.
const PUBLISHED: usize = 2500;
/// The same, of what is kept for forks.
const MESSAGES: usize = 2500;

fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    RedbStore::open_with_backends(disk.file(0), disk.file(1), &OPTIONS)
}

/// Two runs of one id that have ended; the later one has many rows.
async fn fill(store: &RedbStore) -> Result<(), StoreError> {
    let acme = tenant("acme");
    for number in [1, 2] {
        let mut run = sample::run(run_id(number), "ticket");
        run.attributes = json(r#"{"customer": "acme"}"#).read().expect("they are attributes");
        store.commit(sample::start(&acme, &run)).await?;
        let mut commit = Commit::new(acme.clone(), run.run_id, 1);
        commit.events = vec![sample::completed(1, 0, "1")];
        let published = if number == 2 { PUBLISHED } else { 3 };
        commit.published = (0..published).map(|number| (format!("name-{number}"), json("1"))).collect();
        store.commit(commit).await?;
        store.commit(sample::end(&acme, &run, 2)).await?;
    }
    Ok(())
}

/// The runs that the index knows of the customer.
async fn indexed(store: &RedbStore) -> Result<Vec<u64>, StoreError> {
    let filter = RunFilter { filter: Filter::parse("customer = 'acme'", 0).ok(), ..RunFilter::default() };
    let runs = store.runs(&tenant("acme"), &filter, None, 10).await?.runs;
    Ok([1, 2].into_iter().filter(|number| runs.iter().any(|run| run.run_id == run_id(*number))).collect())
}

/// The first run is as it was; the second one is whole, or gone. Gives whether it is there, and how much is left of it.
async fn look(store: &RedbStore) -> Result<(bool, usize), StoreError> {
    let acme = tenant("acme");
    assert_eq!(store.length(&acme, run_id(1)).await?, 3);
    assert_eq!(store.published(&acme, run_id(1)).await?.len(), 3);
    let row = store.run(&acme, run_id(2)).await?;
    let left = store.published(&acme, run_id(2)).await?.len();
    let latest = store.latest_run(&acme, &sample::caller_id("ticket")).await?;
    match &row {
        Some(row) => {
            assert_eq!(row.status, RunStatus::Completed);
            assert_eq!((store.length(&acme, run_id(2)).await?, left), (3, PUBLISHED), "it is whole");
            assert_eq!((latest, indexed(store).await?), (Some(run_id(2)), vec![1, 2]));
        }
        None => {
            assert_eq!((latest, indexed(store).await?), (Some(run_id(1)), vec![1]), "nothing leads to it");
            assert_eq!(store.length(&acme, run_id(2)).await?, 0);
        }
    }
    Ok((row.is_some(), left))
}

/// A deletion with a fault at `position`. Gives how many operations there were.
async fn scenario(position: u64, fault: Fault) -> Result<u64, StoreError> {
    let (disk, acme) = (Disk::new(position + 7), tenant("acme"));
    let store = open(&disk)?;
    fill(&store).await?;
    disk.set_fault(position, fault);
    let deleted = store.delete(&acme, run_id(2)).await;
    assert!(matches!(deleted, Ok(()) | Err(StoreError::Unavailable(_))), "{deleted:?}");
    let operations = disk.operations();
    drop(store);
    disk.crash();

    let store = open(&disk)?;
    let (there, left) = look(&store).await?;
    let unfinished = store.unfinished_deletions(10).await?;
    match (there, left) {
        (true, _) => assert!(deleted.is_err() && unfinished.is_empty(), "what was acknowledged is gone"),
        (false, 0) => assert_eq!(unfinished, []),
        (false, _) => {
            assert!(deleted.is_err(), "{left} rows are left of what was acknowledged");
            assert_eq!(unfinished, [(acme.clone(), run_id(2))]);
        }
    }
    store.delete(&acme, run_id(2)).await?;
    drop(store);
    disk.crash();
    let store = open(&disk)?;
    assert_eq!(look(&store).await?, (false, 0));
    assert_eq!(store.unfinished_deletions(10).await?, []);
    Ok(operations)
}

async fn everywhere<F>(fault: Fault, scenario: fn(u64, Fault) -> F)
where
    F: Future<Output = Result<u64, StoreError>>,
{
    for position in 0.. {
        let result = scenario(position, fault).await;
        let operations = result.unwrap_or_else(|error| panic!("{fault:?} at operation {position}: {error}"));
        if operations <= position {
            assert!(position > 3, "a deletion of {position} operations has no middle");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_is_finished_after_power_was_lost() {
    everywhere(Fault::Crash, scenario).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_is_finished_after_the_disk_failed() {
    everywhere(Fault::Error, scenario).await;
}

/// A run that was deleted and is kept for one fork, which is deleted with a fault at `position`. Gives how many operations there were.
async fn last_fork(position: u64, fault: Fault) -> Result<u64, StoreError> {
    let (disk, acme) = (Disk::new(position + 7), tenant("acme"));
    let store = open(&disk)?;
    let origin = sample::run(run_id(1), "origin");
    store.commit(sample::start(&acme, &origin)).await?;
    let mut chat = Commit::new(acme.clone(), origin.run_id, 1);
    let messages = (0..MESSAGES).map(|number| json(&number.to_string())).collect();
    let request = Request { head: json("{}"), messages };
    let recorded = RecordedRequest::with_nodes(&request, |digest, node| chat.nodes.push((digest, node)));
    chat.events.push(sample::requested(1, 0, recorded.clone()));
    store.commit(chat).await?;
    store.commit(sample::end(&acme, &origin, 2)).await?;
    let fork = sample::run(run_id(2), "fork");
    let of = ForkOf { run_id: origin.run_id, cut: 2 };
    store.commit(Commit { fork: Some(of), ..sample::start(&acme, &fork) }).await?;
    store.commit(sample::end(&acme, &fork, of.cut + 1)).await?;
    store.delete(&acme, origin.run_id).await?;
    disk.set_fault(position, fault);
    let deleted = store.delete(&acme, fork.run_id).await;
    assert!(matches!(deleted, Ok(()) | Err(StoreError::Unavailable(_))), "{deleted:?}");
    let operations = disk.operations();
    drop(store);
    disk.crash();

    let store = open(&disk)?;
    let unfinished = store.unfinished_deletions(10).await?;
    assert!(deleted.is_err() || unfinished.is_empty(), "what was acknowledged is not done: {unfinished:?}");
    match store.run(&acme, fork.run_id).await? {
        // It is whole: what it shares is there.
        Some(_) => {
            assert!(deleted.is_err() && unfinished.is_empty());
            assert_eq!(store.length(&acme, fork.run_id).await?, 4);
            assert_eq!(store.events(&acme, fork.run_id, 0, 10).await?.len(), 4);
            assert_eq!(store.request(&acme, fork.run_id, &recorded).await?, request);
            store.delete(&acme, fork.run_id).await?;
        }
        None => assert_eq!(store.events(&acme, fork.run_id, 0, 10).await?, []),
    }
    for (tenant, run_id) in unfinished {
        store.delete(&tenant, run_id).await?;
    }
    assert_eq!(store.unfinished_deletions(10).await?, []);
    // Nothing of the two is left: they can begin again, with what they had.
    store.commit(sample::start(&acme, &origin)).await?;
    assert_eq!(store.length(&acme, origin.run_id).await?, 1);
    Ok(operations)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_fork_takes_what_was_kept_for_it_after_power_was_lost() {
    everywhere(Fault::Crash, last_fork).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_fork_takes_what_was_kept_for_it_after_the_disk_failed() {
    everywhere(Fault::Error, last_fork).await;
}
