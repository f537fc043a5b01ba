//! Tests: samples of all that is about schedules are as the document says.

use abide_model::{
    Backfill, Interval, OverlapPolicy, RunStatus, ScheduleCounts, ScheduleFailure, ScheduleId, ScheduleSpec,
};
use abide_runtime::view::{
    BackfillSchedule, CreateSchedule, ScheduleDescription, ScheduleSummary, ScheduledRunView, Schedules,
    TriggerOutcome, TriggerSchedule, Triggered,
};

use super::samples::{failure, fits, run, text};

#[test]
fn every_type_of_schedules_is_as_documented() {
    let id = ScheduleId::parse("nightly").unwrap();
    let spec = ScheduleSpec {
        input: text("{}"),
        version: Some("0123abcd".to_owned()),
        cron: vec!["0 3 * * *".to_owned()],
        intervals: vec![Interval { every_ms: 60_000, offset_ms: 1000 }],
        jitter_ms: 1,
        start_at_ms: Some(2),
        end_at_ms: Some(3),
        ..ScheduleSpec::new(run().workflow)
    };
    for overlap in OverlapPolicy::ALL {
        fits("ScheduleSpec", &ScheduleSpec { overlap, ..spec.clone() });
        fits("TriggerSchedule", &TriggerSchedule { overlap: Some(overlap) });
    }
    let note = Some("a".to_owned());
    fits("CreateSchedule", &CreateSchedule { id: id.clone(), spec: spec.clone(), paused: true, note: note.clone() });
    let overlap = OverlapPolicy::Skip;
    fits("BackfillSchedule", &BackfillSchedule { from_ms: 1, to_ms: 2, overlap: Some(overlap) });
    let counts = ScheduleCounts { started: 1, skipped: 2, missed: 3, failed: 4 };
    let summary = ScheduleSummary {
        id: id.clone(),
        workflow: run().workflow,
        paused: false,
        note: note.clone(),
        next_due_ms: Some(1),
        counts,
    };
    fits("Schedules", &Schedules { schedules: vec![summary], next: Some(id.clone()) });
    let scheduled = ScheduledRunView {
        run_id: run().run_id,
        id: run().id,
        due_ms: 1,
        started_ms: 2,
        status: RunStatus::Failed,
        closed_ms: Some(3),
        outcome: Some(failure()),
    };
    let description = ScheduleDescription {
        id,
        spec,
        paused: true,
        note,
        created_ms: 1,
        updated_ms: 2,
        next_due_ms: vec![3, 4],
        buffered_due_ms: Some(3),
        recent: vec![scheduled],
        counts,
        backfills: vec![Backfill { from_ms: 1, to_ms: 2, overlap }],
        last_failure: Some(ScheduleFailure { due_ms: 1, message: "a".to_owned() }),
    };
    fits("ScheduleDescription", &description);
    for outcome in [TriggerOutcome::Started, TriggerOutcome::Buffered, TriggerOutcome::Skipped] {
        fits("Triggered", &Triggered { outcome, run: Some(run()) });
    }
}
