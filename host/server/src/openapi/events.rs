//! Tests: samples of every event are as the document says.

use abide_model::{
    CallCancelled, CallCompleted, CallDeferred, CallKind, CallOptions, CallRequested, CancelRequested, Digest, Event,
    Failure, GatewayAct, GatewayNote, Limits, MarkerRecorded, Outcome, Recorded, RecordedRequest, RetryPolicy,
    RunClosed, RunContinued, RunForked, RunParked, RunPinned, RunReset, RunResumed, RunStarted, RunTerminated,
    RunTimedOut, SignalReceived, Tenant, UpdateAnswer, UpdateAnswered, UpdateReceived, VersionChanged,
};
use abide_runtime::view::{History, HistoryEvent};
use serde_json::json;

use super::samples::{attributes, configuration, document, failure, fits, parent, reason, run, text, usage};

#[test]
fn every_event_is_as_documented() {
    let started = RunStarted {
        tenant: Tenant::default(),
        workflow: run().workflow,
        version: Digest::of(b"a"),
        id: run().id,
        input: text("[1]"),
        seed: [0; 32],
        limits: Limits::default(),
        parent: Some(parent()),
        continued_from: Some(parent().child),
        run_timeout_ms: Some(1),
        attributes: attributes(),
        configuration: Some(configuration()),
        veil: Some(text("{}")),
    };
    let retry = RetryPolicy {
        initial_interval_ms: Some(1),
        backoff_coefficient: Some(2.0),
        max_interval_ms: Some(3),
        jitter: Some(0.5),
        max_attempts: Some(4),
        max_elapsed_ms: Some(5),
        non_retryable: vec!["a".to_owned()],
    };
    let options = CallOptions {
        attempt_timeout_ms: Some(1),
        total_timeout_ms: Some(2),
        retry: Some(retry),
        idempotency_key: Some("a".to_owned()),
    };
    let acts = [
        GatewayAct::Redacted,
        GatewayAct::Tokenised,
        GatewayAct::Restored,
        GatewayAct::Capped,
        GatewayAct::Stripped,
        GatewayAct::Denied,
    ];
    let notes = acts.map(|did| GatewayNote { rule: "pii".into(), did, count: 1 }).into();
    let request = RecordedRequest::Inline(text("{}"));
    let closed = |outcome, cancelled| Event::RunClosed(RunClosed { cause: 0, outcome, cancelled });
    let answered = |answer| Event::UpdateAnswered(UpdateAnswered { id: "u".into(), cause: 0, answer });
    let events = vec![
        Event::RunStarted(Box::new(started)),
        Event::CallRequested(CallRequested { call: 0, cause: 0, kind: CallKind::ToolsCall, request, options }),
        Event::CallCompleted(CallCompleted {
            grant: Some("llm:openai/*".into()),
            gateway: Some(notes),
            usage: Some(usage()),
            ..CallCompleted::new(0, failure(), 2)
        }),
        Event::CallCancelled(CallCancelled { call: 1, cause: 0 }),
        Event::SignalReceived(SignalReceived { name: "a".into(), payload: text("1"), key: Some("k".into()) }),
        Event::CancelRequested(CancelRequested { reason: "a".into() }),
        Event::VersionChanged(VersionChanged { version: Digest::of(b"b"), settled: Some(3) }),
        Event::RunParked(RunParked { reason: reason() }),
        Event::RunResumed(RunResumed {}),
        closed(Outcome::Ok(text("null")), false),
        closed(failure(), false),
        closed(failure(), true),
        Event::RunTerminated(RunTerminated { reason: "a".into() }),
        Event::UpdateReceived(UpdateReceived { id: "u".into(), name: "add".into(), arguments: text("1") }),
        answered(UpdateAnswer::Accepted),
        answered(UpdateAnswer::Rejected(Failure::new("no", "no"))),
        answered(UpdateAnswer::Completed(failure())),
        Event::MarkerRecorded(MarkerRecorded { id: "p".into(), cause: 0, value: text("true") }),
        Event::RunContinued(RunContinued { cause: 0, input: text("1"), run_id: run().run_id }),
        Event::RunTimedOut(RunTimedOut { run_timeout_ms: 1 }),
        Event::RunForked(RunForked { run_id: run().run_id, event: 1, set_outcome: true, guest_run_id: run().run_id }),
        Event::RunReset(RunReset { run_id: run().run_id, event: 1, guest_run_id: None }),
        Event::CallDeferred(CallDeferred { call: 1, attempt: 1 }),
        Event::RunPinned(RunPinned { pinned: true }),
        Event::RunPinned(RunPinned { pinned: false }),
    ];
    let document = document();
    let types = document.pointer("/components/schemas/EventType/enum").unwrap().as_array().unwrap();
    let kinds: Vec<_> = events.iter().map(|event| json!(event.kind())).collect();
    assert_eq!(*types, kinds);
    let shown: Vec<_> = (0..)
        .zip(events)
        .map(|(seq, event)| HistoryEvent::of(seq, &Recorded { time_ms: 1, event }, Some(text("{}"))))
        .collect();
    fits("History", &History { run_id: run().run_id, events: shown, next: Some(14), ended: true });
}
