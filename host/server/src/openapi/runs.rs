//! Tests: samples of all that is about versions and runs are as the document says.

use abide_model::{CallKind, Digest, Error, ErrorCode, IdReuse, Outcome};
use abide_runtime::view::{
    Batch, BatchAction, BatchFailure, BatchReport, BatchSignal, Deleted, Description, IfRunning, OpenCall,
    ReplayReport, ReplayVerdict, ResetRun, RunCounts, Runs, Signalled, StartRun, StartSignal, Started, UpdateRun,
    UpdateStatus, Updated, WaitFor,
};

use super::samples::{attributes, failure, fits, reason, run, text};
use crate::problem::Problem;

#[test]
fn every_type_is_as_documented() {
    fits("Run", &run());
    fits("Started", &Started { run: run(), created: true });
    fits("Runs", &Runs { runs: vec![run()], next: Some(run().run_id) });
    for kind in [
        CallKind::LlmGenerate,
        CallKind::ToolsList,
        CallKind::ToolsCall,
        CallKind::HttpFetch,
        CallKind::TimerSleep,
        CallKind::SignalsReceive,
        CallKind::CancellationRequested,
        CallKind::ActivitiesCall,
    ] {
        let call = OpenCall { call: 1, event: 2, kind, summary: "a".to_owned(), since_ms: 3 };
        let description = Description {
            run: run(),
            history_length: 4,
            open_calls: vec![call],
            buffered_signals: [("approve".to_owned(), 1)].into(),
            buffered_updates: [("add".to_owned(), 2)].into(),
            published: [("stage".to_owned(), text("\"drafting\""))].into(),
            resident: true,
        };
        fits("Description", &description);
    }
    fits("Signalled", &Signalled { run_id: run().run_id, event: 3, duplicate: false });
    for verdict in [ReplayVerdict::Identical, ReplayVerdict::Diverged, ReplayVerdict::Stopped] {
        let report = ReplayReport {
            run_id: run().run_id,
            version: Digest::of(b"a"),
            verdict,
            events: 3,
            reason: Some(reason()),
            trace: Digest::of(b"b"),
            log: vec!["hello".to_owned()],
            micros: 5,
            proof: None,
        };
        fits("ReplayReport", &report);
    }
    let problem = Error::new(ErrorCode::RunAlreadyOpen, "open").about(run().run_id);
    fits("Problem", &Problem::from(problem));
    let start = StartRun {
        workflow: run().workflow,
        id: Some(run().id),
        input: text("{}"),
        version: Some("0123abcd".to_owned()),
        if_running: IfRunning::Terminate,
        id_reuse: IdReuse::AllowAfterFailure,
        run_timeout_ms: Some(1),
        signal: Some(StartSignal { name: "go".to_owned(), payload: text("1"), key: Some("k".to_owned()) }),
        attributes: attributes(),
    };
    fits("StartRun", &start);
    fits("ResetRun", &ResetRun { event: 1, version: Some("0123abcd".to_owned()) });
    for wait_for in [WaitFor::Accepted, WaitFor::Completed] {
        let (id, name) = (Some("u".to_owned()), "add".to_owned());
        fits("UpdateRun", &UpdateRun { id, name, arguments: text("1"), wait_for });
    }
    let updated = |status, outcome| Updated { run_id: run().run_id, update_id: "u".into(), event: 1, status, outcome };
    fits("Updated", &updated(UpdateStatus::Received, None));
    fits("Updated", &updated(UpdateStatus::Accepted, None));
    fits("Updated", &updated(UpdateStatus::Rejected, Some(failure())));
    fits("Updated", &updated(UpdateStatus::Completed, Some(Outcome::Ok(text("1")))));
    fits("RunCounts", &RunCounts { total: 3, statuses: [("running".to_owned(), 3)].into() });
    fits("Deleted", &Deleted { run_id: run().run_id });
    for action in [
        BatchAction::Cancel,
        BatchAction::Terminate,
        BatchAction::Signal,
        BatchAction::Resume,
        BatchAction::Pin,
        BatchAction::Unpin,
        BatchAction::Delete,
    ] {
        let signal = BatchSignal { name: "go".to_owned(), payload: text("1"), key: Some("k".to_owned()) };
        let batch = Batch {
            filter: "status = 'running'".to_owned(),
            action,
            reason: "enough".to_owned(),
            signal: Some(signal),
            cursor: Some(run().run_id),
            limit: Some(10),
        };
        fits("Batch", &batch);
    }
    let failure = BatchFailure { run_id: run().run_id, code: "internal".to_owned(), message: "it broke".to_owned() };
    let report = BatchReport {
        done: 1,
        skipped: 2,
        failed: 3,
        reasons: [("run-closed".to_owned(), 2)].into(),
        failures: vec![failure],
        next: Some(run().run_id),
    };
    fits("BatchReport", &report);
}
