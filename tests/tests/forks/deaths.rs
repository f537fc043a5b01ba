//! A host that dies before or after any commit while forks are made and run: afterwards each is there once, and each call of each was
//! performed under one key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_history::{RedbStore, RunFilter, Store};
use abide_model::{CallerId, Error, Json, Outcome, RunRef, RunStatus, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::{ForkRun, Forked, StartRun};
use abide_runtime::{Host, HostConfig};
use abide_tests::{FreezeAt, FreezingStore, ScriptedPerformer, copy_folder, guest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{at, ok, tale};

const PATIENCE: Duration = Duration::from_secs(60);

async fn open(root: &Path, store: Arc<dyn Store>, performer: &ScriptedPerformer) -> Host {
    let config = HostConfig::new(root.join("cache"));
    Host::open(config, store, Arc::new(performer.clone()), Arc::new(SystemClock)).await.unwrap()
}

fn origin() -> RunRef {
    RunRef::parse("tale").unwrap()
}

/// A folder with a run that has ended.
fn prepare(root: &Path, template: &Path) {
    Runtime::new().unwrap().block_on(async {
        let host = open(root, Arc::new(RedbStore::open(template).unwrap()), &ScriptedPerformer::echoing()).await;
        let (tenant, workflow) = (Tenant::default(), WorkflowName::parse("teller").unwrap());
        host.deploy(&tenant, &workflow, guest("teller")).await.unwrap();
        let start = StartRun {
            id: CallerId::parse("tale").ok(),
            input: Json::from(&tale(3, "nothing")),
            ..StartRun::of(workflow)
        };
        host.start(&tenant, start).await.unwrap();
        host.result(&tenant, &origin(), PATIENCE).await.unwrap();
        host.shutdown().await;
    });
}

/// Makes three forks with another outcome, and waits for them.
async fn work(host: &Host) -> Result<Forked, Error> {
    let tenant = Tenant::default();
    let outcome = Some(ok(&json!({ "structured": { "step": "other" } })));
    let fork = ForkRun { outcome, id: CallerId::parse("f").ok(), times: Some(3), ..at(4) };
    let forked = host.fork(&tenant, &origin(), fork).await?;
    for fork in &forked.forks {
        host.result(&tenant, &RunRef::Run(fork.run.run_id), PATIENCE).await?;
    }
    Ok(forked)
}

fn look(performer: &ScriptedPerformer, rows: &[abide_model::Run], freeze: FreezeAt) {
    let ids: BTreeSet<_> = rows.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(ids, ["f-1", "f-2", "f-3", "tale"].into(), "{freeze}");
    assert_eq!(rows.len(), 4, "{freeze}: a fork is there twice");
    let races: BTreeSet<_> = rows.iter().filter_map(|run| run.fork_race).collect();
    assert_eq!(races.len(), 1, "{freeze}: one race");
    for run in rows {
        assert_eq!(run.status, RunStatus::Completed, "{freeze}: {run:?}");
        let answers = if run.forked_from.is_some() { json!([0, "other", 2]) } else { json!([0, 1, 2]) };
        let Some(Outcome::Ok(result)) = &run.outcome else { panic!("{freeze}: {run:?}") };
        assert_eq!(result.read::<Value>().unwrap()["answers"], answers, "{freeze}");
    }
    // Only the third call of each fork is performed: under its own key, and again where the host died in between.
    let mut calls: BTreeMap<String, u32> = BTreeMap::new();
    for (key, count) in performer.seen() {
        let (run, call) = key.split_once(':').unwrap();
        assert_eq!(call, "2", "{freeze}: {key}");
        assert!(rows.iter().any(|row| row.run_id.to_string() == run), "{freeze}: {key} is of no run");
        calls.insert(run.to_owned(), count);
    }
    assert_eq!(calls.len(), 3, "{freeze}");
    assert!(calls.values().all(|count| (1..=2).contains(count)), "{freeze}: {calls:?}");
}

#[test]
fn forks_are_made_once_whenever_the_host_dies() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    prepare(root, &root.join("template"));
    let mut number = 0;
    loop {
        number += 1;
        let mut any = false;
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let performer = ScriptedPerformer::echoing();
            let data = copy_folder(&root.join("template"), &root.join(freeze.to_string().replace(':', "-"))).unwrap();
            let runtime = Runtime::new().unwrap();
            any |= runtime.block_on(async {
                let store = Arc::new(FreezingStore::new(Arc::new(RedbStore::open(&data).unwrap()), Some(freeze)));
                let host = open(root, store.clone(), &performer).await;
                tokio::select! {
                    () = store.freezes() => {}
                    done = work(&host) => drop(done.unwrap()),
                }
                store.is_frozen()
            });
            // The death of the host: whatever waits for a commit never hears of it.
            runtime.shutdown_timeout(PATIENCE);
            Runtime::new().unwrap().block_on(async {
                let host = open(root, Arc::new(RedbStore::open(&data).unwrap()), &performer).await;
                // Whoever asked had no answer, and asks again.
                let forked = work(&host).await.unwrap();
                let rows = host.runs(&Tenant::default(), &RunFilter::default(), None, 100).await.unwrap().runs;
                look(&performer, &rows, freeze);
                // Then the run goes, and the forks stay what they are.
                host.delete(&Tenant::default(), &origin()).await.unwrap();
                for fork in &forked.forks {
                    let run = RunRef::Run(fork.run.run_id);
                    let report = host.replay(&Tenant::default(), &run, None).await.unwrap();
                    assert_eq!(report.verdict, abide_runtime::view::ReplayVerdict::Identical, "{freeze}");
                }
                host.shutdown().await;
            });
        }
        if !any {
            break;
        }
    }
    println!("{} commits", number - 1);
    assert!(number > 6, "{number} commits mean something");
}
