//! The machine: open calls, buffered signals, and the recorded outputs that are still to be matched.

use std::collections::{BTreeMap, HashMap, VecDeque};

use abide_model::{
    Call, CallIndex, CallKind, CallRequested, Event, Json, MarkerRecorded, Outcome, Recorded, RecordedRequest,
    RunClosed, Seq, SignalReceived, Source, UpdateAnswer, UpdateReceived,
};

use crate::Divergence;
use crate::divergence;
use crate::mailbox::Mailbox;

/// How an output stands to the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The history has it.
    Recorded,
    /// The history ends before it: it is to be recorded.
    New,
}

/// A recorded output.
#[derive(Debug, Clone, PartialEq)]
enum Expected {
    Call(CallRequested),
    Cancelled { call: CallIndex, cause: Seq },
    Answered { update: String, cause: Seq, answer: UpdateAnswer },
    Closed(RunClosed),
    Continued { cause: Seq, input: Json },
}

impl Expected {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::CallRequested(requested) => Some(Self::Call(requested.clone())),
            Event::CallCancelled(cancelled) => Some(Self::Cancelled { call: cancelled.call, cause: cancelled.cause }),
            Event::UpdateAnswered(answered) => Some(Self::Answered {
                update: answered.id.clone(),
                cause: answered.cause,
                answer: answered.answer.clone(),
            }),
            Event::RunClosed(closed) => Some(Self::Closed(closed.clone())),
            Event::RunContinued(continued) => {
                Some(Self::Continued { cause: continued.cause, input: continued.input.clone() })
            }
            _ => None,
        }
    }

    fn cause(&self) -> Seq {
        match self {
            Self::Call(requested) => requested.cause,
            Self::Cancelled { cause, .. } | Self::Answered { cause, .. } | Self::Continued { cause, .. } => *cause,
            Self::Closed(closed) => closed.cause,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Call(requested) => {
                format!("call {}, {}", requested.call, divergence::call(requested.kind, &requested.request))
            }
            Self::Cancelled { call, .. } => format!("the cancelling of call {call}"),
            Self::Answered { update, answer, .. } => divergence::answer(update, answer),
            Self::Closed(closed) => divergence::end(&closed.outcome),
            Self::Continued { input, .. } => divergence::continuation(input),
        }
    }
}

/// The state of a run that follows from its history.
#[derive(Debug, Default)]
pub struct Machine {
    /// The input that was delivered last.
    cause: Seq,
    /// Calls that wait for their outcome.
    open: BTreeMap<CallIndex, CallKind>,
    signals: Mailbox,
    updates: Mailbox,
    /// Values that the history records, each from its cause on.
    markers: HashMap<String, MarkerRecorded>,
    /// Why the run was asked to end.
    cancel: Option<String>,
    /// `cancellation.requested` calls that wait.
    cancel_waiters: VecDeque<CallIndex>,
    /// Outcomes that are to be given, one at a time.
    resolutions: VecDeque<(CallIndex, Outcome)>,
    /// Recorded outputs that were not matched yet.
    expected: VecDeque<(Seq, Expected)>,
    /// Up to this input, the history has all that the guest did.
    settled: Option<Seq>,
}

