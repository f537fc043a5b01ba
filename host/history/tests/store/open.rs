//! Opening: who has the folder, what a start finds there, and what it says when that is not what it should be.

use std::path::Path;

use abide_history::conformance::sample::{self, run_id, tenant};
use abide_history::{RedbStore, RunFilter, Store, StoreError, Version};
use abide_model::{Digest, RecordedRequest};
use redb::{ReadableDatabase, ReadableTable, TableDefinition, TableHandle};

type Table<'n> = TableDefinition<'n, &'static [u8], &'static [u8]>;

fn database(folder: &Path) -> redb::Database {
    redb::Database::open(folder.join("history.redb")).expect("the store made it")
}

fn refused(folder: &Path) -> String {
    RedbStore::open(folder).expect_err("it cannot be opened").to_string()
}

#[test]
fn a_second_one_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = RedbStore::open(folder.path()).unwrap();
    let error = RedbStore::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error:?}");
    let expected = format!(
        "data folder `{}` is in use by another abide host: stop that one, or give this one a folder of its own",
        folder.path().display()
    );
    assert_eq!(error.to_string(), expected);
    drop(first);
    RedbStore::open(folder.path()).unwrap();
}

#[test]
fn a_folder_is_made_with_those_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b");
    drop(RedbStore::open(&deep).unwrap());
    drop(RedbStore::open(&deep).unwrap());
    let file = deep.join("history.redb");
    let error = refused(&file);
    assert!(error.contains("history.redb"), "{error}");
}

#[test]
fn a_database_whose_making_was_cut_short_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("history.redb.new"), [0; 5000]).unwrap();
    drop(RedbStore::open(folder.path()).unwrap());
    assert!(!folder.path().join("history.redb.new").exists());
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.redb");
    std::fs::write(&file, "my diary").unwrap();
    let error = refused(folder.path());
    assert!(error.contains(&folder.path().display().to_string()), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "my diary");
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(RedbStore::open(folder.path()).unwrap());
    let database = database(folder.path());
    let transaction = database.begin_write().unwrap();
    let meta: Table<'_> = TableDefinition::new("meta");
    transaction.open_table(meta).unwrap().insert(&b"format"[..], &2u32.to_be_bytes()[..]).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = refused(folder.path());
    assert!(error.contains("the file has format 2, this release knows format 1"), "{error}");
}

#[tokio::test]
async fn a_log_of_another_folder_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let acme = tenant("acme");
    for (folder, steps) in [(&one, 1), (&two, 5)] {
        let store = RedbStore::open(folder.path()).unwrap();
        let run = sample::run(run_id(1), "ticket");
        store.commit(sample::start(&acme, &run)).await.unwrap();
        drop(store);
        let store = RedbStore::open(folder.path()).unwrap();
        for step in 0..steps {
            store.commit(sample::step(&acme, run.run_id, 1 + 2 * step, 0)).await.unwrap();
        }
    }
    // The second log begins with record 2; the first database has been made durable with record 2 as well. A third folder
    // has nothing.
    let three = tempfile::tempdir().unwrap();
    drop(RedbStore::open(three.path()).unwrap());
    std::fs::copy(two.path().join("history.wal"), three.path().join("history.wal")).unwrap();
    let error = refused(three.path());
    assert!(error.contains("the two files are not of the same time"), "{error}");
}

/// A store with a row in each table.
async fn full(folder: &Path) -> Result<(), StoreError> {
    let store = RedbStore::open(folder)?;
    let acme = tenant("acme");
    let mut run = sample::run(run_id(1), "ticket");
    run.cancel_requested = true;
    let mut start = sample::start(&acme, &run);
    let request = abide_model::Request { head: sample::json("{}"), messages: vec![sample::json("1")] };
    let mut nodes = Vec::new();
    let recorded = RecordedRequest::with_nodes(&request, |digest, node| nodes.push((digest, node)));
    start.events.push(sample::requested(1, 0, recorded));
    start.nodes = nodes;
    start.timers_set = vec![abide_history::RunTimer { due_ms: 1, call: 1 }];
    start.published = vec![("state".into(), sample::json("1"))];
    start.key = Some(("key".into(), abide_history::KeyUse { digest: Digest::of(b"key"), seq: 0 }));
    store.commit(start).await?;
    let version = Version {
        workflow: sample::workflow("helpdesk"),
        version: Digest::of(b"component"),
        uploaded_ms: 1,
        size_bytes: 9,
        imports: Vec::new(),
        has_query: false,
        configuration: None,
        labels: abide_model::Labels::default(),
        deactivated_ms: None,
        manifest: None,
    };
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::new(store);
    let mut change = sample::versions_change(&store, &acme, &version.workflow).await?;
    change.routing.activate(version.version);
    change.component = Some((version.version, bytes::Bytes::from_static(b"component")));
    change.put.push(version);
    store.change_versions(change).await
}

