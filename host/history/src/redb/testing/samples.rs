//! The values of the golden files. One is never changed: a new field or a new kind gets a new one.

use abide_model::{
    CallCancelled, CallCompleted, CallDeferred, CallOptions, CallRequested, CallerId, CancelRequested, Digest, Event,
    Failure, Json, Limits, Outcome, ParkKind, ParkReason, RecordedRequest, RetryPolicy, Run, RunClosed, RunId,
    RunParked, RunResumed, RunStarted, RunStatus, RunTerminated, SignalReceived, Tenant, VersionChanged, WorkflowName,
};

use super::{CALL_KINDS, PARK_KINDS};

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn failure() -> Failure {
    Failure {
        code: "rate-limited".into(),
        message: "the provider is busy".into(),
        details: Some(json(r#"{"status":429}"#)),
        retryable: true,
    }
}

fn reason(kind: ParkKind) -> ParkReason {
    ParkReason {
        kind,
        message: "event 3 differs: upload a version that does what the history says".into(),
        event: Some(3),
        backtrace: vec!["helpdesk::answer".into(), "helpdesk::run".into()],
    }
}

fn options() -> CallOptions {
    CallOptions {
        attempt_timeout_ms: Some(30_000),
        total_timeout_ms: Some(600_000),
        retry: Some(RetryPolicy {
            initial_interval_ms: Some(500),
            backoff_coefficient: Some(2.0),
            max_interval_ms: Some(60_000),
            jitter: Some(0.25),
            max_attempts: Some(5),
            max_elapsed_ms: Some(120_000),
            non_retryable: vec!["invalid-argument".into()],
        }),
        idempotency_key: Some("order-17".into()),
    }
}

fn limits() -> Limits {
    Limits {
        memory_bytes: 1,
        step_fuel: 2,
        request_bytes: 3,
        open_calls: 4,
        published_bytes: 5,
        published_names: 6,
        history_events: 7,
        buffered_signals: 8,
    }
}

/// Each kind of event, each with all that it can have and with the least; by name.
pub(in super::super) fn events() -> Vec<(String, Event)> {
    let started = RunStarted {
        tenant: Tenant::default(),
        workflow: WorkflowName::parse("helpdesk").unwrap(),
        version: Digest::of(b"component"),
        id: CallerId::parse("ticket-1").unwrap(),
        input: json(r#"{"message": "my screen is dark"}"#),
        seed: [9; 32],
        limits: limits(),
    };
    let call =
        |kind, request, options| Event::CallRequested(CallRequested { call: 4, cause: 2, kind, request, options });
    let stored = RecordedRequest::Stored(Digest::of(b"head"), Some(Digest::of(b"last")), 12);
    let headless = RecordedRequest::Stored(Digest::of(b"head"), None, 0);
    let completed = |outcome| Event::CallCompleted(CallCompleted { call: 4, outcome, attempts: 3 });
    let closed = |outcome, cancelled| Event::RunClosed(RunClosed { cause: 2, outcome, cancelled });
    let signal = |key: Option<&str>| {
        let key = key.map(Into::into);
        Event::SignalReceived(SignalReceived { name: "approve".into(), payload: json("true"), key })
    };
    let parked = |reason| Event::RunParked(RunParked { reason });
    let bare = ParkReason { kind: ParkKind::Trap, message: "it trapped".into(), event: None, backtrace: Vec::new() };
    let mut events = vec![
        ("run-started", Event::RunStarted(Box::new(started))),
        ("call-requested-stored", call(CALL_KINDS[0], stored, options())),
        ("call-requested-headless", call(CALL_KINDS[0], headless, CallOptions::default())),
        ("call-completed", completed(Outcome::Ok(json("{\"text\":\"grüezi\"}")))),
        ("call-failed", completed(Outcome::Failed(failure()))),
        ("call-cancelled", Event::CallCancelled(CallCancelled { call: 4, cause: 2 })),
        ("signal-received", signal(None)),
        ("signal-received-key", signal(Some("order-17"))),
        ("cancel-requested", Event::CancelRequested(CancelRequested { reason: "too late".into() })),
        ("version-changed", Event::VersionChanged(VersionChanged { version: Digest::of(b"new") })),
        ("run-parked-bare", parked(bare)),
        ("run-resumed", Event::RunResumed(RunResumed {})),
        ("run-completed", closed(Outcome::Ok(Json::null()), false)),
        ("run-failed", closed(Outcome::Failed(Failure::new("wrong", "it was wrong")), false)),
        ("run-cancelled", closed(Outcome::Failed(failure()), true)),
        ("run-terminated", Event::RunTerminated(RunTerminated { reason: "enough".into() })),
        ("call-deferred", Event::CallDeferred(CallDeferred { call: 4, attempt: 2 })),
    ]
    .into_iter()
    .map(|(name, event)| (name.to_owned(), event))
    .collect::<Vec<_>>();
    for kind in CALL_KINDS {
        let request = RecordedRequest::Inline(json("{}"));
        events.push((format!("call-requested-{}", kind.as_str().replace('.', "-")), call(kind, request, options())));
    }
    for kind in PARK_KINDS {
        let name = serde_json::to_value(kind).unwrap().as_str().unwrap().replace('_', "-");
        events.push((format!("run-parked-{name}"), parked(reason(kind))));
    }
    events
}

/// The row of a run in each status, by name.
pub(in super::super) fn runs() -> Vec<(String, Run)> {
    let run = |status: RunStatus| Run {
        run_id: RunId::from_bytes([7; 16]),
        id: CallerId::parse("ticket-1").unwrap(),
        workflow: WorkflowName::parse("helpdesk").unwrap(),
        version: Digest::of(b"component"),
        status,
        started_ms: 1_700_000_000_123,
        closed_ms: (!status.is_open()).then_some(1_700_000_000_456),
        outcome: match status {
            RunStatus::Running | RunStatus::Parked => None,
            RunStatus::Completed => Some(Outcome::Ok(json("[1]"))),
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::Terminated => Some(Outcome::Failed(failure())),
        },
        parked: (status == RunStatus::Parked).then(|| reason(ParkKind::Divergence)),
        cancel_requested: status == RunStatus::Cancelled,
    };
    RunStatus::ALL.map(|status| (status.as_str().to_owned(), run(status))).into()
}
