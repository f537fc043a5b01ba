//! A host that dies before or after any commit around the time at which a schedule is due: afterwards there is one run for each
//! due time, and each came to its end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abide_history::{RedbStore, Store};
use abide_model::{
    Interval, Json, ManualClock, OverlapPolicy, RunStatus, ScheduleId, ScheduleSpec, Tenant, WorkflowName,
};
use abide_runtime::view::{BackfillSchedule, CreateSchedule, ScheduleDescription};
use abide_runtime::{Host, HostConfig};
use abide_tests::{FreezeAt, FreezingStore, ScriptedPerformer, copy_folder, guest};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const BEGIN: u64 = 1_800_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// Three due times of a backfill, and three that come due.
const RUNS: u64 = 6;

fn id() -> ScheduleId {
    ScheduleId::parse("tick").unwrap()
}

async fn open(root: &Path, store: Arc<dyn Store>, now_ms: u64) -> Host {
    let config = HostConfig::new(root.join("cache"));
    let performer = Arc::new(ScriptedPerformer::echoing());
    Host::open(config, store, performer, Arc::new(ManualClock::at(now_ms))).await.unwrap()
}

async fn describe(host: &Host) -> ScheduleDescription {
    host.describe_schedule(&Tenant::default(), &id()).await.unwrap()
}

/// A folder with a schedule that has a backfill to do and is due every ten seconds; nothing of it was done.
fn prepare(root: &Path, template: &Path) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let host = open(root, Arc::new(RedbStore::open(template).unwrap()), BEGIN).await;
        let tenant = Tenant::default();
        let workflow = WorkflowName::parse("steps").unwrap();
        host.deploy(&tenant, &workflow, guest("steps")).await.unwrap();
        let spec = ScheduleSpec {
            intervals: vec![Interval { every_ms: 10_000, offset_ms: 0 }],
            input: Json::from(&json!({ "steps": 1, "provider": "p", "tool": "t" })),
            overlap: OverlapPolicy::AllowAll,
            ..ScheduleSpec::new(workflow)
        };
        host.create_schedule(&tenant, CreateSchedule { id: id(), spec, paused: false, note: None }).await.unwrap();
        host.shutdown().await;
    });
}

/// Asks for the backfill, and has the host work until all is done or its store is frozen. Dropping the runtime is the death of
/// the host: whatever waits for a commit never hears of it. Gives whether it was frozen.
fn work(root: &Path, data: &Path, freeze: FreezeAt) -> bool {
    let runtime = Runtime::new().unwrap();
    let frozen = runtime.block_on(async {
        let store = Arc::new(FreezingStore::new(Arc::new(RedbStore::open(data).unwrap()), Some(freeze)));
        let host = open(root, store.clone(), BEGIN + 30_000).await;
        let asking = host.clone();
        tokio::spawn(async move { backfill(&asking).await });
        let began = Instant::now();
        while !store.is_frozen() && !is_done(&host).await {
            assert!(began.elapsed() < PATIENCE, "{freeze}: neither frozen nor done: {:?}", describe(&host).await);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        store.is_frozen()
    });
    runtime.shutdown_timeout(PATIENCE);
    frozen
}

async fn backfill(host: &Host) {
    let range = BackfillSchedule { from_ms: BEGIN - 20_000, to_ms: BEGIN, overlap: None };
    host.backfill_schedule(&Tenant::default(), &id(), range).await.unwrap();
}

async fn is_done(host: &Host) -> bool {
    let found = describe(host).await;
    found.counts.started == RUNS
        && found.backfills.is_empty()
        && found.recent.iter().all(|run| run.status == RunStatus::Completed)
}

/// Opens the folder again and sees that each due time has its run.
fn check(root: &Path, data: &Path, freeze: FreezeAt) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let host = open(root, Arc::new(RedbStore::open(data).unwrap()), BEGIN + 30_000).await;
        // Whoever asked had no answer, and asks again. What was done already is not done twice.
        backfill(&host).await;
        let began = Instant::now();
        while !is_done(&host).await {
            let found = describe(&host).await;
            assert!(began.elapsed() < PATIENCE, "{freeze}: {found:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        for run in host.runs(&Tenant::default(), &Default::default(), None, 100).await.unwrap().runs {
            *found.entry(run.id.to_string()).or_default() += 1;
        }
        let times = ["07:59:40", "07:59:50", "08:00:00", "08:00:10", "08:00:20", "08:00:30"];
        let expected = times.map(|time| (format!("tick-2027-01-15T{time}Z"), 1));
        assert_eq!(found, BTreeMap::from(expected), "{freeze}");
        host.shutdown().await;
    });
}

#[test]
fn each_due_time_has_one_run_whenever_the_host_dies() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    prepare(root, &root.join("template"));
    let mut number = 0;
    loop {
        number += 1;
        let mut any = false;
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let data = copy_folder(&root.join("template"), &root.join(freeze.to_string().replace(':', "-"))).unwrap();
            any |= work(root, &data, freeze);
            check(root, &data, freeze);
        }
        if !any {
            break;
        }
    }
    // The backfill is asked for and done, and each run starts, makes its call, and ends.
    assert!(number > 2 + RUNS, "the host was stopped at {} commits only", number - 1);
}
