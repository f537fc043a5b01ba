//! A host that dies before or after any commit: afterwards the ledger is what the histories say, to the last unit of fuel.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_history::{RedbStore, Store};
use abide_model::{CallerId, Error, Json, RunRef, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::{IfRunning, StartRun};
use abide_runtime::{Host, HostConfig};
use abide_tests::{CostlyModel, FreezeAt, FreezingStore, copy_folder, guest};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::{check, fuel_of};

const PATIENCE: Duration = Duration::from_secs(60);
const IDS: [&str; 2] = ["one", "two"];

async fn open(root: &Path, store: Arc<dyn Store>) -> Host {
    // One seat: each guest has to leave for the other.
    let config = HostConfig { max_resident: 1, ..HostConfig::new(root.join("cache")) };
    Host::open(config, store, Arc::new(CostlyModel::default()), Arc::new(SystemClock)).await.unwrap()
}

/// Two runs of three questions. Who had no answer asks again.
async fn work(host: &Host) -> Result<(), Error> {
    let tenant = Tenant::default();
    for id in IDS {
        let start = StartRun {
            id: CallerId::parse(id).ok(),
            input: Json::from(&json!({ "asks": 3, "model": "costly/small", "work": 200 })),
            if_running: IfRunning::Use,
            id_reuse: abide_model::IdReuse::Reject,
            ..StartRun::of(WorkflowName::parse("spender").unwrap())
        };
        match host.start(&tenant, start).await {
            Err(error) if error.code != abide_model::ErrorCode::RunIdUsed => return Err(error),
            _ => {}
        }
    }
    for id in IDS {
        host.result(&tenant, &RunRef::parse(id).unwrap(), PATIENCE).await?;
    }
    Ok(())
}

#[test]
fn the_ledger_is_exact_whenever_the_host_dies() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let template = root.join("template");
    Runtime::new().unwrap().block_on(async {
        let host = open(root, Arc::new(RedbStore::open(&template).unwrap())).await;
        host.deploy(&Tenant::default(), &WorkflowName::parse("spender").unwrap(), guest("spender")).await.unwrap();
        host.shutdown().await;
    });
    let mut number = 0;
    loop {
        number += 1;
        let mut any = false;
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let place = freeze.to_string();
            let data = copy_folder(&template, &root.join(place.replace(':', "-"))).unwrap();
            let runtime = Runtime::new().unwrap();
            any |= runtime.block_on(async {
                let store = Arc::new(FreezingStore::new(Arc::new(RedbStore::open(&data).unwrap()), Some(freeze)));
                let host = open(root, store.clone()).await;
                tokio::select! {
                    () = store.freezes() => {}
                    done = work(&host) => done.unwrap(),
                }
                store.is_frozen()
            });
            runtime.shutdown_timeout(PATIENCE);
            Runtime::new().unwrap().block_on(async {
                let store = Arc::new(RedbStore::open(&data).unwrap());
                check(&*store, &Tenant::default(), &format!("{place}, dead")).await;
                let host = open(root, store.clone()).await;
                work(&host).await.unwrap();
                let mut fuel = 0;
                for id in IDS {
                    fuel += fuel_of(&host, &Tenant::default(), &RunRef::parse(id).unwrap()).await;
                }
                host.shutdown().await;
                let all = check(&*store, &Tenant::default(), &place).await;
                assert_eq!((all.runs, all.calls, all.outcomes), (2, 6, 6), "{place}");
                assert_eq!(all.fuel, fuel, "{place}: fuel counts once");
            });
        }
        if !any {
            break;
        }
    }
    println!("{} commits", number - 1);
    assert!(number > 6, "{number} commits mean something");
}
