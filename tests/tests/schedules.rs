//! Schedules start runs when it is time, and once for each due time, whatever happens in between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use abide_model::{
    CallerId, Interval, Json, ManualClock, OverlapPolicy, RunRef, RunStatus, ScheduleId, ScheduleSpec, WorkflowName,
};
use abide_runtime::view::{
    BackfillSchedule, CreateSchedule, IfRunning, ScheduleDescription, StartRun, TriggerOutcome, TriggerSchedule,
};
use abide_tests::{LocalHost, ScriptedPerformer};
use serde_json::json;

/// When the clock of each test begins: a time of which every ten seconds are due.
const BEGIN: u64 = 1_800_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    local: LocalHost,
    clock: Arc<ManualClock>,
    id: ScheduleId,
}

/// Due every ten seconds.
fn spec(workflow: &str, overlap: OverlapPolicy) -> ScheduleSpec {
    ScheduleSpec {
        intervals: vec![Interval { every_ms: 10_000, offset_ms: 0 }],
        input: Json::from(&json!({ "steps": 0, "provider": "p", "tool": "t" })),
        overlap,
        catchup_window_ms: 60_000,
        ..ScheduleSpec::new(WorkflowName::parse(workflow).unwrap())
    }
}

impl Bench {
    /// A host with a schedule `tick` of a guest: `waiter` stays open until a signal comes, `steps` ends at once.
    async fn new(guest: &str, overlap: OverlapPolicy) -> Self {
        let clock = Arc::new(ManualClock::at(BEGIN));
        let local = LocalHost::with_clock(ScriptedPerformer::echoing(), clock.clone()).await;
        local.deploy(guest).await;
        let id = ScheduleId::parse("tick").unwrap();
        let create = CreateSchedule { id: id.clone(), spec: spec(guest, overlap), paused: false, note: None };
        local.host.create_schedule(&local.tenant, create).await.unwrap();
        Self { local, clock, id }
    }

    async fn describe(&self) -> ScheduleDescription {
        self.local.host.describe_schedule(&self.local.tenant, &self.id).await.unwrap()
    }

