//! Tests: samples of all that is about replays and capsules are as the document says.

use abide_model::{CallKind, Digest, Event, Recorded, RunResumed};
use abide_runtime::view::{
    CallAt, Difference, DifferenceKind, HistoryEvent, Imported, LoggedLine, Proof, ProofEngine, ReplayReport,
    ReplayVerdict, RunAt,
};

use super::samples::{attributes, fits, reason, run, text};

#[test]
fn every_proof_is_as_documented() {
    let engine = |memory: Option<Digest>| ProofEngine {
        engine: "interpreter".to_owned(),
        trace: Digest::of(b"a"),
        fuel_used: memory.map(|_| 7),
        memory,
        micros: 3,
    };
    for kind in [DifferenceKind::Output, DifferenceKind::Stop, DifferenceKind::Fuel, DifferenceKind::Memory] {
        let between = ["native".to_owned(), "interpreter".to_owned()];
        let difference = Difference { event: 3, kind, between, first: "a".to_owned(), second: "b".to_owned() };
        let proof = Proof {
            equal: false,
            compared_events: 4,
            engines: vec![engine(None), engine(Some(Digest::of(b"m")))],
            difference: Some(difference),
        };
        let report = ReplayReport {
            run_id: run().run_id,
            version: Digest::of(b"a"),
            verdict: ReplayVerdict::Identical,
            events: 3,
            reason: None,
            trace: Digest::of(b"b"),
            log: Vec::new(),
            micros: 5,
            proof: Some(proof),
        };
        fits("ReplayReport", &report);
    }
}

#[test]
fn where_a_run_stood_is_as_documented() {
    let resumed = Recorded { time_ms: 1, event: Event::RunResumed(RunResumed {}) };
    let call = CallAt {
        call: 1,
        kind: CallKind::LlmGenerate,
        event: Some(2),
        since_ms: Some(3),
        summary: "2 messages".to_owned(),
        place: vec!["ask at src/lib.rs:3".to_owned()],
    };
    let new = CallAt { event: None, since_ms: None, summary: String::new(), place: Vec::new(), ..call.clone() };
    let lines = ["trace", "debug", "info", "warn", "error"];
    let at = RunAt {
        run_id: run().run_id,
        version: Digest::of(b"a"),
        event: HistoryEvent::of(2, &resumed, None),
        events: 9,
        started_ms: 1,
        now_ms: 4,
        did: vec!["published `stage`".to_owned()],
        published: [("stage".to_owned(), text("\"drafting\""))].into(),
        attributes: attributes(),
        log: lines.map(|level| LoggedLine { event: 1, level: level.to_owned(), message: "hello".to_owned() }).into(),
        calls: vec![call, new],
        waiting_signals: [("approve".to_owned(), 1)].into(),
        waiting_updates: [("add".to_owned(), 2)].into(),
        memory_bytes: 65_536,
        fuel_used: Some(12),
        stopped: Some(reason()),
    };
    fits("RunAt", &at);
    fits("Imported", &Imported { run: run(), events: 9 });
}
