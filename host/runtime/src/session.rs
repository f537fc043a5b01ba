//! A guest with its machine: delivers inputs in order, lets the guest settle after each, and says what is new. It serves live
//! runs, replays and queries alike, and does no IO.

mod reasons;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use abide_activities::{Veil, Veiled};
use abide_engine::{Ending, Guest, GuestSpec, LogLevel, Look, Output, Program, Turn};
use abide_fair::Slice;
use abide_model::others::next_run_id;
use abide_model::{
    Attributes, Call, CallCancelled, CallIndex, CallRequested, Digest, Event, Failure, Json, Limits, MarkerRecorded,
    Node, Outcome, ParkKind, ParkReason, Recorded, RecordedRequest, RunClosed, RunContinued, RunId, RunStarted, Seq,
    Source, UpdateAnswered,
};
use abide_replay::{Divergence, Machine, Seen};

use self::reasons::{diverged, last_words, worked_too_long};
use crate::observed::Observed;
use crate::prefix::Shown;

/// A log line of a guest.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogLine {
    pub(crate) level: LogLevel,
    pub(crate) message: String,
    pub(crate) fields: Option<Json>,
}

/// What a guest did that its history does not have yet.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) events: Vec<Event>,
    pub(crate) nodes: Vec<(Digest, Node)>,
    pub(crate) published: Vec<(String, Json)>,
    /// All attributes of the run, where the guest changed some.
    pub(crate) attributes: Option<Attributes>,
    pub(crate) log: Vec<LogLine>,
    /// Calls that are in `events`.
    pub(crate) calls: Vec<Call>,
    pub(crate) cancelled: Vec<CallIndex>,
    /// Messages that were not received, for the run that this one goes on as.
    pub(crate) take_along: Vec<Event>,
    /// The run ended: the closing event is the last of `events`, unless the history had it.
    pub(crate) ended: bool,
}

/// A guest with its machine.
pub(crate) struct Session {
    guest: Guest,
    machine: Machine,
    run_id: RunId,
    /// When the input was recorded that was delivered last.
    time_ms: u64,
    /// Recorded calls that somebody has to do something for, now that the guest is back.
    recorded_calls: Vec<Call>,
    /// What the guest did, where somebody wants to know more of it than its news.
    observed: Option<Observed>,
    /// What the guest showed in the steps that its history has, where somebody wants that.
    shown: Option<Shown>,
    /// What is kept out of the history, or why that is not known.
    veil: Result<Arc<Veil>, String>,
    /// What was kept out of calls that are open.
    veiled: HashMap<CallIndex, Veiled>,
    ended: bool,
    /// How long it may compute between two events.
    turn_limit: Option<Duration>,
}

impl Session {
    /// A session at the beginning of a run whose history is `history`; its first event says what the run starts with.
    pub(crate) fn new(
        program: &Program,
        run_id: RunId,
        started_ms: u64,
        started: &RunStarted,
        history: &[(Seq, Recorded)],
    ) -> Self {
        let machine = Machine::new(history);
        let told = guest_run_id(run_id, history);
        let spec = GuestSpec { run_id: told, started_ms, started: started.clone(), markers: machine.markers().clone() };
        Self {
            guest: Guest::new(program, spec),
            machine,
            run_id,
            time_ms: started_ms,
            recorded_calls: Vec::new(),
            observed: None,
            shown: None,
            veil: veil_of(started),
            veiled: HashMap::new(),
            ended: false,
            turn_limit: None,
        }
    }

    /// What is kept out of the history.
    pub(crate) fn veil(&self) -> Arc<Veil> {
        self.veil.clone().unwrap_or_default()
    }

    /// Stops the guest where it computes for longer than its limits say. For runs, not for replays that somebody looks at: those have their fuel.
    pub(crate) fn limit_turns(&mut self, limits: &Limits) {
        self.turn_limit = Some(Duration::from_millis(limits.turn_ms()));
    }

    /// More of the history, which was recorded since this began. It is given to the guest by [`Session::deliver`], as all of it.
    pub(crate) fn extend(&mut self, history: &[(Seq, Recorded)]) {
        self.machine.extend(history);
        for (_, recorded) in history {
            if let Event::MarkerRecorded(marker) = &recorded.event {
                self.guest.add_marker(marker.clone());
            }
        }
    }

    /// Takes the history, up to the input `last`, for all that the guest does.
    pub(crate) fn settle_until(&mut self, last: Seq) {
        self.machine.settle_until(last);
    }

    /// Keeps what the guest shows from now on in steps that its history has.
    pub(crate) fn keep_shown(&mut self) {
        self.shown = Some(Shown::default());
    }

    /// What was kept.
    pub(crate) fn take_shown(&mut self) -> Shown {
        self.shown.take().unwrap_or_default()
    }