    /// Waits until the schedule is as it should be.
    async fn until(&self, what: &str, fits: impl Fn(&ScheduleDescription) -> bool) -> ScheduleDescription {
        let began = Instant::now();
        loop {
            let found = self.describe().await;
            if fits(&found) {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {found:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets ten seconds go by, and waits until the schedule did what it does then.
    async fn tick(&self, what: &str, fits: impl Fn(&ScheduleDescription) -> bool) -> ScheduleDescription {
        self.clock.advance(10_000);
        self.until(what, fits).await
    }

    async fn signal(&self, id: &str) {
        let run = RunRef::parse(id).unwrap();
        self.local.signal(&run, "go", json!(1)).await;
        self.local.result(&run).await;
    }
}

/// The ids of the last runs, oldest first.
fn ids(found: &ScheduleDescription) -> Vec<&str> {
    found.recent.iter().rev().map(|run| run.id.as_str()).collect()
}

fn statuses(found: &ScheduleDescription) -> Vec<RunStatus> {
    found.recent.iter().rev().map(|run| run.status).collect()
}

const FIRST: &str = "tick-2027-01-15T08:00:10Z";
const SECOND: &str = "tick-2027-01-15T08:00:20Z";
const THIRD: &str = "tick-2027-01-15T08:00:30Z";

#[tokio::test]
async fn skip_starts_nothing_while_a_run_is_open() {
    let bench = Bench::new("waiter", OverlapPolicy::Skip).await;
    let found = bench.tick("the first run", |found| found.counts.started == 1).await;
    assert_eq!((ids(&found), found.next_due_ms[0]), (vec![FIRST], BEGIN + 20_000));
    bench.tick("the second is skipped", |found| found.counts.skipped == 1).await;
    bench.signal(FIRST).await;
    let found = bench.tick("the third run", |found| found.counts.started == 2).await;
    assert_eq!(ids(&found), [FIRST, THIRD]);
    assert_eq!(statuses(&found), [RunStatus::Completed, RunStatus::Running]);
}

#[tokio::test]
async fn a_run_that_took_over_the_id_is_open_too() {
    let bench = Bench::new("waiter", OverlapPolicy::Skip).await;
    bench.tick("the first run", |found| found.counts.started == 1).await;
    let start = StartRun {
        id: Some(CallerId::parse(FIRST).unwrap()),
        if_running: IfRunning::Terminate,
        ..StartRun::of(WorkflowName::parse("waiter").unwrap())
    };
    bench.local.host.start(&bench.local.tenant, start).await.unwrap();
    bench.tick("the second is skipped", |found| found.counts.skipped == 1).await;
    bench.signal(FIRST).await;
    bench.tick("the third run", |found| found.counts.started == 2).await;
}

#[tokio::test]
async fn buffer_one_starts_one_when_the_open_run_ends() {
    let bench = Bench::new("waiter", OverlapPolicy::BufferOne).await;
    bench.tick("the first run", |found| found.counts.started == 1).await;
    bench.tick("the second waits", |found| found.buffered_due_ms == Some(BEGIN + 20_000)).await;
    bench.tick("the third is skipped", |found| found.counts.skipped == 1).await;
    assert_eq!(bench.describe().await.counts.started, 1);
    bench.signal(FIRST).await;
    let found = bench.until("the second run", |found| found.counts.started == 2).await;
    assert_eq!((ids(&found), found.buffered_due_ms), (vec![FIRST, SECOND], None));
}

#[tokio::test]
async fn allow_all_starts_beside_open_runs() {
    let bench = Bench::new("waiter", OverlapPolicy::AllowAll).await;
    bench.tick("the first run", |found| found.counts.started == 1).await;
    let found = bench.tick("the second run", |found| found.counts.started == 2).await;
    assert_eq!(ids(&found), [FIRST, SECOND]);
    assert_eq!(statuses(&found), [RunStatus::Running; 2]);
}

#[tokio::test]
async fn cancel_other_and_terminate_other_make_room() {
    for (policy, status) in
        [(OverlapPolicy::CancelOther, RunStatus::Cancelled), (OverlapPolicy::TerminateOther, RunStatus::Terminated)]
    {
        let bench = Bench::new("waiter", policy).await;
        bench.tick("the first run", |found| found.counts.started == 1).await;
        let found = bench.tick("the second run", |found| found.counts.started == 2).await;
        assert_eq!(ids(&found), [FIRST, SECOND]);
        assert_eq!(statuses(&found), [status, RunStatus::Running]);
    }
}

#[tokio::test]
async fn what_was_missed_is_caught_up_within_the_window() {
    let bench = Bench::new("steps", OverlapPolicy::AllowAll).await;
    let Bench { local, clock, id } = bench;
    let local = local.reopen_after(ScriptedPerformer::echoing(), || clock.advance(300_000)).await;
    let bench = Bench { local, clock, id };
    // Due at 10, 20 … 300 seconds; those before 240 are older than a minute.
    let found = bench.until("the missed runs", |found| found.counts.started + found.counts.missed == 30).await;
    assert_eq!((found.counts.started, found.counts.missed, found.counts.skipped), (7, 23, 0));
    assert_eq!(ids(&found)[0], "tick-2027-01-15T08:04:00Z");
    assert_eq!(found.next_due_ms[0], BEGIN + 310_000);
}

#[tokio::test]
async fn due_times_pass_a_paused_schedule_by() {
    let bench = Bench::new("steps", OverlapPolicy::Skip).await;
    let Bench { local, id, .. } = &bench;
    let paused = local.host.pause_schedule(&local.tenant, id, Some("the desk moves")).await.unwrap();
    assert_eq!((paused.paused, paused.note.as_deref()), (true, Some("the desk moves")));
    assert_eq!(paused.next_due_ms, [] as [u64; 0]);
    bench.clock.advance(100_000);
    // A trigger works all the same; when it is done, the schedule had its chance.
    let triggered = local.host.trigger_schedule(&local.tenant, id, TriggerSchedule::default()).await.unwrap();
    assert_eq!(triggered.outcome, TriggerOutcome::Started);
    assert_eq!(triggered.run.unwrap().id.as_str(), "tick-2027-01-15T08:01:40.001Z");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(bench.describe().await.counts.started, 1);
    local.host.unpause_schedule(&local.tenant, id, None).await.unwrap();
    let found = bench.tick("the next one", |found| found.counts.started == 2).await;
    assert_eq!(ids(&found)[1], "tick-2027-01-15T08:01:50Z");
    assert_eq!((found.counts.missed, found.counts.skipped), (0, 0));
}

#[tokio::test]
async fn a_trigger_follows_the_overlap_policy() {
    let bench = Bench::new("waiter", OverlapPolicy::Skip).await;
    let Bench { local, id, .. } = &bench;
    let mut outcomes = Vec::new();
    for overlap in [None, None, Some(OverlapPolicy::AllowAll), Some(OverlapPolicy::BufferOne)] {
        let trigger = TriggerSchedule { overlap };
        outcomes.push(local.host.trigger_schedule(&local.tenant, id, trigger).await.unwrap().outcome);
    }
    use TriggerOutcome::{Buffered, Skipped, Started};
    assert_eq!(outcomes, [Started, Skipped, Started, Buffered]);
    let found = bench.describe().await;
    assert_eq!(ids(&found), ["tick-2027-01-15T08:00:00.001Z", "tick-2027-01-15T08:00:00.003Z"]);
}

#[tokio::test]
async fn a_backfill_starts_what_was_due_and_is_not_there() {
    let bench = Bench::new("steps", OverlapPolicy::Skip).await;
    let Bench { local, id, .. } = &bench;
    bench.tick("the first run", |found| found.counts.started == 1).await;
    let range = BackfillSchedule { from_ms: BEGIN - 30_000, to_ms: BEGIN + 10_000, overlap: None };
    let of = |overlap| BackfillSchedule { overlap, ..range.clone() };
    for overlap in [None, Some(OverlapPolicy::BufferOne)] {
        local.host.backfill_schedule(&local.tenant, id, of(overlap)).await.unwrap();
        let found = bench.until("the backfill", |found| found.backfills.is_empty()).await;
        // The due time of the first run is in the range too; the second time all of them are.
        assert_eq!((found.counts.started, found.counts.skipped), (5, 0));
    }
    let runs = local.host.runs(&local.tenant, &Default::default(), None, 100).await.unwrap().runs;
    let mut found: Vec<_> = runs.iter().map(|run| run.id.as_str()).collect();
    found.sort_unstable();
    let expected = ["07:59:30", "07:59:40", "07:59:50", "08:00:00", "08:00:10"];
    assert_eq!(found, expected.map(|time| format!("tick-2027-01-15T{time}Z")));

    for (range, words) in [
        (BackfillSchedule { from_ms: 2, to_ms: 1, overlap: None }, "no range"),
        (BackfillSchedule { to_ms: BEGIN + 99_000_000, ..range.clone() }, "no range of the past"),
        (BackfillSchedule { from_ms: 0, ..range.clone() }, "more than 10000"),
        (BackfillSchedule { from_ms: 1, to_ms: 2, overlap: None }, "was not due"),
        (of(Some(OverlapPolicy::CancelOther)), "ends no run"),
    ] {
        let error = local.host.backfill_schedule(&local.tenant, id, range).await.unwrap_err();
        assert!(error.message.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn a_start_that_fails_is_counted_and_the_schedule_goes_on() {
    let bench = Bench::new("steps", OverlapPolicy::Skip).await;
    let Bench { local, id, .. } = &bench;
    local.host.update_schedule(&local.tenant, id, spec("waiter", OverlapPolicy::Skip)).await.unwrap();
    let found = bench.tick("the failure", |found| found.counts.failed == 1).await;
    let failure = found.last_failure.unwrap();
    assert_eq!(failure.due_ms, BEGIN + 10_000);
    assert!(failure.message.contains("there is no workflow `waiter`"), "{failure:?}");
    local.deploy("waiter").await;
    let found = bench.tick("the next one", |found| found.counts.started == 1).await;
    assert_eq!(ids(&found), [SECOND]);

    local.host.delete_schedule(&local.tenant, id).await.unwrap();
    let error = local.host.describe_schedule(&local.tenant, id).await.unwrap_err();
    assert_eq!(error.code.as_str(), "schedule-not-found");
    assert_eq!(local.until(&RunRef::parse(SECOND).unwrap(), RunStatus::Running).await.id.as_str(), SECOND);
}
