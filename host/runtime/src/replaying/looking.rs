//! Time travel: where a run stood after one of its events, found by replaying it up to there.

use std::collections::{BTreeMap, HashMap};

use abide_engine::Program;
use abide_fair::Slice;
use abide_model::{Attributes, CallIndex, Digest, Error, ErrorCode, Event, Seq};

use super::Recording;
use crate::reading::summary;
use crate::session::Session;
use crate::view::{CallAt, HistoryEvent, RunAt};

/// The log lines that are shown.
const SHOWN_LOG_LINES: usize = 100;

/// Looks at a run after `event`, on `program`. `shown` is that event as a history shows it.
pub(crate) async fn look_at(
    program: &Program,
    version: Digest,
    recording: Recording<'_>,
    event: Seq,
    shown: HistoryEvent,
) -> Result<RunAt, Error> {
    recording.check(event)?;
    let mut session = recording.begin(program)?;
    session.watch();
    let mut stopped = None;
    let (mut did, mut now_ms, mut slice) = (Vec::new(), 0, Slice::begin());
    for (seq, recorded) in recording.history.iter().take_while(|(seq, _)| *seq <= event) {
        if *seq == event
            && let Some(observed) = session.observed()
        {
            observed.keep_steps();
        }
        if let Err(reason) = session.deliver(*seq, recorded).await {
            stopped = Some(reason);
            break;
        }
        now_ms = session.time_ms().max(now_ms);
        slice.yielded().await;
    }
    let look = session.look(false);
    let calls = calls(&mut session, recording);
    let mut at = RunAt {
        run_id: recording.run_id,
        version,
        event: shown,
        events: recording.history.len() as u64,
        started_ms: recording.history.first().map_or(0, |(_, first)| first.time_ms),
        now_ms,
        did: Vec::new(),
        published: BTreeMap::new(),
        attributes: recording.attributes(),
        log: Vec::new(),
        calls,
        waiting_signals: count(session.machine().waiting_signals()),
        waiting_updates: count(session.machine().waiting_updates()),
        memory_bytes: session.memory_bytes(),
        fuel_used: look.map(|look| look.fuel_used),
        stopped,
    };
    if let Some(observed) = session.observed() {
        did.extend(observed.take_step().in_words());
        at.published.clone_from(observed.published());
        if let Some(attributes) = observed.attributes() {
            at.attributes.clone_from(attributes);
        }
        at.log = observed.log(SHOWN_LOG_LINES);
    }
    at.did = did;
    Ok(at)
}

impl Recording<'_> {
    /// Refuses an event that the history does not have.
    pub(crate) fn check(&self, event: Seq) -> Result<(), Error> {
        let events = self.history.len() as u64;
        if event < events {
            return Ok(());
        }
        let message = match events.checked_sub(1) {
            Some(last) => format!("the history has no event {event}: its last one is {last}"),
            None => "the history has no events".to_owned(),
        };
        Err(Error::new(ErrorCode::InvalidArgument, message).about(self.run_id))
    }

    fn attributes(&self) -> Attributes {
        match self.history.first().map(|(_, recorded)| &recorded.event) {
            Some(Event::RunStarted(started)) => started.attributes.clone(),
            _ => Attributes::default(),
        }
    }
}

/// The calls that the guest waits for, with where it made them.
fn calls(session: &mut Session, recording: Recording<'_>) -> Vec<CallAt> {
    let requested: HashMap<CallIndex, _> = recording
        .history
        .iter()
        .filter_map(|(seq, recorded)| match &recorded.event {
            Event::CallRequested(requested) => Some((requested.call, (*seq, recorded.time_ms, requested))),
            _ => None,
        })
        .collect();
    let open: Vec<_> = session.machine().open_calls().iter().map(|(call, kind)| (*call, *kind)).collect();
    open.into_iter()
        .map(|(call, kind)| {
            let requested = requested.get(&call);
            CallAt {
                call,
                kind,
                event: requested.map(|(seq, _, _)| *seq),
                since_ms: requested.map(|(_, time_ms, _)| *time_ms),
                summary: requested.map(|(_, _, requested)| summary(&requested.request)).unwrap_or_default(),
                place: session.guest().place(call).unwrap_or_default(),
            }
        })
        .collect()
}

fn count<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for name in names {
        *counted.entry(name.to_owned()).or_default() += 1;
    }
    counted
}