    /// Keeps what the guest does from now on.
    pub(crate) fn keep_trace(&mut self) {
        self.observed.get_or_insert_default();
    }

    /// A digest over all that the guest did while it was kept.
    pub(crate) fn trace(&self) -> Option<Digest> {
        self.observed.as_ref().map(Observed::trace)
    }

    /// What the guest did while it was kept.
    pub(crate) fn observed(&mut self) -> Option<&mut Observed> {
        self.observed.as_mut()
    }

    /// The same, with where the guest makes its calls, and what [`Session::look`] shows. None of it changes what the guest does.
    pub(crate) fn watch(&mut self) {
        self.keep_trace();
        self.guest.watch();
    }

    /// Counts the fuel that the guest uses, for [`Session::look`].
    pub(crate) fn watch_fuel(&mut self) {
        self.guest.watch_fuel();
    }

    /// The fuel that the guest used since its start, where that is counted.
    pub(crate) fn fuel_used(&mut self) -> u64 {
        self.guest.fuel_used()
    }

    /// Looks at a guest that is watched. `None` where it stopped.
    pub(crate) fn look(&mut self, with_memory: bool) -> Option<Look> {
        self.guest.look(with_memory)
    }

    /// When the input was recorded that was delivered last.
    pub(crate) fn time_ms(&self) -> u64 {
        self.time_ms
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(crate) fn guest(&mut self) -> &mut Guest {
        &mut self.guest
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.guest.memory_bytes()
    }

    /// Calls that the history requested, that have no outcome, and that somebody has to do something for. They are given once.
    pub(crate) fn take_recorded_calls(&mut self) -> Vec<Call> {
        let open = self.machine.open_calls();
        let mut calls = std::mem::take(&mut self.recorded_calls);
        calls.retain(|call| open.contains_key(&call.index));
        calls
    }

    /// Gives the guest an event and lets it settle. An event that is no input changes nothing.
    pub(crate) async fn deliver(&mut self, seq: Seq, recorded: &Recorded) -> Result<News, ParkReason> {
        let mut news = News::default();
        if self.ended || !recorded.event.is_input() {
            return Ok(news);
        }
        if let Err(problem) = &self.veil {
            return Err(ParkReason {
                kind: ParkKind::VersionUnavailable,
                message: format!("the rules that keep something out of the history cannot be read: {problem}"),
                event: Some(0),
                backtrace: Vec::new(),
            });
        }
        self.time_ms = recorded.time_ms;
        self.machine.deliver(seq, &recorded.event).map_err(diverged)?;
        self.guest.advance(recorded.time_ms, seq, self.machine.is_past_record());
        // The first event only starts the guest; each other one resolves calls, one at a time.
        if seq == 0 {
            self.settle(&mut news).await?;
        }
        while !self.ended
            && let Some((call, outcome)) = self.machine.next_resolution()
        {
            // The guest sees what it sent itself; the history has tokens in its place.
            let outcome = match self.veiled.remove(&call) {
                Some(veiled) => veiled.uncover(outcome),
                None => outcome,
            };
            self.guest.resolve(call, outcome);
            self.settle(&mut news).await?;
        }
        self.machine.settle().map_err(diverged)?;
        news.ended = self.ended;
        Ok(news)
    }

    /// Gives the guest events until it cannot go on.
    pub(crate) async fn deliver_all(&mut self, history: &[(Seq, Recorded)]) -> Result<(), ParkReason> {
        let mut slice = Slice::begin();
        for (seq, recorded) in history {
            self.deliver(*seq, recorded).await?;
            slice.yielded().await;
        }
        Ok(())
    }

    /// Polls until the guest waits for outcomes, and takes down what it did.
    async fn settle(&mut self, news: &mut News) -> Result<(), ParkReason> {
        let mut slice = Slice::begin();
        let ended = loop {
            match self.guest.poll() {
                Turn::Quiescent => break None,
                Turn::Yielded => {
                    let worked = slice.yielded().await;
                    if let Some(limit) = self.turn_limit.filter(|limit| worked > *limit) {
                        return Err(worked_too_long(self.machine.cause(), limit));
                    }
                }
                Turn::Ended(ending) => break Some(ending),
                Turn::Stopped(mut stop) => {
                    self.add_last_words(&mut stop);
                    stop.event = Some(self.machine.cause());
                    return Err(stop);
                }
            }
        };
        for output in self.guest.take_outputs() {
            if let Some(observed) = &mut self.observed {
                observed.output(self.machine.cause(), &output);
            }
            let call = if let Output::Call(call) = &output { Some(call.index) } else { None };
            self.take_down(output, news).map_err(|divergence| {
                let place = call.and_then(|call| self.guest.place(call));
                ParkReason { backtrace: place.unwrap_or_default(), ..diverged(divergence) }
            })?;
        }
        if let Some(ending) = ended {
            self.ended = true;
            if let Some(observed) = &mut self.observed {
                observed.ending(&ending);
            }
            news.events.extend(self.end(ending).map_err(diverged)?);
            if let Some(Event::RunContinued(_)) = news.events.last() {
                news.take_along = self.machine.take_along();
            }
        }
        Ok(())
    }

    /// The event of the end, if the history does not have it.
    fn end(&mut self, ending: Ending) -> Result<Option<Event>, Divergence> {
        let cause = self.machine.cause();
        Ok(match ending {
            Ending::Gave(outcome) => (self.machine.closed(&outcome)? == Seen::New).then(|| {
                let cancelled = self.machine.cancel_reason().is_some()
                    && matches!(&outcome, Outcome::Failed(failure) if failure.code == Failure::CANCELLED);
                Event::RunClosed(RunClosed { cause, outcome, cancelled })
            }),
            Ending::Continues(input) => (self.machine.continued(&input)? == Seen::New).then(|| {
                let run_id = next_run_id(self.run_id, self.time_ms);
                Event::RunContinued(RunContinued { cause, input, run_id })
            }),
        })
    }

    fn take_down(&mut self, output: Output, news: &mut News) -> Result<(), Divergence> {
        match output {
            Output::Call(call) => {
                let mut nodes = Vec::new();
                let mut keep = |digest, node| nodes.push((digest, node));
                let veil = self.veil.as_ref().ok();
                let request = match veil.and_then(|veil| veil.cover(call.kind, &call.request)) {
                    Some((covered, veiled)) => {
                        self.veiled.insert(call.index, veiled);
                        RecordedRequest::with_nodes(&covered, keep)
                    }
                    None => RecordedRequest::with_nodes(&call.request, &mut keep),
                };
                match self.machine.call(&call, &request)? {
                    Seen::New => {
                        news.nodes.append(&mut nodes);
                        news.events.push(Event::CallRequested(CallRequested {
                            call: call.index,
                            cause: self.machine.cause(),
                            kind: call.kind,
                            request,
                            options: call.options.clone(),
                        }));
                        news.calls.push(call);
                    }
                    Seen::Recorded => match call.kind.source() {
                        Source::Activity | Source::Host | Source::OtherRun => self.recorded_calls.push(call),
                        Source::Timer | Source::History => {}
                    },
                }
            }
            Output::Answered { update, answer } => {
                if self.machine.answered(&update, &answer)? == Seen::New {
                    let cause = self.machine.cause();
                    news.events.push(Event::UpdateAnswered(UpdateAnswered { id: update, cause, answer }));
                }
            }
            Output::Marker { id, value } => {
                let cause = self.machine.cause();
                news.events.push(Event::MarkerRecorded(MarkerRecorded { id, cause, value }));
            }
            Output::Cancelled(call) => {
                self.veiled.remove(&call);
                if self.machine.cancelled(call)? == Seen::New {
                    news.events.push(Event::CallCancelled(CallCancelled { call, cause: self.machine.cause() }));
                    news.cancelled.push(call);
                }
            }
            Output::Published { name, value } => {
                if self.machine.is_past_record() {
                    news.published.push((name, value));
                } else if let Some(shown) = &mut self.shown {
                    shown.published.insert(name, value);
                }
            }
            Output::Attributes(attributes) => {
                if self.machine.is_past_record() {
                    news.attributes = Some(attributes);
                } else if let Some(shown) = &mut self.shown {
                    shown.attributes = Some(attributes);
                }
            }
            Output::Log { level, message, fields } => {
                if self.machine.is_past_record() {
                    news.log.push(LogLine { level, message, fields });
                }
            }
        }
        Ok(())
    }

    /// A guest that panics says why in its last log line, a program in what it wrote to standard error last; that is worth more than the trap.
    fn add_last_words(&mut self, stop: &mut ParkReason) {
        if let Some(words) = last_words(self.guest.take_outputs()) {
            stop.message = format!("{}; its last log line: {words}", stop.message);
        }
    }
}

/// The run id that the guest of a run is told. One that goes on with the events of another run goes on with what its guest was told there.
pub(crate) fn guest_run_id(run_id: RunId, history: &[(Seq, Recorded)]) -> RunId {
    let told = history.iter().rev().find_map(|(_, recorded)| match &recorded.event {
        Event::RunForked(forked) => Some(forked.guest_run_id),
        Event::RunReset(reset) => reset.guest_run_id,
        _ => None,
    });
    told.unwrap_or(run_id)
}

/// What is kept out of a history, by its first event.
fn veil_of(started: &RunStarted) -> Result<Arc<Veil>, String> {
    started.veil.as_ref().map_or_else(|| Ok(Arc::default()), |written| Veil::read(written).map(Arc::new))
}
