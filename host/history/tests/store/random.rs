//! Random changes, good and bad, many at a time, with the store opened again now and then: after each round it holds what the
//! reference holds. The seed is printed; `ABIDE_SEED=n` gives another one.

use std::sync::Arc;

use abide_history::conformance::sample::{self, json, run_id, tenant};
use abide_history::{Commit, ForkOf, KeyUse, Metered, RedbOptions, RedbStore, RunTimer, Store as _};
use abide_model::{Digest, IdReuse, RecordedRequest, Request, Run, RunStatus};

use crate::disk::{Disk, Random};
use crate::reference::Reference;

const ROUNDS: u64 = 100;

/// A run; those whose numbers are 8 apart have one id.
fn run_of(number: u64) -> Run {
    let mut run = sample::run(run_id(number), &format!("ticket-{}", number % 8));
    run.attributes = json(&format!("{{\"third\": {}}}", number % 3)).read().expect("they are attributes");
    run
}

/// A change of one of a few runs; about one in five is refused.
fn change(random: &mut Random, reference: &Reference) -> Commit {
    let tenant = tenant(["acme", "acme-2"][random.below(2) as usize]);
    let number = random.below(12);
    let id = run_id(number);
    let length = reference.length(&tenant, id);
    let wrong = random.below(10) == 0;
    let expected = if wrong { random.below(length + 3) } else { length };
    let run = run_of(number);
    if expected == 0 {
        let id_reuse = [IdReuse::Allow, IdReuse::AllowAfterFailure, IdReuse::Reject][random.below(3) as usize];
        let start = Commit { id_reuse, ..sample::start(&tenant, &run) };
        // Of a run that may be gone.
        let of = run_id(random.below(12));
        return match random.coin() && of != id {
            true => {
                let cut = 1 + random.below(reference.length(&tenant, of).max(1));
                Commit { fork: Some(ForkOf { run_id: of, cut }), ..start }
            }
            false => start,
        };
    }
    if random.below(30) == 0 {
        let mut end = sample::end(&tenant, &run, expected);
        if random.coin() {
            end.run = Some(Run { status: RunStatus::Failed, ..sample::closed(&run) });
        }
        // The one that has the same id.
        if number < 4 && random.coin() {
            end.successor = Some(Box::new(sample::start(&tenant, &run_of(number + 8))));
        }
        return end;
    }
    let call = random.below(4) as u32;
    let mut commit = sample::step(&tenant, id, expected, call);
    let timer = |random: &mut Random| RunTimer { due_ms: random.below(50), call: random.below(4) as u32 };
    for _ in 0..random.below(3) {
        commit.timers_set.push(timer(random));
        commit.timers_cleared.push(timer(random));
    }
    if random.coin() {
        commit.ready = Some(random.coin());
    }
    if random.coin() {
        commit.published = vec![(format!("name-{}", random.below(3)), json(&random.next().to_string()))];
    }
    if random.coin() {
        let key = format!("key-{}", random.below(50));
        let used = KeyUse { digest: Digest::of(key.as_bytes()), seq: expected };
        // A key is used once in the life of a run.
        if !reference.has_key(&tenant, id, &key) {
            commit.events.push(sample::signal(expected + 2, "more", Some(&key)));
            commit.key = Some((key, used));
        }
    }
    if random.coin() {
        let messages = (0..random.below(6)).map(|n| json(&n.to_string())).collect();
        let chat = Request { head: json("{\"model\":\"m\"}"), messages };
        let recorded = RecordedRequest::with_nodes(&chat, |digest, node| commit.nodes.push((digest, node)));
        commit.events.push(sample::requested(expected + commit.events.len() as u64, 7, recorded));
    }
    if random.coin() {
        let time_ms = 1_700_000_000_000 + random.below(3) * 86_400_000;
        commit.ledger =
            Some(Metered { time_ms, fuel: 1 + random.below(1000), resident_ms: 7, settled: Some(expected) });
    }
    if random.below(8) == 0 {
        commit.events.clear();
        commit.key = None;
    }
    commit
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_does_what_the_reference_does() {
    let seed = std::env::var("ABIDE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    println!("ABIDE_SEED={seed}");
    let mut random = Random(seed);
    let disk = Disk::new(random.next());
    let options = RedbOptions { log_bytes: 16 << 10, ..RedbOptions::default() };
    let open = || RedbStore::open_with_backends(disk.file(0), disk.file(1), &options).unwrap();
    let mut reference = Reference::default();
    let (mut accepted, mut refused, mut deleted, mut forked) = (0, 0, 0, 0);
    let mut store = Arc::new(open());
    for round in 0..ROUNDS {
        // Queued in this order, and written in it; their tasks may hear in any.
        let mut waiting = Vec::new();
        for _ in 0..1 + random.below(20) {
            let commit = change(&mut random, &reference);
            let expected = reference.commit(&commit);
            match expected {
                Ok(()) => {
                    accepted += 1;
                    forked += usize::from(commit.fork.is_some());
                }
                Err(_) => refused += 1,
            }
            let store = Arc::clone(&store);
            let mut future = Box::pin(async move { store.commit(commit).await });
            let first = std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context))).await;
            waiting.push((first, future, expected));
        }
        for (first, future, expected) in waiting {
            let answer = match first {
                std::task::Poll::Ready(answer) => answer,
                std::task::Poll::Pending => future.await,
            };
            assert_eq!(answer, expected, "round {round}");
        }
        if random.below(3) == 0 {
            let (owner, number) = (tenant(["acme", "acme-2"][random.below(2) as usize]), random.below(12));
            if reference.delete(&owner, run_id(number)) {
                store.delete(&owner, run_id(number)).await.unwrap();
                deleted += 1;
            }
        }
        reference.check(&*store).await.unwrap();
        if random.below(6) == 0 {
            drop(store);
            disk.crash();
            store = Arc::new(open());
            reference.check(&*store).await.unwrap();
        }
    }
    assert!(accepted > 200 && refused > 20, "{accepted} accepted and {refused} refused mean something");
    assert!(deleted > 3 && forked > 3, "{deleted} deleted and {forked} forked mean something");
}
