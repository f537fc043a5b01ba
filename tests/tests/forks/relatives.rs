//! Forks of forks, children, and what is left when a run is deleted that has forks.

use std::path::Path;

use abide_model::{ErrorCode, RunRef, RunStatus};
use abide_runtime::view::ForkRun;
use abide_tests::ScriptedPerformer;
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn forks_of_forks_are_one_tree() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(4, "signal")).await;
    local.until_length(&run, 10).await;
    let said = |text: &str| Some(ok(&json!({ "content": [{ "type": "text", "text": text }] })));
    let first = fork(&local, &run, ForkRun { outcome: said("a"), ..at(4) }).await;
    local.until_length(&first, 11).await;
    // Of what is the fork's own, and of what it shares.
    let second = fork(&local, &first, ForkRun { outcome: said("b"), ..at(9) }).await;
    let third = fork(&local, &first, ForkRun { outcome: said("c"), ..at(2) }).await;
    let fourth = fork(&local, &second, at(3)).await;
    let expected = [
        (&run, json!([0, 1, 2, 3])),
        (&first, json!([0, "a", 2, 3])),
        (&second, json!([0, "a", 2, "b"])),
        (&third, json!(["c", 1, 2, 3])),
        (&fourth, json!([0, 1, 2, 3])),
    ];
    for (run, answers) in &expected {
        local.signal(run, "go", json!(1)).await;
        assert_eq!(result(&local, run).await["answers"], *answers);
        replays(&local, run).await;
    }
    let root = row(&local, &run).await.run_id;
    for run in [&run, &fourth] {
        let tree = local.host.forks(&local.tenant, run, None, 10).await.unwrap();
        assert_eq!((tree.root, tree.root_run.unwrap().run_id, tree.forks.len()), (root, root, 4));
    }
    let mut page = local.host.forks(&local.tenant, &first, None, 3).await.unwrap();
    let rest = local.host.forks(&local.tenant, &first, page.next, 3).await.unwrap();
    page.forks.extend(rest.forks);
    assert_eq!((page.forks.len(), rest.next), (4, None));
    let mut from: Vec<_> = page.forks.iter().map(|fork| fork.forked_from.unwrap().run_id).collect();
    from.sort();
    let mut expected = Vec::new();
    for run in [&run, &first, &first, &second] {
        expected.push(row(&local, run).await.run_id);
    }
    expected.sort();
    assert_eq!(from, expected);
}

#[tokio::test]
async fn a_fork_outlives_the_run_that_it_was_forked_from() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", json!({ "steps": 3, "large": 2000, "then": "signal" })).await;
    local.until_length(&run, 8).await;
    let first = fork(&local, &run, at(6)).await;
    local.until_length(&first, 9).await;
    let second = fork(&local, &first, at(9)).await;
    local.signal(&run, "go", json!(1)).await;
    local.result(&run).await;
    local.host.delete(&local.tenant, &run).await.unwrap();
    local.host.terminate(&local.tenant, &first, "").await.unwrap();
    local.host.delete(&local.tenant, &first).await.unwrap();
    let local = local.reopen(performer.clone()).await;
    for gone in [&run, &first] {
        let error = local.host.describe(&local.tenant, gone).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::RunNotFound);
        assert_eq!(try_fork(&local, gone, at(2)).await.unwrap_err().code, ErrorCode::RunNotFound);
    }
    let tree = local.host.forks(&local.tenant, &second, None, 10).await.unwrap();
    assert_eq!((tree.root_run, tree.forks.len()), (None, 1));
    // Its history is whole, with the requests, and it can be forked at any event of it.
    assert_eq!(asked(&local.history(&second).await)[0]["text"].as_str().map(str::len), Some(2000));
    let third = fork(&local, &second, at(2)).await;
    for run in [&second, &third] {
        local.signal(run, "go", json!("there")).await;
        assert_eq!(result(&local, run).await, json!({ "answers": [0, 1, 2], "last": "there" }));
        replays(&local, run).await;
    }
    for run in [&second, &third] {
        local.host.delete(&local.tenant, run).await.unwrap();
    }
    local
        .while_closed(performer, async |store| {
            let left = abide_history::Store::unfinished_deletions(store, 10).await.unwrap();
            assert_eq!(left, []);
        })
        .await;
}

/// A child that the run started before the cut is the fork's as well: both are given its result.
#[tokio::test]
async fn a_child_of_the_shared_history_is_awaited_by_both() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", tale(1, "child")).await;
    local.until_length(&run, 6).await;
    let early = fork(&local, &run, at(5)).await;
    let late = fork(&local, &run, at(6)).await;
    for fork in [&early, &late] {
        local.until_length(fork, 7).await;
        assert_eq!(row(&local, fork).await.parent, None);
    }
    // Nobody is in memory: the child tells them all the same.
    let local = local.reopen(performer).await;
    let child = RunRef::parse("the-child").unwrap();
    local.signal(&child, "go", json!(null)).await;
    for run in [&run, &early, &late] {
        assert_eq!(result(&local, run).await["last"], "grown");
        replays(&local, run).await;
    }
    let after = fork(&local, &run, at(6)).await;
    assert_eq!(result(&local, &after).await["last"], "grown", "it has ended already");
    // A run that is no relative has no part in it.
    assert_eq!(local.result(&child).await.status, RunStatus::Completed);
}

fn bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| entry.metadata().unwrap().len()).sum()
}

/// A hundred forks of a megabyte are not a hundred megabytes.
#[tokio::test]
async fn the_shared_history_is_stored_once() {
    let performer = ScriptedPerformer::echoing();
    let local = host(&performer).await;
    let run = local.start("teller", "tale", json!({ "steps": 20, "large": 60_000, "then": "signal" })).await;
    local.until_length(&run, 42).await;
    let size = |history: &[abide_runtime::view::HistoryEvent]| serde_json::to_string(history).unwrap().len();
    let whole = size(&local.history(&run).await);
    assert!(whole > 1_000_000, "{whole} bytes");
    let data = local.folder().join("data");
    let local = local.reopen(performer.clone()).await;
    let before = bytes(&data);
    assert!(before > 1_000_000, "{before} bytes on disk");
    let forked = try_fork(&local, &run, ForkRun { times: Some(100), ..at(42) }).await.unwrap();
    for fork in &forked.forks {
        let fork = RunRef::Run(fork.run.run_id);
        local.signal(&fork, "go", json!(1)).await;
        local.result(&fork).await;
    }
    assert!(size(&local.history(&RunRef::Run(forked.forks[99].run.run_id)).await) > 1_000_000);
    let local = local.reopen(performer).await;
    let added = bytes(&data) - before;
    println!("{whole} bytes of history, {before} on disk before, {added} for 100 forks");
    // The file grows by steps, however little comes.
    assert!(added < 10_000_000, "{added} bytes for 100 forks");
    drop(local);
}
