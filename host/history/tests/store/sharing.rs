//! Tenants that share the thread that writes, and the turns to compute.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_fair::{Ask, Charge, Slots};
use abide_history::conformance::sample::{json, tenant};
use abide_history::{RedbStore, Store, StoreShare, UploadedTool};
use abide_model::Digest;
use tokio::task::JoinHandle;

/// Longer than what a task may write by itself.
const LARGE: usize = 200 << 10;
const SMALL: usize = 10;
/// How long what must not happen is waited for.
const A_WHILE: Duration = Duration::from_millis(200);

/// A store with two tenants that have turns, as 1 and 2.
fn open(folder: &Path, turns: &Slots<u64>) -> Arc<RedbStore> {
    let store = RedbStore::open(folder).unwrap();
    for (name, number) in [("acme", 1), ("globex", 2)] {
        store.share(&tenant(name), StoreShare { weight: 100, turns: Some((turns.clone(), number)) });
    }
    Arc::new(store)
}

/// Makes a change of about so many bytes.
async fn put(store: Arc<RedbStore>, owner: &'static str, name: &'static str, size: usize) {
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(size)
    .collect();
    let tool = UploadedTool {
        name: name.to_owned(),
        version: Digest::of(&noise),
        uploaded_ms: 0,
        size_bytes: size as u64,
        settings: json("{}"),
    };
    store.put_tool(&tenant(owner), tool, noise.into()).await.unwrap();
}

/// A change of the tenant 1 that waits for its turn, since the tenant 2 is about.
async fn one_that_waits(store: &Arc<RedbStore>, turns: &Slots<u64>, name: &'static str) -> JoinHandle<()> {
    drop(turns.take(Ask::one(2, 100)).await);
    let waits = tokio::spawn(put(store.clone(), "acme", name, LARGE));
    tokio::time::sleep(A_WHILE).await;
    assert!(!waits.is_finished());
    waits
}

async fn names(store: &RedbStore, owner: &str) -> Vec<String> {
    store.tools(&tenant(owner)).await.unwrap().into_iter().map(|tool| tool.name).collect()
}

#[tokio::test]
async fn a_change_is_written_in_a_turn_of_its_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let turns = Slots::keeping_one(2, Charge::Time);
    let store = open(folder.path(), &turns);
    let turn = turns.take(Ask::one(1, 100)).await;
    // It is alone.
    put(store.clone(), "acme", "first", LARGE).await;
    let waits = one_that_waits(&store, &turns, "second").await;
    assert_eq!(names(&store, "acme").await, ["first"]);
    // The other one's are not held up by it, whatever their size: they are written in its own turn, and what waits is taken along.
    for (name, size) in [("small", SMALL), ("large", LARGE)] {
        put(store.clone(), "globex", name, size).await;
    }
    waits.await.unwrap();
    assert_eq!(names(&store, "globex").await.len(), 2);
    assert_eq!(turns.used_by(&1), 1);
    let waits = one_that_waits(&store, &turns, "third").await;
    drop(turn);
    waits.await.unwrap();
    assert_eq!(names(&store, "acme").await, ["first", "second", "third"]);
    assert_eq!((turns.used_by(&1), turns.waiting()), (0, 0));
}

#[tokio::test]
async fn a_store_that_is_closed_waits_for_no_turn() {
    let folder = tempfile::tempdir().unwrap();
    let turns = Slots::keeping_one(2, Charge::Time);
    let store = open(folder.path(), &turns);
    let turn = turns.take(Ask::one(1, 100)).await;
    let waits = one_that_waits(&store, &turns, "late").await;
    waits.abort();
    assert!(waits.await.unwrap_err().is_cancelled());
    drop(store);
    assert_eq!(names(&RedbStore::open(folder.path()).unwrap(), "acme").await, ["late"]);
    drop(turn);
}
