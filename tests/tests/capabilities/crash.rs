//! A host that dies before or after each of its commits: what was denied stays denied, what was allowed stays allowed, the guest sees what it sent,
//! and no original is kept on the way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_history::{RedbStore, Store};
use abide_model::{CallerId, Json, Manifest, Outcome, RunRef, SettingKind, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::{IfRunning, ReplayVerdict, StartRun, Upload};
use abide_runtime::{Host, HostConfig};
use abide_tests::{FreezeAt, FreezingStore, copy_folder, guest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::activities;
use crate::outside::Outside;

const PATIENCE: Duration = Duration::from_secs(60);
const ADDRESS: &str = "ada.lovelace@example.com";

fn tenant() -> Tenant {
    Tenant::parse("acme").unwrap()
}

fn run() -> RunRef {
    RunRef::parse("the-run").unwrap()
}

async fn open(root: &Path, store: Arc<dyn Store>, outside: &Outside) -> Host {
    let config = HostConfig::new(root.join("cache"));
    Host::open(config, store, Arc::new(activities(outside)), Arc::new(SystemClock)).await.unwrap()
}

/// A folder with a tenant, its grants, its rules and a version.
async fn prepare(root: &Path, template: &Path, outside: &Outside) {
    let host = open(root, Arc::new(RedbStore::open(template).unwrap()), outside).await;
    host.create_tenant(&tenant()).await.unwrap();
    let grants = json!({ "allow": ["llm:*", "tool:crm/lookup"] });
    host.put_setting(&tenant(), SettingKind::Grants, Json::from(&grants), None).await.unwrap();
    let rules = json!({ "rules": [{ "name": "pii", "do": "tokenise", "find": ["email"] }] });
    host.put_setting(&tenant(), SettingKind::Gateway, Json::from(&rules), None).await.unwrap();
    let manifest = Manifest::parse(r#"{"asks":["llm:house/*","tool:crm/lookup"]}"#).unwrap();
    let upload = Upload { manifest: Some(manifest), ..Upload::default() };
    host.upload(&tenant(), &WorkflowName::parse("asker").unwrap(), guest("asker"), upload).await.unwrap();
    host.shutdown().await;
}

async fn work(host: &Host) -> abide_model::Run {
    let steps = json!([
        { "join": { "parts": ["ada.lovelace", "@", "example.com"], "quiet": false } },
        { "tool": ["crm", "remove", {}] },
        { "tool": ["crm", "lookup", { "n": 1 }] },
    ]);
    let start = StartRun {
        id: CallerId::parse("the-run").ok(),
        input: Json::from(&steps),
        if_running: IfRunning::Use,
        ..StartRun::of(WorkflowName::parse("asker").unwrap())
    };
    if host.describe(&tenant(), &run()).await.is_err() {
        host.start(&tenant(), start).await.unwrap();
    }
    host.result(&tenant(), &run(), PATIENCE).await.unwrap()
}

async fn look(host: &Host, freeze: FreezeAt) {
    let row = work(host).await;
    let Some(Outcome::Ok(result)) = &row.outcome else { panic!("{freeze}: {row:?}") };
    let result: Vec<Value> = result.read().unwrap();
    assert!(result[0]["ok"].as_str().unwrap().contains(ADDRESS), "{freeze}: {result:?}");
    assert_eq!(result[1]["failed"], "denied", "{freeze}");
    assert!(result[2]["ok"].is_object(), "{freeze}: {result:?}");
    host.put_setting(&tenant(), SettingKind::Grants, Json::from(&json!({})), None).await.unwrap();
    let report = host.replay(&tenant(), &run(), None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{freeze}: {report:?}");
    let history = host.history(&tenant(), &run(), 0, 100, Duration::ZERO).await.unwrap();
    let grants: Vec<_> = history.events.iter().filter_map(|event| event.grant.as_deref()).collect();
    assert_eq!(grants, ["llm:*", "tool:crm/lookup"], "{freeze}");
    for event in history.events.iter().filter(|event| event.kind.starts_with("call-")) {
        assert!(!serde_json::to_string(event).unwrap().contains(ADDRESS), "{freeze}: {event:?}");
    }
}

#[test]
fn a_run_with_grants_and_rules_survives_a_death_at_every_commit() {
    let servers = Runtime::new().unwrap();
    let outside = servers.block_on(Outside::start());
    let root = TempDir::new().unwrap();
    let root = root.path();
    let template = root.join("template");
    Runtime::new().unwrap().block_on(prepare(root, &template, &outside));
    let mut number = 0;
    loop {
        number += 1;
        let mut any = false;
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let data = copy_folder(&template, &root.join(freeze.to_string().replace(':', "-"))).unwrap();
            let runtime = Runtime::new().unwrap();
            any |= runtime.block_on(async {
                let store = Arc::new(FreezingStore::new(Arc::new(RedbStore::open(&data).unwrap()), Some(freeze)));
                let host = open(root, store.clone(), &outside).await;
                tokio::select! {
                    () = store.freezes() => {}
                    _ = work(&host) => {}
                }
                store.is_frozen()
            });
            // The death of the host: whatever waits for a commit never hears of it.
            runtime.shutdown_timeout(PATIENCE);
            Runtime::new().unwrap().block_on(async {
                let host = open(root, Arc::new(RedbStore::open(&data).unwrap()), &outside).await;
                look(&host, freeze).await;
                host.shutdown().await;
            });
        }
        if !any {
            break;
        }
    }
    assert!(number > 4, "the run makes {number} commits only");
    assert!(!outside.heard().join("\n").contains(ADDRESS));
}
