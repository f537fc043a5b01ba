//! Crashes and failing disks. A workload is run again and again; each time another write, sync or change of length of the disk
//! is the one at which power is lost or an error comes. Then the store is opened again, and must hold all that was
//! acknowledged, and of what was not, each change wholly or not at all; and it must go on working.
//!
//! The seed is printed; `ABIDE_SEED=n` gives other ones.

use std::sync::Arc;

use abide_history::conformance::sample::{self, json, run_id, tenant};
use abide_history::{Commit, KeyUse, RedbOptions, RedbStore, RunTimer, Store, StoreError};
use abide_model::{Digest, RecordedRequest, Request, Seq};

use crate::disk::{Disk, Fault, Random};
use crate::reference::Reference;

/// Small, so that the database is made durable several times within the workload.
const OPTIONS: RedbOptions = RedbOptions { cache_bytes: 1 << 20, log_bytes: 6 << 10, keyring: None };

/// With how many seeds each position is tried: a crash leaves something else behind with each.
const SEEDS: u64 = 4;

fn open(disk: &Disk) -> Result<RedbStore, StoreError> {
    RedbStore::open_with_backends(disk.file(0), disk.file(1), &OPTIONS)
}

/// Changes that are made at the same time, each of another run; then the next ones.
fn workload() -> Vec<Vec<Commit>> {
    let (acme, other) = (tenant("acme"), tenant("b"));
    let runs = [0, 1, 2].map(|number| sample::run(run_id(number), &format!("ticket-{number}")));
    let again = sample::run(run_id(9), "ticket-0");
    let mut rounds = vec![
        vec![sample::start(&acme, &runs[0])],
        vec![sample::start(&acme, &runs[1]), sample::start(&other, &runs[2])],
    ];
    let mut chat = Request::new(json("{\"model\":\"m\"}"));
    for step in 0..6u32 {
        let length = 1 + 2 * Seq::from(step);
        let mut first = sample::step(&acme, runs[0].run_id, length, step);
        first.timers_set = vec![RunTimer { due_ms: 1000 + u64::from(step), call: step }];
        if step > 0 {
            first.timers_cleared = vec![RunTimer { due_ms: 999 + u64::from(step), call: step - 1 }];
        }
        first.ready = Some(step % 2 == 0);

        chat.messages.push(json(&format!("\"message {step} {}\"", "word ".repeat(30))));
        let mut second = Commit::new(acme.clone(), runs[1].run_id, length);
        let recorded = RecordedRequest::with_nodes(&chat, |digest, node| second.nodes.push((digest, node)));
        let key = format!("key-{step}");
        second.events = vec![sample::requested(length, step, recorded), sample::signal(length + 1, "more", Some(&key))];
        second.key = Some((key.clone(), KeyUse { digest: Digest::of(key.as_bytes()), seq: length + 1 }));
        second.published = vec![("progress".into(), json(&step.to_string()))];

        let third = sample::step(&other, runs[2].run_id, length, step);
        rounds.extend([vec![first], vec![second, third]]);
    }
    // Larger than the log.
    let mut large = Commit::new(acme.clone(), runs[1].run_id, 13);
    let mut random = Random(1);
    let noise: String = (0..20_000).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
    large.events = vec![sample::completed(13, 5, &format!("\"{noise}\""))];
    rounds.push(vec![large]);
    let mut end = sample::end(&acme, &runs[0], 13);
    end.timers_cleared = vec![RunTimer { due_ms: 1005, call: 5 }];
    rounds.push(vec![end, sample::end(&other, &runs[2], 13)]);
    rounds.push(vec![sample::start(&acme, &again)]);
    rounds.push(vec![sample::step(&acme, again.run_id, 1, 0)]);
    rounds
}

/// What is known of the store: what it acknowledged, and what it did not answer, or with an error.
#[derive(Default)]
struct Known {
    acknowledged: Reference,
    unsure: Vec<Commit>,
}