/// Reads all that can be read. Gives the errors.
async fn read_all(store: &RedbStore) -> Vec<StoreError> {
    let acme = tenant("acme");
    let run = sample::run(run_id(1), "ticket");
    let request = abide_model::Request { head: sample::json("{}"), messages: vec![sample::json("1")] };
    let recorded = RecordedRequest::of(&request);
    let by_id = RunFilter { id: Some(run.id.clone()), ..RunFilter::default() };
    let by_status = RunFilter { status: Some(run.status), ..RunFilter::default() };
    let errors = [
        store.run(&acme, run.run_id).await.err(),
        store.latest_run(&acme, &run.id).await.err(),
        store.runs(&acme, &RunFilter::default(), None, 10).await.err(),
        store.runs(&acme, &by_id, None, 10).await.err(),
        store.runs(&acme, &by_status, None, 10).await.err(),
        store.unfinished_deletions(10).await.err(),
        store.length(&acme, run.run_id).await.err(),
        store.events(&acme, run.run_id, 0, 10).await.err(),
        store.request(&acme, run.run_id, &recorded).await.err(),
        store.published(&acme, run.run_id).await.err(),
        store.key(&acme, run.run_id, "key").await.err(),
        store.ready(None, 10).await.err(),
        store.due_timers(u64::MAX, 10).await.err(),
        store.next_timer().await.err(),
        store.routing(&acme, &run.workflow).await.err(),
        store.is_ready(&acme, run.run_id).await.err(),
        store.versions(&acme, None).await.err(),
        store.component(&acme, Digest::of(b"component")).await.err(),
        store.commit(sample::step(&acme, run.run_id, 2, 0)).await.err(),
        store.commit(sample::end(&acme, &run, 4)).await.err(),
        store.delete(&acme, run.run_id).await.err(),
    ];
    errors.into_iter().flatten().collect()
}

/// Each value of each table is changed in many ways: reading it gives what it can, or an error that names the row.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_rows_are_named_and_make_nothing_panic() {
    let folder = tempfile::tempdir().unwrap();
    full(folder.path()).await.unwrap();
    let database = database(folder.path());
    let transaction = database.begin_read().unwrap();
    let mut rows = Vec::new();
    for table in transaction.list_tables().unwrap().filter(|table| table.name() != "meta") {
        let definition: Table<'_> = TableDefinition::new(table.name());
        for row in transaction.open_table(definition).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            rows.push((table.name().to_owned(), key.value().to_vec(), value.value().to_vec()));
        }
    }
    drop((transaction, database));
    let tables: std::collections::BTreeSet<_> = rows.iter().map(|(table, ..)| table.clone()).collect();
    assert_eq!(tables.len(), 14, "there is a row in each of {tables:?}");
    for (table, key, value) in &rows {
        let damages = [
            (key.clone(), Vec::new()),
            (key.clone(), vec![0xff; value.len() + 1]),
            (key.clone(), [&value[..], &[0]].concat()),
            (key.clone(), value[..value.len() / 2].to_vec()),
            (key.clone(), value.iter().map(|byte| byte ^ 1).collect()),
            (key[..key.len() - 1].to_vec(), value.clone()),
            ([&key[..], &[7]].concat(), value.clone()),
        ];
        for (number, (damaged_key, damaged)) in damages.into_iter().enumerate() {
            let copy = tempfile::tempdir().unwrap();
            std::fs::copy(folder.path().join("history.redb"), copy.path().join("history.redb")).unwrap();
            let database = self::database(copy.path());
            let transaction = database.begin_write().unwrap();
            let definition: Table<'_> = TableDefinition::new(table);
            let mut opened = transaction.open_table(definition).unwrap();
            opened.remove(key.as_slice()).unwrap();
            opened.insert(damaged_key.as_slice(), damaged.as_slice()).unwrap();
            drop(opened);
            transaction.commit().unwrap();
            drop(database);
            let store = RedbStore::open(copy.path()).unwrap();
            for error in read_all(&store).await {
                match &error {
                    StoreError::Corrupt(text) => {
                        assert!(text.contains("row `acme"), "{table}, damage {number}: {error}");
                    }
                    StoreError::Conflict { .. } | StoreError::RunAlreadyOpen(_) => {}
                    // Where the damage kept the run from ending.
                    StoreError::Invalid(text) if text.contains("only one that has ended") => {}
                    other => panic!("{table}, damage {number}: {other:?}"),
                }
            }
            assert_eq!(store.failed(), None, "{table}, damage {number}: other runs go on");
        }
    }
}
