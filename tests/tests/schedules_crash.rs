//! A host that dies before or after any commit around the time at which a schedule is due: afterwards no due time has two runs,
//! and none that should have one has none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abide_history::{RedbStore, Store};
use abide_model::{
    Interval, Json, ManualClock, OverlapPolicy, Run, RunStatus, ScheduleId, ScheduleSpec, Tenant, WorkflowName,
};
use abide_runtime::view::{BackfillSchedule, CreateSchedule, ScheduleDescription};
use abide_runtime::{Host, HostConfig};
use abide_tests::{FreezeAt, FreezingStore, ScriptedPerformer, copy_folder, guest};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const BEGIN: u64 = 1_800_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn id() -> ScheduleId {
    ScheduleId::parse("tick").unwrap()
}

async fn open(root: &Path, store: Arc<dyn Store>, now_ms: u64) -> Host {
    let config = HostConfig::new(root.join("cache"));
    let performer = Arc::new(ScriptedPerformer::echoing());
    Host::open(config, store, performer, Arc::new(ManualClock::at(now_ms))).await.unwrap()
}

/// A folder with a schedule of a guest that is due every ten seconds; nothing of it was done.
fn prepare(root: &Path, template: &Path, guest_name: &str, overlap: OverlapPolicy) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let host = open(root, Arc::new(RedbStore::open(template).unwrap()), BEGIN).await;
        let tenant = Tenant::default();
        let workflow = WorkflowName::parse(guest_name).unwrap();
        host.deploy(&tenant, &workflow, guest(guest_name)).await.unwrap();
        let spec = ScheduleSpec {
            intervals: vec![Interval { every_ms: 10_000, offset_ms: 0 }],
            input: Json::from(&json!({ "steps": 1, "provider": "p", "tool": "t" })),
            overlap,
            ..ScheduleSpec::new(workflow)
        };
        host.create_schedule(&tenant, CreateSchedule { id: id(), spec, paused: false, note: None }).await.unwrap();
        host.shutdown().await;
    });
}

/// What a host is to do at each death, and how it looks when it is done.
#[derive(Clone, Copy)]
struct Scenario {
    guest: &'static str,
    overlap: OverlapPolicy,
    backfill: bool,
    is_done: fn(&ScheduleDescription) -> bool,
    check: fn(&[Run]),
}

impl Scenario {
    /// Has the host work until all is done or its store is frozen. Dropping the runtime is the death of the host: whatever waits for a
    /// commit never hears of it. Gives whether it was frozen.
    fn work(self, root: &Path, data: &Path, freeze: FreezeAt) -> bool {
        let runtime = Runtime::new().unwrap();
        let frozen = runtime.block_on(async {
            let store = Arc::new(FreezingStore::new(Arc::new(RedbStore::open(data).unwrap()), Some(freeze)));
            let host = open(root, store.clone(), BEGIN + 30_000).await;
            if self.backfill {
                let asking = host.clone();
                tokio::spawn(async move { backfill(&asking).await });
            }
            tokio::select! {
                () = store.freezes() => {}
                () = self.done(&host, freeze) => {}
            }
            store.is_frozen()
        });
        runtime.shutdown_timeout(PATIENCE);
        frozen
    }

    /// Waits until all is done.
    async fn done(self, host: &Host, freeze: FreezeAt) {
        let began = Instant::now();
        loop {
            let found = host.describe_schedule(&Tenant::default(), &id()).await.unwrap();
            if (self.is_done)(&found) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{freeze}: {found:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Opens the folder again, and sees it through.
    fn go_on(self, root: &Path, data: &Path, freeze: FreezeAt) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let host = open(root, Arc::new(RedbStore::open(data).unwrap()), BEGIN + 30_000).await;
            // Whoever asked had no answer, and asks again. What was done already is not done twice.
            if self.backfill {
                backfill(&host).await;
            }
            self.done(&host, freeze).await;
            // The clock stands, so run ids do not say which came first.
            let mut runs = host.runs(&Tenant::default(), &Default::default(), None, 100).await.unwrap().runs;
            runs.sort_by(|one, other| one.id.cmp(&other.id));
            let ids: BTreeSet<_> = runs.iter().map(|run| run.id.as_str()).collect();
            assert_eq!(ids.len(), runs.len(), "{freeze}: a due time has two runs: {runs:?}");
            (self.check)(&runs);
            host.shutdown().await;
        });
    }

    /// Ends the host at one commit after the other, until there is none left. Gives how many there were.
    fn everywhere(self) -> u64 {
        let root = TempDir::new().unwrap();
        let root = root.path();
        prepare(root, &root.join("template"), self.guest, self.overlap);
        let mut number = 0;
        loop {
            number += 1;
            let mut any = false;
            for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
                let data =
                    copy_folder(&root.join("template"), &root.join(freeze.to_string().replace(':', "-"))).unwrap();
                any |= self.work(root, &data, freeze);
                self.go_on(root, &data, freeze);
            }
            if !any {
                return number - 1;
            }
        }
    }
}

async fn backfill(host: &Host) {
    let range = BackfillSchedule { from_ms: BEGIN - 20_000, to_ms: BEGIN, overlap: None };
    host.backfill_schedule(&Tenant::default(), &id(), range).await.unwrap();
}

/// Three due times of a backfill, and three that come due.
#[test]
fn each_due_time_has_one_run_whenever_the_host_dies() {
    let scenario = Scenario {
        guest: "steps",
        overlap: OverlapPolicy::AllowAll,
        backfill: true,
        is_done: |found| {
            found.counts.started == 6
                && found.backfills.is_empty()
                && found.recent.iter().all(|run| run.status == RunStatus::Completed)
        },
        check: |runs| {
            let ids: Vec<_> = runs.iter().map(|run| run.id.as_str()).collect();
            let times = ["07:59:40", "07:59:50", "08:00:00", "08:00:10", "08:00:20", "08:00:30"];
            assert_eq!(ids, times.map(|time| format!("tick-2027-01-15T{time}Z")));
        },
    };
    let commits = scenario.everywhere();
    // The backfill is asked for and done, and each run starts, makes its call, and ends.
    assert!(commits >= 8, "the host was stopped at {commits} commits only");
}

/// The run of the last due time is there, and those that had to make room for it have ended.
#[test]
fn runs_make_room_whenever_the_host_dies() {
    for overlap in [OverlapPolicy::CancelOther, OverlapPolicy::TerminateOther] {
        let scenario = Scenario {
            guest: "waiter",
            overlap,
            backfill: false,
            is_done: |found| {
                let last = found.recent.first();
                last.is_some_and(|last| last.due_ms == BEGIN + 30_000) && found.buffered_due_ms.is_none()
            },
            check: |runs| {
                let (last, earlier) = runs.split_last().unwrap();
                assert_eq!(last.id.as_str(), "tick-2027-01-15T08:00:30Z");
                assert_eq!(last.status, RunStatus::Running);
                assert_eq!(earlier[0].id.as_str(), "tick-2027-01-15T08:00:10Z");
                assert!(earlier.iter().all(|run| !run.status.is_open()), "{earlier:?}");
            },
        };
        let commits = scenario.everywhere();
        // Two starts, and between them the wish that the first run ends, and its end.
        assert!(commits >= 4, "the host was stopped at {commits} commits only");
    }
}