impl Machine {
    /// A machine that expects the outputs of `history`. An empty history expects none.
    pub fn new<'a>(history: impl IntoIterator<Item = &'a (Seq, Recorded)>) -> Self {
        let mut machine = Self::default();
        for (seq, recorded) in history {
            if let Some(expected) = Expected::of(&recorded.event) {
                machine.settled = machine.settled.max(Some(expected.cause()));
                machine.expected.push_back((*seq, expected));
            } else if let Event::MarkerRecorded(marker) = &recorded.event {
                // Markers are looked up, not matched: code that no longer asks for one still fits the history.
                machine.markers.insert(marker.id.clone(), marker.clone());
            }
        }
        machine
    }

    /// The input that was delivered last.
    pub fn cause(&self) -> Seq {
        self.cause
    }

    /// The calls that wait for their outcome.
    pub fn open_calls(&self) -> &BTreeMap<CallIndex, CallKind> {
        &self.open
    }

    /// Why the run was asked to end, if it was.
    pub fn cancel_reason(&self) -> Option<&str> {
        self.cancel.as_deref()
    }

    /// Signals and updates that came and were not received.
    pub fn buffered_messages(&self) -> usize {
        self.signals.len() + self.updates.len()
    }

    /// The same, as events for the run that goes on with them.
    pub fn take_along(&self) -> Vec<Event> {
        let signals = self.signals.waiting().map(|(name, payload)| {
            Event::SignalReceived(SignalReceived { name: name.to_owned(), payload: payload.clone(), key: None })
        });
        let updates = self.updates.waiting().filter_map(|(_, message)| message.read().ok().map(Event::UpdateReceived));
        signals.chain(updates).collect()
    }

    /// The markers of the history.
    pub fn markers(&self) -> &HashMap<String, MarkerRecorded> {
        &self.markers
    }

    /// Takes an input. What the guest is to be given for it comes from [`Machine::next_resolution`]. Events that are no inputs
    /// are passed over.
    pub fn deliver(&mut self, seq: Seq, event: &Event) -> Result<(), Divergence> {
        if !event.is_input() {
            return Ok(());
        }
        self.cause = seq;
        match event {
            Event::CallCompleted(completed) => {
                let fits = self.open.get(&completed.call).is_some_and(|kind| kind.source() != Source::History);
                if !fits {
                    return Err(Divergence {
                        event: seq,
                        recorded: format!("the outcome of call {}", completed.call),
                        made: "does not wait for that call".to_owned(),
                    });
                }
                self.resolutions.push_back((completed.call, completed.outcome.clone()));
            }
            Event::SignalReceived(signal) => {
                let received = self.signals.put(&signal.name, signal.payload.clone());
                self.resolutions.extend(received.map(|(call, payload)| (call, Outcome::Ok(payload))));
            }
            Event::UpdateReceived(update) => {
                let received = self.updates.put(&update.name, update_message(update));
                self.resolutions.extend(received.map(|(call, message)| (call, Outcome::Ok(message))));
            }
            Event::CancelRequested(cancel) => {
                self.cancel.get_or_insert_with(|| cancel.reason.clone());
                while let Some(call) = self.cancel_waiters.pop_front() {
                    self.resolutions.push_back((call, cancelled(&cancel.reason)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The call that is to be resolved next, if any. The guest is polled until it is quiescent between two of them.
    pub fn next_resolution(&mut self) -> Option<(CallIndex, Outcome)> {
        let (call, outcome) = self.resolutions.pop_front()?;
        self.open.remove(&call);
        self.signals.received(call);
        self.updates.received(call);
        Some((call, outcome))
    }

    /// The guest made a call, which a history records as `request`.
    pub fn call(&mut self, call: &Call, request: &RecordedRequest) -> Result<Seen, Divergence> {
        let seen = self.match_output(
            |expected| {
                matches!(expected, Expected::Call(recorded)
                    if recorded.call == call.index && recorded.kind == call.kind && recorded.request == *request)
            },
            || format!("made call {}, {}", call.index, divergence::call(call.kind, request)),
        )?;
        self.open.insert(call.index, call.kind);
        match call.kind {
            CallKind::SignalsReceive => {
                let received = self.signals.receive(requested_name(&call.request.head), call.index);
                self.resolutions.extend(received.map(|payload| (call.index, Outcome::Ok(payload))));
            }
            CallKind::UpdatesReceive => {
                let received = self.updates.receive(requested_name(&call.request.head), call.index);
                self.resolutions.extend(received.map(|message| (call.index, Outcome::Ok(message))));
            }
            CallKind::CancellationRequested => match &self.cancel {
                Some(reason) => self.resolutions.push_back((call.index, cancelled(reason))),
                None => self.cancel_waiters.push_back(call.index),
            },
            _ => {}
        }
        Ok(seen)
    }

    /// The guest dropped a call.
    pub fn cancelled(&mut self, call: CallIndex) -> Result<Seen, Divergence> {
        let seen = self.match_output(
            |expected| matches!(expected, Expected::Cancelled { call: recorded, .. } if *recorded == call),
            || format!("cancelled call {call}"),
        )?;
        self.open.remove(&call);
        self.cancel_waiters.retain(|waiter| *waiter != call);
        let resolved = self.resolutions.iter().position(|(resolved, _)| *resolved == call);
        let on_its_way = match resolved.and_then(|at| self.resolutions.remove(at)) {
            Some((_, Outcome::Ok(message))) => Some(message),
            _ => None,
        };
        // The call is known to one of the two, or to neither.
        self.signals.dropped(call, on_its_way.clone());
        self.updates.dropped(call, on_its_way);
        Ok(seen)
    }

    /// The guest said something to an update.
    pub fn answered(&mut self, update: &str, answer: &UpdateAnswer) -> Result<Seen, Divergence> {
        self.match_output(
            |expected| {
                matches!(expected, Expected::Answered { update: id, answer: recorded, .. }
                    if id == update && recorded == answer)
            },
            || format!("gave {}", divergence::answer(update, answer)),
        )
    }

    /// The guest's `run` ended, to go on as a new run with `input`.
    pub fn continued(&mut self, input: &Json) -> Result<Seen, Divergence> {
        self.match_output(
            |expected| matches!(expected, Expected::Continued { input: recorded, .. } if recorded == input),
            || format!("ended with {}", divergence::continuation(input)),
        )
    }

    /// The guest's `run` gave `outcome`.
    pub fn closed(&mut self, outcome: &Outcome) -> Result<Seen, Divergence> {
        self.match_output(
            |expected| matches!(expected, Expected::Closed(recorded) if recorded.outcome == *outcome),
            || format!("ended with {}", divergence::end(outcome)),
        )
    }

    /// Called when the guest is quiescent and nothing is left to resolve: all that the history says it did by now, it must have
    /// done.
    pub fn settle(&self) -> Result<(), Divergence> {
        match self.expected.front() {
            Some((seq, expected)) if expected.cause() <= self.cause => Err(Divergence {
                event: *seq,
                recorded: expected.describe(),
                made: format!("did nothing more after event {}", self.cause),
            }),
            _ => Ok(()),
        }
    }

    /// Whether the history says nothing of what the guest does now: all of it is new, log lines and published values too.
    pub fn is_past_record(&self) -> bool {
        self.settled.is_none_or(|settled| self.cause > settled)
    }

    /// Whether all recorded outputs were matched.
    pub fn is_caught_up(&self) -> bool {
        self.expected.is_empty()
    }

    fn match_output(
        &mut self,
        fits: impl FnOnce(&Expected) -> bool,
        made: impl FnOnce() -> String,
    ) -> Result<Seen, Divergence> {
        match self.expected.front() {
            Some((_, expected)) if expected.cause() == self.cause && fits(expected) => {
                self.expected.pop_front();
                Ok(Seen::Recorded)
            }
            Some((seq, expected)) => Err(Divergence {
                event: *seq,
                recorded: expected.describe(),
                made: format!("{} after event {}", made(), self.cause),
            }),
            None if self.settled.is_some_and(|settled| self.cause <= settled) => Err(Divergence {
                event: self.cause,
                recorded: format!("nothing more after event {}", self.cause),
                made: made(),
            }),
            None => Ok(Seen::New),
        }
    }
}

/// What `cancellation.requested` gives.
fn cancelled(reason: &str) -> Outcome {
    Outcome::Ok(Json::from(&serde_json::Value::from(reason)))
}

/// What `updates.receive` gives.
fn update_message(update: &UpdateReceived) -> Json {
    Json::of(update).expect("texts and JSON can be written as JSON")
}

/// The name in the request of a call that receives, which the host itself wrote.
fn requested_name(request: &Json) -> String {
    let name = |value: serde_json::Value| value.get("name").and_then(|name| name.as_str().map(str::to_owned));
    request.read().ok().and_then(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
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
        Event::CallCompleted(CallCompleted { call, outcome: Outcome::Ok(Json::null()), attempts: 1 })
    }

    fn signal(name: &str, payload: &str) -> Event {
        Event::SignalReceived(SignalReceived {
            name: name.to_owned(),
            payload: Json::parse(payload).unwrap(),
            key: None,
        })
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
}
