//! The machine: open calls, buffered signals, and the recorded outputs that are still to be matched.

use std::collections::{BTreeMap, HashMap, VecDeque};

use abide_model::{
    Call, CallIndex, CallKind, CallRequested, Event, Json, MarkerRecorded, Outcome, Recorded, RecordedRequest,
    RunClosed, Seq, SignalReceived, Source, UpdateAnswer, UpdateReceived, VersionChanged,
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
        machine.extend(history);
        machine
    }

    /// Expects the outputs of more of the history as well.
    pub fn extend<'a>(&mut self, history: impl IntoIterator<Item = &'a (Seq, Recorded)>) {
        for (seq, recorded) in history {
            if let Some(expected) = Expected::of(&recorded.event) {
                self.settle_until(expected.cause());
                self.expected.push_back((*seq, expected));
                continue;
            }
            match &recorded.event {
                // Markers are looked up, not matched: code that no longer asks for one still fits the history.
                Event::MarkerRecorded(marker) => {
                    self.markers.insert(marker.id.clone(), marker.clone());
                }
                Event::VersionChanged(VersionChanged { settled: Some(settled), .. }) => self.settle_until(*settled),
                _ => {}
            }
        }
    }

    /// Takes what the history has up to the input `cause` for all that the guest does: anything else is a divergence.
    pub fn settle_until(&mut self, cause: Seq) {
        self.settled = self.settled.max(Some(cause));
    }

    /// Up to which input the history has all that the guest did, as far as it says so.
    pub fn settled(&self) -> Option<Seq> {
        self.settled
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

    /// The names of the signals that came and were not received.
    pub fn waiting_signals(&self) -> impl Iterator<Item = &str> {
        self.signals.waiting().map(|(name, _)| name)
    }

    /// The names of the updates that came and were not received.
    pub fn waiting_updates(&self) -> impl Iterator<Item = &str> {
        self.updates.waiting().map(|(name, _)| name)
    }

    /// What came and was not received, as events for the run that goes on with them.
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
mod tests;
