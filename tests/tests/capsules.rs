//! Capsules: a run in one file is replayed without its host, to the same bytes, and comes back into another host; one that was open waits there
//! until somebody lets it go on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use abide_history::RedbStore;
use abide_model::{ErrorCode, Outcome, ParkKind, RunRef, RunStatus, SystemClock, Tenant};
use abide_runtime::view::{ReplayVerdict, ResetRun};
use abide_runtime::{Capsule, Host, HostConfig, Replayer};
use abide_tests::{FreezeAt, FreezingStore, LocalHost, ScriptedPerformer, compiled_dir, guest};
use bytes::Bytes;
use serde_json::json;

async fn host(performer: ScriptedPerformer) -> LocalHost {
    LocalHost::with(performer, |config| config.cache_dir = compiled_dir()).await
}

async fn export(local: &LocalHost, run: &RunRef) -> Bytes {
    local.host.export(&local.tenant, run).await.unwrap().into()
}

fn replayer(file: &Bytes) -> Replayer {
    Replayer::new(Capsule::read(file).unwrap(), &compiled_dir()).unwrap()
}

/// A run of `order` that waits for its signal, after two calls.
async fn waiting(performer: ScriptedPerformer) -> (LocalHost, RunRef) {
    let local = host(performer).await;
    local.deploy_as("order-v1", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 6).await;
    (local, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capsule_is_replayed_without_a_host_to_the_same_bytes() {
    for name in ["determinism", "js-determinism"] {
        let local = host(ScriptedPerformer::jittering(7)).await;
        local.deploy(name).await;
        let run = local.start(name, "d-1", json!(null)).await;
        local.result(&run).await;
        let there = local.host.replay(&local.tenant, &run, None).await.unwrap();
        let events = local.history(&run).await;
        let before = serde_json::to_value(local.host.at(&local.tenant, &run, 3, None).await.unwrap()).unwrap();
        let file = export(&local, &run).await;
        assert_eq!(file, export(&local, &run).await, "the same run gives the same file");
        local.host.shutdown().await;
        drop(local);

        let replayer = replayer(&file);
        let here = replayer.replay(None).await.unwrap();
        assert_eq!(here.verdict, ReplayVerdict::Identical, "{name}: {:?}", here.reason);
        assert_eq!((here.trace, here.version, here.log), (there.trace, there.version, there.log), "{name}");
        let proof = replayer.prove(None).await.unwrap().proof.unwrap();
        assert!(proof.equal, "{name}: {:?}", proof.difference);
        assert_eq!(serde_json::to_value(replayer.at(3, None).await.unwrap()).unwrap(), before, "{name}");
        for event in events {
            let shown = replayer.capsule().event(event.seq).unwrap();
            assert_eq!(serde_json::to_value(shown).unwrap(), serde_json::to_value(&event).unwrap(), "{name}");
        }
        assert!(replayer.at(10_000, None).await.is_err());
    }
}

#[tokio::test]
async fn a_capsule_is_replayed_on_another_component() {
    let (local, run) = waiting(ScriptedPerformer::echoing()).await;
    let replayer = replayer(&export(&local, &run).await);
    let report = replayer.replay(Some(guest("order-v2"))).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Diverged);
    assert!(report.reason.unwrap().backtrace.join("\n").contains("order_v2"));
    assert!(replayer.replay(Some(Bytes::from_static(b"no component"))).await.is_err());
}

#[tokio::test]
async fn a_run_that_ended_comes_back_as_it_was() {
    let performer = ScriptedPerformer::echoing();
    let (local, run) = waiting(performer.clone()).await;
    local.signal(&run, "go", json!({"to": "ada"})).await;
    let row = local.result(&run).await;
    let file = export(&local, &run).await;

    let elsewhere = host(performer.clone()).await;
    let imported = elsewhere.host.import(&elsewhere.tenant, file.clone()).await.unwrap();
    assert_eq!(imported.run.status, RunStatus::Completed);
    let here = elsewhere.host.describe(&elsewhere.tenant, &run).await.unwrap();
    assert_eq!((here.run.outcome, here.run.closed_ms, here.run.id), (row.outcome, row.closed_ms, row.id));
    assert_eq!(elsewhere.outline(&run).await, local.outline(&run).await);
    let report = elsewhere.host.replay(&elsewhere.tenant, &run, None).await.unwrap();
    let there = local.host.replay(&local.tenant, &run, None).await.unwrap();
    assert_eq!((report.verdict, report.trace), (ReplayVerdict::Identical, there.trace));
    // It is exported again, and it can be gone on from.
    assert!(Capsule::read(&export(&elsewhere, &run).await).is_ok());
    let again = elsewhere.host.reset(&elsewhere.tenant, &run, ResetRun { event: 4, version: None }).await.unwrap();
    let again = RunRef::Run(again.run.run_id);
    // The signal comes along with a reset.
    let gone_on = elsewhere.result(&again).await;
    assert_eq!((gone_on.status, gone_on.parked), (RunStatus::Completed, None));
    // What was performed was performed once; nothing of it is performed by bringing the run back.
    let run_id = row.run_id.to_string();
    assert!(performer.seen().iter().filter(|(key, _)| key.starts_with(&run_id)).all(|(_, count)| *count == 1));

    // A second time is refused, and so is a run whose id is taken.
    let error = elsewhere.host.import(&elsewhere.tenant, file.clone()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunIdUsed, "{error}");
    let taken = host(performer).await;
    taken.deploy_as("order-v1", "order").await;
    taken.start("order", "o-1", json!(null)).await;
    let error = taken.host.import(&taken.tenant, file).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::RunIdUsed, "{error}");
}

