//! Sealed rows, from outside: what stands in the files, what a start says that does not have the keys, and what is left after an erasure.

use std::path::Path;
use std::sync::Arc;

use abide_history::conformance::{fill, sample};
use abide_history::{Keyring, MasterKey, MasterKeys, RedbOptions, RedbStore, RunFilter, Store, StoreError};
use redb::{ReadableDatabase, ReadableTable, TableDefinition, TableHandle};

/// What nobody may find in a file.
const CANARY: &str = "canary-7f3a9c-in-a-coal-mine";

fn masters() -> MasterKeys {
    MasterKeys::new(MasterKey::generate().unwrap())
}

fn open(folder: &Path, masters: Option<&MasterKeys>, payloads: bool) -> Result<Arc<dyn Store>, StoreError> {
    let keyring = Keyring::open(folder, masters.cloned(), payloads)?;
    let store = RedbStore::open_with(folder, &RedbOptions { keyring: Some(keyring), ..RedbOptions::default() })?;
    Ok(Arc::new(store))
}

/// The files of the store that have `text`.
fn found(folder: &Path, text: &str) -> Vec<String> {
    let files = ["history.redb", "history.wal"].into_iter();
    let has = |name: &&str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.filter(has).map(str::to_owned).collect()
}

/// How many rows of all tables begin with the name of a tenant.
fn rows_of(folder: &Path, tenant: &str) -> Vec<(String, usize)> {
    let database = redb::Database::open(folder.join("history.redb")).unwrap();
    let transaction = database.begin_read().unwrap();
    let beginning = [tenant.as_bytes(), &[0]].concat();
    let count = |table: &str| {
        let definition: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new(table);
        let table = transaction.open_table(definition).unwrap();
        table.iter().unwrap().filter(|row| row.as_ref().unwrap().0.value().starts_with(&beginning)).count()
    };
    let names = transaction.list_tables().unwrap().map(|table| table.name().to_owned());
    names.map(|name| (name.clone(), count(&name))).collect()
}

#[tokio::test]
async fn what_runs_say_is_in_no_file() {
    let (acme, masters) = (sample::tenant("acme"), masters());
    for payloads in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), Some(&masters), payloads).unwrap();
        fill(&store, &acme, CANARY).await.unwrap();
        let files = found(folder.path(), CANARY);
        assert_eq!(files.is_empty(), payloads, "while it runs: {files:?}");
        drop(store);
        let files = found(folder.path(), CANARY);
        assert_eq!(files.is_empty(), payloads, "after it stopped: {files:?}");
    }
}

#[tokio::test]
async fn rows_from_before_stay_readable_and_are_sealed_when_they_change() {
    let (acme, masters) = (sample::tenant("acme"), masters());
    let folder = tempfile::tempdir().unwrap();
    fill(&open(folder.path(), None, false).unwrap(), &acme, "before").await.unwrap();
    let store = open(folder.path(), Some(&masters), true).unwrap();
    let run = sample::run(sample::run_id(1), "ticket-1");
    store.commit(sample::step(&acme, run.run_id, 2, 0)).await.unwrap();
    drop(store);
    // Sealing is off again: what is sealed is read, and what is written is plain.
    let store = open(folder.path(), Some(&masters), false).unwrap();
    store.commit(sample::step(&acme, run.run_id, 4, 1)).await.unwrap();
    assert_eq!(store.events(&acme, run.run_id, 0, 100).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_start_without_the_keys_says_what_to_do() {
    let (acme, masters) = (sample::tenant("acme"), masters());
    let folder = tempfile::tempdir().unwrap();
    fill(&open(folder.path(), Some(&masters), true).unwrap(), &acme, CANARY).await.unwrap();
    let refused =
        |masters: Option<&MasterKeys>| open(folder.path(), masters, true).map(|_| ()).unwrap_err().to_string();
    assert!(refused(None).contains("set `[encryption]`"), "{}", refused(None));
    let other = self::masters();
    assert!(refused(Some(&other)).contains(&masters.current.id()), "{}", refused(Some(&other)));
    // The file of the key is lost: no new one takes its place, and the store goes on for the others.
    std::fs::remove_file(folder.path().join("keys/acme.json")).unwrap();
    let store = open(folder.path(), Some(&masters), true).unwrap();
    let lost = store.run(&acme, sample::run_id(1)).await.unwrap_err();
    assert!(lost.to_string().contains("restore `keys/acme.json`"), "{lost}");
    let late = store.commit(sample::start(&acme, &sample::run(sample::run_id(9), "late"))).await.unwrap_err();
    assert!(matches!(late, StoreError::Sealed(_)), "{late:?}");
    fill(&store, &sample::tenant("globex"), "fine").await.unwrap();
    assert_eq!(store.failed(), None);
}

/// A backup of the two files without the key is of no use, and the live files have no row.
#[tokio::test]
async fn an_erased_tenant_cannot_be_read_in_a_backup_either() {
    let (acme, globex, masters) = (sample::tenant("acme"), sample::tenant("globex"), masters());
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Some(&masters), true).unwrap();
    fill(&store, &acme, CANARY).await.unwrap();
    fill(&store, &globex, "others").await.unwrap();
    drop(store);
    let backup = tempfile::tempdir().unwrap();
    for file in ["history.redb", "history.wal"] {
        std::fs::copy(folder.path().join(file), backup.path().join(file)).unwrap();
    }
    let wrapped = std::fs::read_to_string(folder.path().join("keys/acme.json")).unwrap();
    let store = open(folder.path(), Some(&masters), true).unwrap();
    store.erase(&acme).await.unwrap();
    drop(store);
    assert!(!folder.path().join("keys/acme.json").exists());
    for (table, rows) in rows_of(folder.path(), "acme") {
        assert_eq!(rows, 0, "{table}");
    }
    let left = rows_of(folder.path(), "globex");
    assert!(left.iter().filter(|(_, rows)| *rows > 0).count() >= 14, "{left:?}");
    let wrapped: serde_json::Value = serde_json::from_str(&wrapped).unwrap();
    for text in [CANARY, wrapped["wrapped"].as_str().unwrap()] {
        assert_eq!(found(folder.path(), text), [""; 0], "{text}");
    }
    // The backup, with the keys of today.
    std::fs::create_dir(backup.path().join("keys")).unwrap();
    std::fs::copy(folder.path().join("keys/globex.json"), backup.path().join("keys/globex.json")).unwrap();
    let store = open(backup.path(), Some(&masters), true).unwrap();
    assert_eq!(store.runs(&globex, &RunFilter::default(), None, 10).await.unwrap().runs.len(), 4);
    for number in 1..=4 {
        let events = store.events(&acme, sample::run_id(number), 0, 10).await;
        assert!(matches!(events, Err(StoreError::Sealed(_))), "{events:?}");
    }
}

/// The host dies after the key is destroyed and before the rows are gone: what is left is removed by asking again.
#[tokio::test]
async fn an_erasure_that_was_cut_short_is_finished() {
    let (acme, masters) = (sample::tenant("acme"), masters());
    let folder = tempfile::tempdir().unwrap();
    fill(&open(folder.path(), Some(&masters), true).unwrap(), &acme, CANARY).await.unwrap();
    std::fs::remove_file(folder.path().join("keys/acme.json")).unwrap();
    let store = open(folder.path(), Some(&masters), true).unwrap();
    store.erase(&acme).await.unwrap();
    drop(store);
    assert!(rows_of(folder.path(), "acme").iter().all(|(_, rows)| *rows == 0));
}
