//! The values of the golden files. One is never changed: a new field or a new kind gets a new one.

use abide_model::{
    Attributes, CallCancelled, CallCompleted, CallDeferred, CallOptions, CallRequested, CallUsage, CallerId,
    CancelRequested, Configuration, Counters, Currency, Day, Digest, Event, Failure, ForkedFrom, GatewayAct,
    GatewayNote, HeldBack, Json, Limits, MarkerRecorded, Micros, Money, Outcome, Parent, ParkKind, ParkReason,
    RecordedRequest, RetryPolicy, Run, RunClosed, RunContinued, RunForked, RunId, RunParked, RunPinned, RunReset,
    RunResumed, RunStarted, RunStatus, RunTerminated, RunTimedOut, SignalReceived, Tenant, Tokens, UpdateAnswer,
    UpdateAnswered, UpdateReceived, VersionChanged, WorkflowName,
};
use abide_model::{
    Backfill, EndRun, Interval, OpenRun, OverlapPolicy, Schedule, ScheduleCounts, ScheduleFailure, ScheduleId,
    ScheduleSpec, ScheduleState, ScheduledRun,
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
        history_bytes: None,
        turn_ms: None,
        step_bytes: None,
        result_bytes: None,
        log_bytes: None,
    }
}

/// With all that a later release added.
fn all_limits() -> Limits {
    Limits {
        history_bytes: Some(9),
        turn_ms: Some(10),
        step_bytes: Some(11),
        result_bytes: Some(12),
        log_bytes: Some(13),
        ..limits()
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
        parent: None,
        continued_from: None,
        run_timeout_ms: None,
        attributes: Attributes::default(),
        configuration: None,
        veil: None,
    };
    let run_id = RunId::from_bytes([7; 16]);
    let as_child = RunStarted {
        parent: Some(parent()),
        continued_from: Some(run_id),
        run_timeout_ms: Some(86_400_000),
        ..started.clone()
    };
    let answered = |answer| Event::UpdateAnswered(UpdateAnswered { id: "u-1".into(), cause: 2, answer });
    let configuration = Configuration {
        environment: [("MODEL".to_owned(), "scripted/small".to_owned())].into(),
        arguments: vec!["--fast".to_owned()],
    };
    let configured = RunStarted { configuration: Some(configuration), ..started.clone() };
    let veil = json(r#"{"rules":[{"name":"pii","do":"redact","find":["email"]}]}"#);
    let veiled = RunStarted { veil: Some(veil), ..started.clone() };
    let limited = RunStarted { limits: all_limits(), ..started.clone() };
    let started_with = RunStarted { attributes: run_with_attributes().attributes, ..started.clone() };
    let call =
        |kind, request, options| Event::CallRequested(CallRequested { call: 4, cause: 2, kind, request, options });
    let stored = RecordedRequest::Stored(Digest::of(b"head"), Some(Digest::of(b"last")), 12);
    let headless = RecordedRequest::Stored(Digest::of(b"head"), None, 0);
    let completed = |outcome| Event::CallCompleted(CallCompleted::new(4, outcome, 3));
    let note = GatewayNote { rule: "pii".to_owned(), did: GatewayAct::Tokenised, count: 2 };
    let allowed = Event::CallCompleted(CallCompleted {
        grant: Some("llm:openai/*".to_owned()),
        gateway: Some(vec![note]),
        ..CallCompleted::new(4, Outcome::Ok(json("1")), 1)
    });
    let closed = |outcome, cancelled| Event::RunClosed(RunClosed { cause: 2, outcome, cancelled });
    let signal = |key: Option<&str>| {
        let key = key.map(Into::into);
        Event::SignalReceived(SignalReceived { name: "approve".into(), payload: json("true"), key })
    };
    let parked = |reason| Event::RunParked(RunParked { reason });
    let bare = ParkReason { kind: ParkKind::Trap, message: "it trapped".into(), event: None, backtrace: Vec::new() };
    let mut events = vec![
        ("run-started", Event::RunStarted(Box::new(started))),
        ("run-started-child", Event::RunStarted(Box::new(as_child))),
        ("run-started-veiled", Event::RunStarted(Box::new(veiled))),
        ("call-completed-by-grant", allowed),
        (
            "update-received",
            Event::UpdateReceived(UpdateReceived { id: "u-1".into(), name: "add".into(), arguments: json("[1]") }),
        ),
        ("update-accepted", answered(UpdateAnswer::Accepted)),
        ("update-rejected", answered(UpdateAnswer::Rejected(failure()))),
        ("update-completed", answered(UpdateAnswer::Completed(Outcome::Ok(json("2"))))),
        (
            "marker-recorded",
            Event::MarkerRecorded(MarkerRecorded { id: "check-twice".into(), cause: 2, value: json("true") }),
        ),
        ("run-continued", Event::RunContinued(RunContinued { cause: 2, input: json("{}"), run_id })),
        ("run-timed-out", Event::RunTimedOut(RunTimedOut { run_timeout_ms: 86_400_000 })),
        ("run-reset", Event::RunReset(RunReset { run_id, event: 12, guest_run_id: None })),
        ("run-reset-told", Event::RunReset(RunReset { run_id, event: 12, guest_run_id: Some(run_id) })),
        (
            "run-forked",
            Event::RunForked(RunForked {
                run_id,
                event: 12,
                set_outcome: true,
                guest_run_id: RunId::from_bytes([8; 16]),
            }),
        ),
        ("run-started-configured", Event::RunStarted(Box::new(configured))),
        ("run-started-attributes", Event::RunStarted(Box::new(started_with))),
        ("run-started-limits", Event::RunStarted(Box::new(limited))),
        ("call-requested-stored", call(CALL_KINDS[0], stored, options())),
        ("call-requested-headless", call(CALL_KINDS[0], headless, CallOptions::default())),
        ("call-completed", completed(Outcome::Ok(json("{\"text\":\"grüezi\"}")))),
        ("call-failed", completed(Outcome::Failed(failure()))),
        (
            "call-completed-usage",
            Event::CallCompleted(CallCompleted {
                usage: Some(usage()),
                ..CallCompleted::new(4, Outcome::Ok(json("1")), 2)
            }),
        ),
        ("call-cancelled", Event::CallCancelled(CallCancelled { call: 4, cause: 2 })),
        ("signal-received", signal(None)),
        ("signal-received-key", signal(Some("order-17"))),
        ("cancel-requested", Event::CancelRequested(CancelRequested { reason: "too late".into() })),
        ("version-changed", Event::VersionChanged(VersionChanged { version: Digest::of(b"new"), settled: None })),
        ("version-swapped", Event::VersionChanged(VersionChanged { version: Digest::of(b"new"), settled: Some(12) })),
        ("run-pinned", Event::RunPinned(RunPinned { pinned: true })),
        ("run-unpinned", Event::RunPinned(RunPinned { pinned: false })),
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

/// All that a call can have used.
fn usage() -> CallUsage {
    CallUsage {
        provider: "llm.openai".into(),
        model: Some("gpt-5".into()),
        tokens: Some(Tokens { input: 1200, cached_input: 1000, output: 30 }),
        cost: Some(Money { amount: Micros(1_250), currency: Currency::parse("USD").unwrap() }),
        uncounted_attempts: 1,
    }
}

/// All that can be counted.
pub(in super::super) fn counters() -> Counters {
    Counters {
        runs: 1,
        fuel: 2,
        resident_ms: 3,
        history_bytes: 4,
        calls: 5,
        request_bytes: 6,
        outcomes: 7,
        failures: 8,
        attempts: 9,
        outcome_bytes: 10,
        input_tokens: 11,
        cached_input_tokens: 12,
        output_tokens: 13,
        cost: [("EUR", 14), ("USD", 15)]
            .map(|(currency, micros)| (Currency::parse(currency).unwrap(), Micros(micros)))
            .into(),
        unpriced_calls: 16,
        uncounted_attempts: 17,
    }
}

fn parent() -> Parent {
    Parent { run_id: RunId::from_bytes([5; 16]), child: RunId::from_bytes([6; 16]) }
}

/// The row of a schedule with all that it can have, and with the least; by name.
pub(in super::super) fn schedules() -> Vec<(String, Schedule)> {
    let bare = Schedule {
        id: ScheduleId::parse("nightly").unwrap(),
        revision: 1,
        spec: ScheduleSpec::new(WorkflowName::parse("helpdesk").unwrap()),
        state: ScheduleState::default(),
    };
    let mut full = Schedule { revision: 7, ..bare.clone() };
    full.spec.input = json(r#"{"deep": true}"#);
    full.spec.version = Some("0123abcd".into());
    full.spec.cron = vec!["0 3 * * MON-FRI".into(), "30 0 12 1 * *".into()];
    full.spec.intervals = vec![Interval { every_ms: 3_600_000, offset_ms: 60_000 }];
    full.spec.time_zone = "Europe/Zurich".into();
    full.spec.jitter_ms = 30_000;
    full.spec.start_at_ms = Some(1_700_000_000_000);
    full.spec.end_at_ms = Some(1_800_000_000_000);
    full.spec.overlap = OverlapPolicy::CancelOther;
    full.spec.catchup_window_ms = 60_000;
    let run_id = RunId::from_bytes([7; 16]);
    let due_ms = 1_700_000_001_000;
    full.state = ScheduleState {
        created_ms: 1_700_000_000_123,
        updated_ms: 1_700_000_000_456,
        paused: true,
        note: Some("while the desk moves".into()),
        done_until_ms: due_ms,
        buffered_ms: Some(due_ms),
        open: [None, Some(EndRun::Cancel), Some(EndRun::Terminate)].map(|end| OpenRun { run_id, end }).into(),
        recent: vec![ScheduledRun { run_id, id: CallerId::parse("nightly-2023-11-14T22:13:21Z").unwrap(), due_ms }],
        counts: ScheduleCounts { started: 1, skipped: 2, missed: 3, failed: 4 },
        backfills: OverlapPolicy::ALL.map(|overlap| Backfill { from_ms: 5, to_ms: 6, overlap }).into(),
        triggered_ms: 1_700_000_000_789,
        last_failure: Some(ScheduleFailure { due_ms, message: "there is no workflow".into() }),
        wake_ms: Some(1_700_000_000_123),
    };
    vec![("bare".to_owned(), bare), ("full".to_owned(), full)]
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
            RunStatus::Running | RunStatus::Parked | RunStatus::Continued => None,
            RunStatus::Completed => Some(Outcome::Ok(json("[1]"))),
            RunStatus::Failed | RunStatus::Cancelled | RunStatus::Terminated | RunStatus::TimedOut => {
                Some(Outcome::Failed(failure()))
            }
        },
        parked: (status == RunStatus::Parked).then(|| reason(ParkKind::Divergence)),
        cancel_requested: status == RunStatus::Cancelled,
        parent: (status == RunStatus::TimedOut).then(parent),
        continued_as: (status == RunStatus::Continued).then(|| RunId::from_bytes([8; 16])),
        continued_from: (status == RunStatus::TimedOut).then(|| RunId::from_bytes([9; 16])),
        has_children: (status == RunStatus::TimedOut).then_some(true),
        attributes: Attributes::default(),
        pinned: None,
        held_back: None,
        forked_from: None,
        fork_race: None,
        budget_warning: None,
        parked_for_day: None,
    };
    RunStatus::ALL.map(|status| (status.as_str().to_owned(), run(status))).into()
}

/// The row of a run with an attribute of each sort.
pub(in super::super) fn run_with_attributes() -> Run {
    let (_, run) = runs().remove(0);
    let attributes = json(
        r#"{"amount": 12.5, "count": -3, "customer": "acme", "due": "2026-11-01T00:00:00Z", "tags": ["red"], "urgent": true}"#,
    );
    Run { attributes: attributes.read().unwrap(), ..run }
}

/// The row of a run that stays on its version, and could not go on with another one.
pub(in super::super) fn run_held_back() -> Run {
    let (_, run) = runs().remove(0);
    let held_back = HeldBack { version: Digest::of(b"new"), reason: reason(ParkKind::Divergence) };
    Run { pinned: Some(true), held_back: Some(held_back), ..run }
}

/// The row of a fork that is part of a race.
pub(in super::super) fn run_that_was_forked() -> Run {
    let (_, run) = runs().remove(0);
    let [from, root, race] = [2, 1, 3].map(|number| RunId::from_bytes([number; 16]));
    Run { forked_from: Some(ForkedFrom { run_id: from, event: 12, root }), fork_race: Some(race), ..run }
}

/// The row of a run that a budget of a day parked.
pub(in super::super) fn run_that_is_over_budget() -> Run {
    let (_, run) = runs().remove(1);
    let parked = Some(reason(ParkKind::BudgetExceeded));
    Run { parked, budget_warning: Some("90 of 100 tokens".into()), parked_for_day: Some(Day(20_780)), ..run }
}