#[tokio::test]
async fn a_run_that_was_open_waits_until_somebody_lets_it_go_on() {
    let performer = ScriptedPerformer::echoing();
    let (local, run) = waiting(performer.clone()).await;
    let file = export(&local, &run).await;
    local.host.shutdown().await;

    let elsewhere = host(performer.clone()).await;
    let imported = elsewhere.host.import(&elsewhere.tenant, file).await.unwrap();
    assert_eq!(imported.run.status, RunStatus::Parked);
    let reason = imported.run.parked.unwrap();
    assert_eq!(reason.kind, ParkKind::Imported);
    assert!(reason.message.contains("abide resume"), "{}", reason.message);
    // A signal is kept, and nothing happens; nor does it after a restart.
    elsewhere.signal(&run, "go", json!({"to": "ada"})).await;
    let elsewhere = elsewhere.reopen(performer.clone()).await;
    assert_eq!(elsewhere.until(&run, RunStatus::Parked).await.status, RunStatus::Parked);
    assert_eq!(performer.seen().len(), 2);
    elsewhere.host.resume(&elsewhere.tenant, &run, None).await.unwrap();
    let row = elsewhere.result(&run).await;
    let Some(Outcome::Ok(result)) = row.outcome else { panic!("{row:?}") };
    assert_eq!(result.read::<serde_json::Value>().unwrap()["shipped"], true);
    assert!(performer.seen().values().all(|count| *count == 1), "{:?}", performer.seen());
    let report = elsewhere.host.replay(&elsewhere.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{:?}", report.reason);
}

/// What a capsule brings along is no version that new runs take, and does not take the place of one.
#[tokio::test]
async fn the_active_version_stays() {
    let (local, run) = waiting(ScriptedPerformer::echoing()).await;
    let file = export(&local, &run).await;
    let elsewhere = host(ScriptedPerformer::echoing()).await;
    let active = elsewhere.deploy_as("order-v2", "order").await;
    elsewhere.host.import(&elsewhere.tenant, file).await.unwrap();
    let name = abide_model::WorkflowName::parse("order").unwrap();
    assert_eq!(elsewhere.host.workflow(&elsewhere.tenant, &name).await.unwrap().active.unwrap().to_string(), active);
    let new = elsewhere.start("order", "o-2", json!(null)).await;
    assert_eq!(elsewhere.host.describe(&elsewhere.tenant, &new).await.unwrap().run.version.to_string(), active);
}

#[tokio::test]
async fn what_a_host_would_not_give_or_cannot_read_is_refused() {
    let (local, run) = waiting(ScriptedPerformer::echoing()).await;
    let file = export(&local, &run).await;
    let small = LocalHost::with(ScriptedPerformer::echoing(), |config| config.limits.step_fuel = 1_000_000).await;
    let error = small.host.import(&small.tenant, file.clone()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert!(error.message.contains("limits.step_fuel"), "{}", error.message);
    for at in [0, 9, file.len() / 2, file.len() - 1] {
        let mut damaged = file.to_vec();
        damaged[at] ^= 1;
        let error = local.host.import(&local.tenant, damaged.into()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument, "byte {at}: {error}");
    }
    let error = local.host.import(&local.tenant, file.slice(..file.len() - 5)).await.unwrap_err();
    assert!(error.message.contains("cut short"), "{error}");
}

/// A host that dies at any commit of an import has the run or has it not, and takes it the next time where it has it not.
#[test]
fn a_host_that_dies_in_the_middle_has_the_run_whole_or_not_at_all() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (file, length) = runtime().block_on(async {
        let (local, run) = waiting(ScriptedPerformer::echoing()).await;
        (export(&local, &run).await, local.history(&run).await.len())
    });
    let run = RunRef::Run(Capsule::read(&file).unwrap().run_id());
    let open = async |store: Arc<FreezingStore>| {
        let performer = Arc::new(ScriptedPerformer::echoing());
        Host::open(HostConfig::new(compiled_dir()), store, performer, Arc::new(SystemClock)).await.unwrap()
    };
    let tenant = Tenant::default();
    let mut died = 0;
    for freeze in (1..4).flat_map(|number| [FreezeAt::Before(number), FreezeAt::After(number)]) {
        let folder = tempfile::TempDir::new().unwrap();
        let store = |freeze| {
            let store = RedbStore::open(&folder.path().join("data")).unwrap();
            Arc::new(FreezingStore::new(Arc::new(store), freeze))
        };
        let first = runtime();
        died += first.block_on(async {
            let store = store(Some(freeze));
            let host = open(store.clone()).await;
            tokio::select! {
                () = store.freezes() => 1,
                imported = host.import(&tenant, file.clone()) => { imported.unwrap(); 0 }
            }
        });
        first.shutdown_timeout(std::time::Duration::from_secs(10));
        runtime().block_on(async {
            let host = open(store(None)).await;
            if host.describe(&tenant, &run).await.is_err() {
                host.import(&tenant, file.clone()).await.unwrap();
            }
            let here = host.describe(&tenant, &run).await.unwrap();
            assert_eq!(here.run.status, RunStatus::Parked, "{freeze}");
            assert!(here.history_length as usize > length, "{freeze}");
            let report = host.replay(&tenant, &run, None).await.unwrap();
            assert_eq!(report.verdict, ReplayVerdict::Identical, "{freeze}: {:?}", report.reason);
            host.shutdown().await;
        });
    }
    assert!(died >= 2, "the host died {died} times only");
}
