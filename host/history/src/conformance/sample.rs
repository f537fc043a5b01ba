//! Values to test with: short to write, and different enough from one another to be told apart.

use std::sync::Arc;

use abide_model::{
    CallCompleted, CallIndex, CallKind, CallOptions, CallRequested, CallerId, Digest, Event, Json, Limits, Outcome,
    Recorded, RecordedRequest, Run, RunClosed, RunId, RunStarted, RunStatus, Schedule, ScheduleId, ScheduleSpec,
    ScheduleState, Seq, SignalReceived, Tenant, WorkflowName,
};

use crate::{Commit, ScheduleChange, Store, StoreError, VersionsChange};

/// A tenant.
pub fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).expect("tests give valid tenants")
}

/// The id of a caller's.
pub fn caller_id(id: &str) -> CallerId {
    CallerId::parse(id).expect("tests give valid ids")
}

/// The name of a workflow.
pub fn workflow(name: &str) -> WorkflowName {
    WorkflowName::parse(name).expect("tests give valid names")
}

/// A JSON text.
pub fn json(text: &str) -> Json {
    Json::parse(text).expect("tests give valid JSON")
}

/// The `number`th run: a higher number is a later run.
pub fn run_id(number: u64) -> RunId {
    RunId::new(1_700_000_000_000 + number, u128::from(number) * 0x9e37_79b9_7f4a_7c15)
}

/// The row of an open run of the workflow `helpdesk`.
pub fn run(run_id: RunId, id: &str) -> Run {
    Run {
        run_id,
        id: caller_id(id),
        workflow: workflow("helpdesk"),
        version: Digest::of(b"component"),
        status: RunStatus::Running,
        started_ms: 1_700_000_000_000,
        closed_ms: None,
        outcome: None,
        parked: None,
        cancel_requested: false,
        parent: None,
        continued_as: None,
        continued_from: None,
        has_children: None,
        attributes: Default::default(),
        pinned: None,
        held_back: None,
        forked_from: None,
        fork_race: None,
        budget_warning: None,
        parked_for_day: None,
    }
}

/// The row of the same run, ended.
pub fn closed(run: &Run) -> Run {
    Run {
        status: RunStatus::Completed,
        closed_ms: Some(run.started_ms + 1),
        outcome: Some(Outcome::Ok(json("\"done\""))),
        ..run.clone()
    }
}

/// The first row of a schedule, with the host to look at it at `wake_ms`.
pub fn schedule(id: &str, wake_ms: Option<u64>) -> Schedule {
    Schedule {
        id: ScheduleId::parse(id).expect("tests give valid ids"),
        revision: 1,
        spec: ScheduleSpec::new(workflow("helpdesk")),
        state: ScheduleState { wake_ms, ..ScheduleState::default() },
    }
}

/// The change that makes a schedule.
pub fn make_schedule(tenant: &Tenant, schedule: &Schedule) -> ScheduleChange {
    ScheduleChange { tenant: tenant.clone(), id: schedule.id.clone(), expected: None, row: Some(schedule.clone()) }
}

/// An event with a time that follows from its place.
pub fn at(seq: Seq, event: Event) -> Recorded {
    Recorded { time_ms: 1_700_000_000_000 + seq, event }
}

/// The first event.
pub fn started(tenant: &Tenant, run: &Run, input: &str) -> Recorded {
    at(
        0,
        Event::RunStarted(Box::new(RunStarted {
            tenant: tenant.clone(),
            workflow: run.workflow.clone(),
            version: run.version,
            id: run.id.clone(),
            input: json(input),
            seed: [7; 32],
            // Those of the first release: stores that it wrote are compared with these.
            limits: Limits {
                history_bytes: None,
                turn_ms: None,
                step_bytes: None,
                result_bytes: None,
                log_bytes: None,
                ..Limits::default()
            },
            parent: None,
            continued_from: None,
            run_timeout_ms: None,
            attributes: run.attributes.clone(),
            configuration: None,
            veil: None,
        })),
    )
}

/// A call.
pub fn requested(seq: Seq, call: CallIndex, request: RecordedRequest) -> Recorded {
    let cause = seq.saturating_sub(1);
    let options = CallOptions::default();
    at(seq, Event::CallRequested(CallRequested { call, cause, kind: CallKind::ToolsCall, request, options }))
}

/// Its outcome.
pub fn completed(seq: Seq, call: CallIndex, outcome: &str) -> Recorded {
    at(seq, Event::CallCompleted(CallCompleted::new(call, Outcome::Ok(json(outcome)), 1)))
}

/// A signal.
pub fn signal(seq: Seq, name: &str, key: Option<&str>) -> Recorded {
    let (payload, key) = (json("{\"text\":\"hello\"}"), key.map(Into::into));
    at(seq, Event::SignalReceived(SignalReceived { name: name.into(), payload, key }))
}

/// The last event.
pub fn ended(seq: Seq) -> Recorded {
    let outcome = Outcome::Ok(json("\"done\""));
    at(seq, Event::RunClosed(RunClosed { cause: seq.saturating_sub(1), outcome, cancelled: false }))
}

/// The change that starts a run: its first event, its row, and it is ready.
pub fn start(tenant: &Tenant, run: &Run) -> Commit {
    let mut commit = Commit::new(tenant.clone(), run.run_id, 0);
    commit.events = vec![started(tenant, run, "{\"message\":\"my screen is dark\"}")];
    commit.run = Some(run.clone());
    commit.ready = Some(true);
    commit
}

/// One step: an outcome, and the call that follows from it. Nothing else changes.
pub fn step(tenant: &Tenant, run_id: RunId, length: Seq, call: CallIndex) -> Commit {
    let mut commit = Commit::new(tenant.clone(), run_id, length);
    let request = RecordedRequest::Inline(json(&format!("{{\"name\":\"look-up\",\"arguments\":{{\"step\":{call}}}}}")));
    commit.events =
        vec![completed(length, call, &format!("{{\"found\":{call}}}")), requested(length + 1, call + 1, request)];
    commit
}

/// The change that ends a run.
pub fn end(tenant: &Tenant, run: &Run, length: Seq) -> Commit {
    let mut commit = Commit::new(tenant.clone(), run.run_id, length);
    commit.events = vec![ended(length)];
    commit.run = Some(closed(run));
    commit.ready = Some(false);
    commit
}

/// A change of the versions of a workflow that changes nothing yet.
pub async fn versions_change(
    store: &Arc<dyn Store>,
    tenant: &Tenant,
    workflow: &WorkflowName,
) -> Result<VersionsChange, StoreError> {
    let mut routing = store.routing(tenant, workflow).await?;
    let expected = routing.revision;
    routing.revision += 1;
    Ok(VersionsChange {
        tenant: tenant.clone(),
        workflow: workflow.clone(),
        expected,
        routing,
        put: Vec::new(),
        component: None,
        remove: None,
    })
}
