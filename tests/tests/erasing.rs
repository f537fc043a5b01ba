//! A tenant that is deleted while its runs go on: afterwards nothing of it is left, whenever the host dies meanwhile, and nobody else misses anything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use abide_history::{DocumentKind, Keyring, MasterKey, MasterKeys, Owner, RedbOptions, RedbStore, RunFilter, Store};
use abide_model::{CallerId, ErrorCode, Json, Role, RunRef, RunStatus, SecretName, SystemClock, Tenant, WorkflowName};
use abide_runtime::view::{CreateToken, PutSecret, StartRun};
use abide_runtime::{Host, HostConfig};
use abide_tests::{FreezeAt, FreezingStore, ScriptedPerformer, copy_folder, guest};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(60);

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

fn store(data: &Path, masters: &MasterKeys) -> RedbStore {
    let keyring = Some(Keyring::open(data, Some(masters.clone()), true).unwrap());
    RedbStore::open_with(data, &RedbOptions { keyring, ..RedbOptions::default() }).unwrap()
}

async fn open(root: &Path, store: Arc<dyn Store>) -> Host {
    let config = HostConfig::new(root.join("cache"));
    Host::open(config, store, Arc::new(ScriptedPerformer::echoing()), Arc::new(SystemClock)).await.unwrap()
}

/// Two tenants with the same: runs that wait and one that has ended, a secret, a token.
async fn fill(host: &Host, owner: &Tenant) {
    host.create_tenant(owner).await.unwrap();
    let workflow = WorkflowName::parse("waiter").unwrap();
    host.deploy(owner, &workflow, guest("waiter")).await.unwrap();
    for id in ["ended", "open-1", "open-2"] {
        let start = StartRun { id: CallerId::parse(id).ok(), ..StartRun::of(workflow.clone()) };
        host.start(owner, start).await.unwrap();
    }
    let ended = RunRef::parse("ended").unwrap();
    host.signal(owner, &ended, "go", Json::from(&json!("on")), None).await.unwrap();
    host.result(owner, &ended, PATIENCE).await.unwrap();
    let secret = PutSecret { value: Some("hunter2-hunter2".into()), hosts: vec!["api.example.com".into()] };
    host.put_secret(owner, &SecretName::parse("crm").unwrap(), secret).await.unwrap();
    let token = CreateToken { name: "ci".into(), role: Role::Admin, host: false, expires_in_s: None };
    host.create_token(Some(owner), token, "a test").await.unwrap();
}

