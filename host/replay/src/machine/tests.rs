//! The machine by itself: what it resolves in which order, and what it takes for a divergence.

use abide_model::{CallCompleted, CallOptions, CancelRequested, Request, SignalReceived};

use super::*;

fn call(index: CallIndex, kind: CallKind, request: &str) -> (Call, RecordedRequest) {
    let request = Request::new(Json::parse(request).unwrap());
    let recorded = RecordedRequest::of(&request);
    (Call { index, kind, request, options: CallOptions::default() }, recorded)
}

fn requested(seq: Seq, cause: Seq, call: &(Call, RecordedRequest)) -> (Seq, Recorded) {
    let event = Event::CallRequested(CallRequested {
        call: call.0.index,
        cause,
        kind: call.0.kind,
        request: call.1.clone(),
        options: CallOptions::default(),
    });
    (seq, Recorded { time_ms: 0, event })
}

fn completed(call: CallIndex) -> Event {
    Event::CallCompleted(CallCompleted::new(call, Outcome::Ok(Json::null()), 1))
}

fn signal(name: &str, payload: &str) -> Event {
    Event::SignalReceived(SignalReceived { name: name.to_owned(), payload: Json::parse(payload).unwrap(), key: None })
}

#[test]
fn the_recorded_call_is_recognised_and_the_next_one_is_new() {
    let first = call(0, CallKind::ToolsCall, r#"{"op":"reserve"}"#);
    let second = call(1, CallKind::ToolsCall, r#"{"op":"charge"}"#);
    let mut machine = Machine::new(&[requested(1, 0, &first)]);
    assert_eq!(machine.call(&first.0, &first.1), Ok(Seen::Recorded));
    machine.settle().unwrap();
    machine.deliver(2, &completed(0)).unwrap();
    assert_eq!(machine.next_resolution(), Some((0, Outcome::Ok(Json::null()))));
    assert_eq!(machine.call(&second.0, &second.1), Ok(Seen::New));
}

#[test]
fn a_divergence_names_the_event_and_both_calls() {
    let recorded = call(0, CallKind::ToolsCall, r#"{"op":"reserve"}"#);
    let made = call(0, CallKind::ToolsCall, r#"{"op":"charge"}"#);
    let mut machine = Machine::new(&[requested(1, 0, &recorded)]);
    let divergence = machine.call(&made.0, &made.1).unwrap_err();
    assert_eq!(
        divergence.to_string(),
        "at event 1 the history has call 0, `tools.call` {\"op\":\"reserve\"}, the component made call 0, \
         `tools.call` {\"op\":\"charge\"} after event 0"
    );
}

#[test]
fn a_recorded_call_that_is_not_made_diverges() {
    let recorded = call(0, CallKind::ToolsCall, "{}");
    let machine = Machine::new(&[requested(1, 0, &recorded)]);
    assert_eq!(machine.settle().unwrap_err().event, 1);
}

#[test]
fn a_call_that_the_history_does_not_have_diverges() {
    let recorded = call(0, CallKind::ToolsCall, "{}");
    let extra = call(1, CallKind::ToolsCall, "{}");
    let mut machine = Machine::new(&[requested(1, 0, &recorded)]);
    machine.call(&recorded.0, &recorded.1).unwrap();
    let divergence = machine.call(&extra.0, &extra.1).unwrap_err();
    assert!(divergence.recorded.starts_with("nothing more"), "{divergence}");
}

#[test]
fn a_call_at_another_point_diverges() {
    let late = call(0, CallKind::ToolsCall, "{}");
    let mut machine = Machine::new(&[requested(2, 1, &late)]);
    assert!(machine.call(&late.0, &late.1).is_err(), "it was made after event 0, not after event 1");
}

#[test]
fn signals_are_received_in_order_and_early_ones_wait() {
    let mut machine = Machine::new(&[]);
    machine.deliver(1, &signal("go", "1")).unwrap();
    machine.deliver(2, &signal("go", "2")).unwrap();
    machine.deliver(3, &signal("other", "3")).unwrap();
    assert_eq!(machine.next_resolution(), None);
    for (index, expected) in [(0, "1"), (1, "2")] {
        let receive = call(index, CallKind::SignalsReceive, r#"{"name":"go"}"#);
        machine.call(&receive.0, &receive.1).unwrap();
        assert_eq!(machine.next_resolution(), Some((index, Outcome::Ok(Json::parse(expected).unwrap()))));
    }
    let receive = call(2, CallKind::SignalsReceive, r#"{"name":"go"}"#);
    machine.call(&receive.0, &receive.1).unwrap();
    assert_eq!(machine.next_resolution(), None);
    machine.deliver(4, &signal("go", "4")).unwrap();
    assert_eq!(machine.next_resolution(), Some((2, Outcome::Ok(Json::parse("4").unwrap()))));
    assert_eq!(machine.buffered_messages(), 1);
}

#[test]
fn a_signal_on_its_way_to_a_dropped_call_is_not_lost() {
    let mut machine = Machine::new(&[]);
    let receive = call(0, CallKind::SignalsReceive, r#"{"name":"go"}"#);
    machine.call(&receive.0, &receive.1).unwrap();
    machine.deliver(1, &signal("go", "1")).unwrap();
    machine.cancelled(0).unwrap();
    assert_eq!(machine.next_resolution(), None);
    let receive = call(1, CallKind::SignalsReceive, r#"{"name":"go"}"#);
    machine.call(&receive.0, &receive.1).unwrap();
    assert_eq!(machine.next_resolution(), Some((1, Outcome::Ok(Json::parse("1").unwrap()))));
}

#[test]
fn cancellation_reaches_those_who_wait_and_those_who_ask_later() {
    let mut machine = Machine::new(&[]);
    let early = call(0, CallKind::CancellationRequested, "{}");
    machine.call(&early.0, &early.1).unwrap();
    machine.deliver(1, &Event::CancelRequested(CancelRequested { reason: "enough".to_owned() })).unwrap();
    let outcome = Outcome::Ok(Json::parse("\"enough\"").unwrap());
    assert_eq!(machine.next_resolution(), Some((0, outcome.clone())));
    let late = call(1, CallKind::CancellationRequested, "{}");
    machine.call(&late.0, &late.1).unwrap();
    assert_eq!(machine.next_resolution(), Some((1, outcome)));
}
