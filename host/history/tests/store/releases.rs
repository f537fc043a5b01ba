//! Stores as releases left them behind, in the middle of work, are opened and go on. The files are never changed and never
//! removed; `ABIDE_UPDATE_GOLDEN=1` writes the one of the present format if it is not there.

use std::path::{Path, PathBuf};

use abide_history::conformance::sample::{self, json, run_id, tenant};
use abide_history::{Commit, KeyUse, RedbOptions, RedbStore, RunFilter, RunTimer, Store as _, StoreError};
use abide_model::{Digest, Filter, RecordedRequest, Request};

use redb::StorageBackend as _;

use crate::disk::{Disk, Fault};
use crate::reference::Reference;

const FILES: [&str; 2] = ["history.redb", "history.wal"];

/// The one that holds what [`commits`] writes: the first half in the database, the rest in the log.
const PRESENT: &str = "store-1";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

fn commits() -> Vec<Commit> {
    let (acme, other) = (tenant("acme"), tenant("other"));
    let (one, two) = (sample::run(run_id(1), "ticket-1"), sample::run(run_id(2), "ticket-2"));
    let chat = Request { head: json("{\"model\":\"m\"}"), messages: vec![json("\"hello\""), json("\"and now?\"")] };
    let mut call = Commit::new(acme.clone(), one.run_id, 1);
    let recorded = RecordedRequest::with_nodes(&chat, |digest, node| call.nodes.push((digest, node)));
    call.events = vec![sample::requested(1, 0, recorded)];
    call.timers_set = vec![RunTimer { due_ms: 5000, call: 1 }, RunTimer { due_ms: 6000, call: 2 }];
    let mut signal = Commit::new(acme.clone(), one.run_id, 2);
    signal.events = vec![sample::signal(2, "approve", Some("k"))];
    signal.key = Some(("k".into(), KeyUse { digest: Digest::of(b"k"), seq: 2 }));
    signal.published = vec![("state".into(), json("{\"waiting\": true}"))];
    signal.timers_cleared = vec![RunTimer { due_ms: 5000, call: 1 }];
    vec![
        sample::start(&acme, &one),
        sample::start(&other, &two),
        call,
        signal,
        sample::step(&acme, one.run_id, 3, 0),
        sample::end(&other, &two, 1),
    ]
}

async fn write(folder: &Path) -> Result<(), StoreError> {
    let commits = commits();
    let (first, second) = commits.split_at(commits.len() / 2);
    let work = tempfile::tempdir().expect("a test can have a folder");
    let store = RedbStore::open(work.path())?;
    for commit in first {
        store.commit(commit.clone()).await?;
    }
    drop(store);
    let store = RedbStore::open(work.path())?;
    for commit in second {
        store.commit(commit.clone()).await?;
    }
    std::fs::create_dir_all(folder).expect("the golden files can be written");
    for file in FILES {
        // Copied while the store is open: as a crash would leave it.
        let bytes = std::fs::read(work.path().join(file)).expect("the store has it");
        let packed = lz4_flex::block::compress_prepend_size(&bytes);
        std::fs::write(folder.join(format!("{file}.lz4")), packed).expect("the golden files can be written");
    }
    Ok(())
}

/// A file of the golden store.
fn stored(file: &str) -> Vec<u8> {
    let packed = std::fs::read(golden(PRESENT).join(format!("{file}.lz4"))).expect("the golden store is there");
    lz4_flex::block::decompress_size_prepended(&packed).expect("it was packed so")
}

/// What the golden store holds.
fn expected() -> Reference {
    let mut expected = Reference::default();
    for commit in commits() {
        expected.commit(&commit).expect("the golden store has it");
    }
    expected.forget_ledger();
    expected
}

/// The runs that were stored before there was an index are found by it.
async fn are_indexed(store: &RedbStore) {
    for (owner, text, found) in [
        ("acme", "status = 'running'", Some(1)),
        ("acme", "workflow = 'helpdesk' and status = 'running'", Some(1)),
        ("other", "status = 'running'", None),
        ("other", "status = 'completed'", Some(2)),
    ] {
        let filter =
            RunFilter { filter: Some(Filter::parse(text, 0).expect("it is a filter")), ..RunFilter::default() };
        let runs = store.runs(&tenant(owner), &filter, None, 10).await.expect("a list").runs;
        let runs: Vec<_> = runs.iter().map(|run| run.run_id).collect();
        assert_eq!(runs, found.map(run_id).into_iter().collect::<Vec<_>>(), "{owner}: {text}");
    }
}

/// Power is lost at each operation of the first start of this release; the next start does what is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_an_older_release_outlives_a_crash_while_it_gets_its_index() {
    for position in 0.. {
        let disk = Disk::new(position + 3);
        for (number, file) in FILES.into_iter().enumerate() {
            let (place, bytes) = (disk.file(number), stored(file));
            place.set_len(bytes.len() as u64).unwrap();
            place.write(0, &bytes).unwrap();
            place.sync_data().unwrap();
        }
        let open = || RedbStore::open_with_backends(disk.file(0), disk.file(1), &RedbOptions::default());
        disk.set_fault(position, Fault::Crash);
        drop(open());
        let operations = disk.operations();
        disk.crash();
        let store = open().unwrap();
        expected().check(&store).await.unwrap();
        are_indexed(&store).await;
        if operations <= position {
            assert!(position > 10, "a start of {position} operations has no middle");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_of_all_releases_go_on() {
    if !golden(PRESENT).exists() && std::env::var_os("ABIDE_UPDATE_GOLDEN").is_some() {
        write(&golden(PRESENT)).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        std::fs::write(folder.path().join(file), stored(file)).unwrap();
    }
    let mut expected = expected();
    let store = RedbStore::open(folder.path()).unwrap();
    expected.check(&store).await.unwrap();
    // A table that the release did not have is there, and empty.
    assert_eq!(store.due_schedules(u64::MAX, None, 10).await.unwrap(), []);
    are_indexed(&store).await;
    let next = sample::step(&tenant("acme"), run_id(1), 5, 1);
    expected.commit(&next).unwrap();
    store.commit(next).await.unwrap();
    drop(store);
    expected.check(&RedbStore::open(folder.path()).unwrap()).await.unwrap();
}