/// Deletes a tenant, and waits until that is done.
async fn erase(host: &Host, owner: &Tenant) {
    match host.delete_tenant(owner).await {
        Ok(_) => {}
        // It was done before the host died, or while it came up again.
        Err(error) => assert_eq!(error.code, ErrorCode::TenantNotFound, "{error}"),
    }
    let began = std::time::Instant::now();
    while host.tenant(owner).is_ok() {
        assert!(began.elapsed() < PATIENCE, "the tenant is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn look(data: &Path, masters: &MasterKeys, gone: &Tenant, kept: &Tenant) {
    let store = store(data, masters);
    assert_eq!(store.runs(gone, &RunFilter::default(), None, 10).await.unwrap().runs, []);
    assert_eq!(store.versions(gone, None).await.unwrap(), []);
    for kind in DocumentKind::ALL {
        let owner = Owner::Tenant(gone.clone());
        assert_eq!(store.documents(&owner, kind, None, 10).await.unwrap(), [], "{kind:?}");
    }
    assert_eq!(store.document(&Owner::Host, DocumentKind::Tenant, gone.as_str()).await.unwrap(), None);
    let tokens = store.documents(&Owner::Host, DocumentKind::Token, None, 10).await.unwrap();
    assert_eq!(tokens.len(), 1, "the token of the other one is there");
    assert!(!data.join(format!("keys/{gone}.json")).exists());
    let runs = store.runs(kept, &RunFilter::default(), None, 10).await.unwrap().runs;
    assert_eq!(runs.iter().filter(|run| run.status == RunStatus::Running).count(), 2);
    assert_eq!(runs.len(), 3);
    assert!(store.ready(None, 10).await.unwrap().iter().all(|(owner, _)| owner != gone));
}

#[test]
fn a_deleted_tenant_is_gone_whenever_the_host_dies() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let masters = MasterKeys::new(MasterKey::generate().unwrap());
    let (gone, kept) = (tenant("acme"), tenant("acme-2"));
    let template = root.join("template");
    Runtime::new().unwrap().block_on(async {
        let host = open(root, Arc::new(store(&template, &masters))).await;
        fill(&host, &gone).await;
        fill(&host, &kept).await;
        host.shutdown().await;
    });
    let mut number = 0;
    loop {
        number += 1;
        let mut any = false;
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let data = copy_folder(&template, &root.join(freeze.to_string().replace(':', "-"))).unwrap();
            let runtime = Runtime::new().unwrap();
            any |= runtime.block_on(async {
                let store = Arc::new(FreezingStore::new(Arc::new(store(&data, &masters)), Some(freeze)));
                let host = open(root, store.clone()).await;
                tokio::select! {
                    () = store.freezes() => {}
                    () = erase(&host, &gone) => {}
                }
                store.is_frozen()
            });
            runtime.shutdown_timeout(PATIENCE);
            Runtime::new().unwrap().block_on(async {
                let host = open(root, Arc::new(store(&data, &masters))).await;
                erase(&host, &gone).await;
                let run = RunRef::parse("open-1").unwrap();
                let error = host.describe(&gone, &run).await.unwrap_err();
                assert_eq!(error.code, ErrorCode::RunNotFound, "{freeze}");
                assert_eq!(host.describe(&kept, &run).await.unwrap().run.status, RunStatus::Running, "{freeze}");
                host.shutdown().await;
            });
            Runtime::new().unwrap().block_on(look(&data, &masters, &gone, &kept));
        }
        if !any {
            break;
        }
    }
    println!("{} commits", number - 1);
    assert!(number > 4, "{number} commits mean something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_of_a_deleted_tenant_can_be_used_again() {
    let root = TempDir::new().unwrap();
    let masters = MasterKeys::new(MasterKey::generate().unwrap());
    let owner = tenant("acme");
    let host = open(root.path(), Arc::new(store(&root.path().join("data"), &masters))).await;
    fill(&host, &owner).await;
    let run = RunRef::parse("open-1").unwrap();
    erase(&host, &owner).await;
    let late = host.signal(&owner, &run, "go", Json::null(), None).await.unwrap_err();
    assert!(matches!(late.code, ErrorCode::TenantNotFound | ErrorCode::RunNotFound), "{late}");
    fill(&host, &owner).await;
    host.signal(&owner, &run, "go", Json::from(&json!("again")), None).await.unwrap();
    assert_eq!(host.result(&owner, &run, PATIENCE).await.unwrap().status, RunStatus::Completed);
    assert_eq!(host.delete_tenant(&Tenant::default()).await.unwrap_err().code, ErrorCode::InvalidArgument);
    host.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_export_has_all_of_it_but_values_of_secrets() {
    let root = TempDir::new().unwrap();
    let masters = MasterKeys::new(MasterKey::generate().unwrap());
    let (owner, other) = (tenant("acme"), tenant("acme-2"));
    let host = open(root.path(), Arc::new(store(&root.path().join("data"), &masters))).await;
    fill(&host, &owner).await;
    let mut lines = host.export_tenant(&owner).unwrap();
    let mut found = Vec::new();
    host.create_tenant(&other).await.unwrap();
    while let Some(line) = lines.recv().await {
        let text = String::from_utf8(line.unwrap().to_vec()).unwrap();
        assert!(!text.contains("hunter2"), "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        let (what, value) = line.as_object().unwrap().iter().next().unwrap();
        if what == "run" {
            use base64::Engine as _;
            let capsule = base64::engine::general_purpose::STANDARD.decode(value["capsule"].as_str().unwrap()).unwrap();
            host.import(&other, capsule.into()).await.unwrap();
        }
        found.push(what.clone());
    }
    assert_eq!(found, ["tenant", "secret", "version", "run", "run", "run", "end"]);
    let runs = host.runs(&other, &RunFilter::default(), None, 10).await.unwrap().runs;
    assert_eq!(runs.len(), 3);
    assert_eq!(host.export_tenant(&tenant("nobody")).unwrap_err().code, ErrorCode::TenantNotFound);
    host.shutdown().await;
}

/// The components that are compiled in the cache.
fn compiled(root: &Path) -> usize {
    let files = std::fs::read_dir(root.join("cache")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "cwasm")).count()
}

#[tokio::test]
async fn compiled_code_goes_with_the_last_one_who_has_it() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    let masters = MasterKeys::new(MasterKey::generate().unwrap());
    let host = open(root, Arc::new(store(&root.join("data"), &masters))).await;
    let (gone, kept) = (tenant("acme"), tenant("acme-2"));
    let deploy = async |owner: &Tenant, name: &str| {
        host.deploy(owner, &WorkflowName::parse(name).unwrap(), guest(name)).await.unwrap().version
    };
    for owner in [&gone, &kept] {
        host.create_tenant(owner).await.unwrap();
        deploy(owner, "waiter").await;
    }
    deploy(&gone, "labels").await;
    assert_eq!(compiled(root), 2);
    erase(&host, &gone).await;
    assert_eq!(compiled(root), 1);
    // Of two workflows with the same component, one lets go of it, then the other.
    let labels = deploy(&kept, "labels").await.version;
    let other = WorkflowName::parse("other").unwrap();
    host.deploy(&kept, &other, guest("labels")).await.unwrap();
    for (name, left) in [("other", 2), ("labels", 1)] {
        let workflow = WorkflowName::parse(name).unwrap();
        // The version that new runs take stays.
        host.deploy(&kept, &workflow, guest("waiter")).await.unwrap();
        host.delete_version(&kept, &workflow, &labels.hex().to_string()).await.unwrap();
        assert_eq!(compiled(root), left, "{name}");
    }
    host.shutdown().await;
}