/// Runs the workload until something fails.
async fn run(store: Arc<RedbStore>, rounds: &[Vec<Commit>], known: &mut Known) {
    for round in rounds {
        let mut tasks = tokio::task::JoinSet::new();
        for commit in round.iter().cloned() {
            let store = Arc::clone(&store);
            tasks.spawn(async move { (store.commit(commit.clone()).await, commit) });
        }
        for (result, commit) in tasks.join_all().await {
            match result {
                Ok(()) => known.acknowledged.commit(&commit).expect("the workload makes no mistakes"),
                Err(StoreError::Unavailable(_)) => known.unsure.push(commit),
                Err(other) => panic!("a disk that fails is not {other:?}"),
            }
        }
        if !known.unsure.is_empty() {
            assert!(matches!(store.failed(), Some(StoreError::Unavailable(_))), "it knows that it failed");
            let late = store.commit(Commit::new(tenant("acme"), run_id(0), 1)).await;
            assert!(matches!(late, Err(StoreError::Unavailable(_))), "it stays failed: {late:?}");
            return;
        }
    }
}

/// Finds out which of the changes that were not acknowledged are there, and compares the rest.
async fn check(store: &RedbStore, known: &mut Known) -> Result<(), StoreError> {
    for commit in known.unsure.drain(..) {
        let length = store.length(&commit.tenant, commit.run_id).await?;
        if length != known.acknowledged.length(&commit.tenant, commit.run_id) {
            known.acknowledged.commit(&commit).expect("the workload makes no mistakes");
        }
    }
    known.acknowledged.check(store).await
}

/// One run of the workload, with a fault at `position`. Gives how many operations there were.
async fn scenario(seed: u64, position: u64, fault: Fault) -> Result<u64, StoreError> {
    let mut random = Random(seed ^ position.wrapping_mul(0x1234_5677));
    let disk = Disk::new(random.next());
    // A new database is made under another name, and has its own only when it is whole: so it is whole here.
    drop(open(&disk)?);
    disk.set_fault(position, fault);
    let mut known = Known::default();
    let rounds = workload();
    match open(&disk) {
        Ok(store) => run(Arc::new(store), &rounds, &mut known).await,
        Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
    }
    let operations = disk.operations();
    // The store has been dropped, which may have written more. A process that ends leaves the machine running or not.
    if fault == Fault::Crash || random.coin() {
        disk.crash();
    } else {
        disk.restart();
    }
    // Now and then, the next start does not come through either.
    for _ in 0..random.below(3) {
        disk.set_fault(random.below(12), fault);
        drop(open(&disk));
        disk.crash();
    }
    let store = open(&disk)?;
    check(&store, &mut known).await?;
    // It goes on: what is missing of the workload is made good, and is there after another start.
    for commit in rounds.iter().flatten() {
        let expected = known.acknowledged.commit(commit);
        assert_eq!(store.commit(commit.clone()).await, expected);
    }
    known.acknowledged.check(&store).await?;
    drop(store);
    disk.crash();
    known.acknowledged.check(&open(&disk)?).await?;
    Ok(operations)
}

fn everywhere(fault: Fault) {
    let seed = std::env::var("ABIDE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.expect("a test can have threads");
    for seed in seed..seed + SEEDS {
        let mut position = 0;
        loop {
            println!("ABIDE_SEED={seed}: {fault:?} at operation {position}");
            let result = runtime.block_on(scenario(seed, position, fault));
            let operations = result.unwrap_or_else(|error| panic!("{fault:?} at operation {position}: {error}"));
            position += 1;
            if operations < position {
                break;
            }
        }
        assert!(position > 100, "the workload is long enough to mean something, not {position} operations");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_power_is() {
    everywhere(Fault::Crash);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_disk_fails_once() {
    everywhere(Fault::Error);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_disk_fails_for_good() {
    everywhere(Fault::Broken);
}
