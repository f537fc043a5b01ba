//! Proof of equality: one history on several engines at the same time. After each event, what the guests did is compared, the fuel that they used, and a
//! digest of their memories where the engine shows it. The first difference ends it, and is named.

use std::time::{Duration, Instant};

use abide_engine::{Look, Program};
use abide_model::{Digest, Error, ParkKind, ParkReason, Seq};

use super::{MAX_LOG_LINES, Recording, verdict};
use crate::observed::Step;
use crate::session::Session;
use crate::view::{Difference, DifferenceKind, Proof, ProofEngine, ReplayReport};

/// The replay seats that a proof takes: one for each engine.
pub(crate) const PROVING_SEATS: u32 = 3;

/// A component on one of the engines that are compared.
pub(crate) struct Side {
    pub(crate) engine: &'static str,
    pub(crate) program: Program,
    /// Whether the engine shows the memory of its guests.
    pub(crate) with_memory: bool,
}

/// A guest on one of the engines.
struct Runner<'a> {
    side: &'a Side,
    session: Session,
    took: Duration,
    found: Found,
}

/// What was found after an event.
#[derive(Debug, Clone, Default)]
struct Found {
    stopped: Option<ParkReason>,
    step: Step,
    look: Option<Look>,
}

/// Replays a history on all sides, of which the first is the engine of live runs.
pub(crate) async fn compare(sides: &[Side], recording: Recording<'_>, version: Digest) -> Result<ReplayReport, Error> {
    let mut runners = sides.iter().map(|side| Runner::begin(side, recording)).collect::<Result<Vec<_>, _>>()?;
    let (mut compared, mut difference) = (0, None);
    for (seq, recorded) in recording.history.iter().filter(|(_, recorded)| recorded.event.is_input()) {
        for runner in &mut runners {
            let began = Instant::now();
            let stopped = runner.session.deliver(*seq, recorded).await.err();
            runner.took += began.elapsed();
            let step = runner.session.observed().map(|observed| observed.take_step()).unwrap_or_default();
            let look = runner.session.look(runner.side.with_memory);
            runner.found = Found { stopped, step, look };
            // To digest a large memory takes a while.
            abide_fair::give_way().await;
        }
        compared += 1;
        difference = first_difference(*seq, &runners);
        if difference.is_some() || runners.iter().any(|runner| runner.found.stopped.is_some()) {
            break;
        }
    }
    Ok(report(runners, recording, version, compared, difference))
}

impl<'a> Runner<'a> {
    fn begin(side: &'a Side, recording: Recording<'_>) -> Result<Self, Error> {
        let mut session = recording.begin(&side.program)?;
        session.watch();
        if let Some(observed) = session.observed() {
            observed.keep_steps();
        }
        Ok(Self { side, session, took: Duration::ZERO, found: Found::default() })
    }
}

fn report(
    mut runners: Vec<Runner<'_>>,
    recording: Recording<'_>,
    version: Digest,
    compared: u64,
    difference: Option<Difference>,
) -> ReplayReport {
    let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let trace = |runner: &Runner<'_>| runner.session.trace().unwrap_or_else(|| Digest::of(b""));
    let engines = runners.iter().map(|runner| ProofEngine {
        engine: runner.side.engine.to_owned(),
        trace: trace(runner),
        fuel_used: runner.found.look.as_ref().map(|look| look.fuel_used),
        memory: runner.found.look.as_ref().and_then(|look| look.memory.as_ref()).map(|memory| memory.digest()),
        micros: micros(runner.took),
    });
    let proof =
        Proof { equal: difference.is_none(), compared_events: compared, engines: engines.collect(), difference };
    let live = &mut runners[0];
    ReplayReport {
        run_id: recording.run_id,
        version,
        verdict: verdict(live.found.stopped.as_ref()),
        events: recording.history.len() as u64,
        reason: live.found.stopped.take(),
        trace: trace(live),
        log: live
            .session
            .observed()
            .map(|observed| observed.log(MAX_LOG_LINES))
            .unwrap_or_default()
            .into_iter()
            .map(|line| line.message)
            .collect(),
        micros: micros(live.took),
        proof: Some(proof),
    }
}

/// What differs first after an event, each side against the one before it.
fn first_difference(event: Seq, runners: &[Runner<'_>]) -> Option<Difference> {
    runners.windows(2).find_map(|pair| {
        let [first, second] = pair else { return None };
        let (kind, ours, theirs) = differs(&first.found, &second.found)?;
        let between = [first.side.engine.to_owned(), second.side.engine.to_owned()];
        Some(Difference { event, kind, between, first: ours, second: theirs })
    })
}

fn differs(first: &Found, second: &Found) -> Option<(DifferenceKind, String, String)> {
    let stops = (&first.stopped, &second.stopped);
    // How deep a stack goes is the engine's own affair: where one is full, there is nothing more to compare.
    let full =
        |stopped: &Option<ParkReason>| stopped.as_ref().is_some_and(|reason| reason.kind == ParkKind::StackExhausted);
    if full(stops.0) || full(stops.1) {
        return None;
    }
    let reason = |stopped: &Option<ParkReason>| stopped.as_ref().map(|reason| (reason.kind, reason.message.clone()));
    if reason(stops.0) != reason(stops.1) {
        let words = |stopped: &Option<ParkReason>| {
            stopped.as_ref().map_or("went on".to_owned(), |reason| reason.message.clone())
        };
        return Some((DifferenceKind::Stop, words(stops.0), words(stops.1)));
    }
    if first.step != second.step {
        let (ours, theirs) = steps_differ(&first.step, &second.step);
        return Some((DifferenceKind::Output, ours, theirs));
    }
    let (ours, theirs) = (first.look.as_ref()?, second.look.as_ref()?);
    if ours.fuel_used != theirs.fuel_used {
        let words = |look: &Look| format!("used {} units of fuel", look.fuel_used);
        return Some((DifferenceKind::Fuel, words(ours), words(theirs)));
    }
    let (ours, theirs) = (ours.memory.as_ref()?, theirs.memory.as_ref()?);
    let place = ours.difference(theirs)?;
    let words = |digest: Digest| format!("memory {}: {place}", digest.short());
    Some((DifferenceKind::Memory, words(ours.digest()), words(theirs.digest())))
}

/// The first things that two guests did that are not the same.
fn steps_differ(ours: &Step, theirs: &Step) -> (String, String) {
    let (ours, theirs) = (ours.in_words(), theirs.in_words());
    let at = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs).unwrap_or(ours.len().min(theirs.len()));
    let word = |words: &[String]| words.get(at).cloned().unwrap_or_else(|| "did nothing more".to_owned());
    (word(&ours), word(&theirs))
}

#[cfg(test)]
mod tests {
    use abide_engine::{Ending, Output};
    use abide_model::{Json, Outcome};

    use super::*;

    fn published(name: &str) -> Output {
        Output::Published { name: name.to_owned(), value: Json::null() }
    }

    fn found(outputs: Vec<Output>, fuel_used: u64) -> Found {
        let look = Some(Look { fuel_used, memory: None });
        Found { stopped: None, step: Step { outputs, ending: None }, look }
    }

    fn stopped(kind: ParkKind) -> Found {
        let reason = ParkReason { kind, message: format!("{kind:?}"), event: None, backtrace: vec!["f".to_owned()] };
        Found { stopped: Some(reason), ..Found::default() }
    }

    #[test]
    fn equal_is_equal() {
        assert_eq!(differs(&found(vec![published("a")], 7), &found(vec![published("a")], 7)), None);
        let mut elsewhere = stopped(ParkKind::Trap);
        elsewhere.stopped.as_mut().unwrap().backtrace.clear();
        assert_eq!(differs(&stopped(ParkKind::Trap), &elsewhere), None, "engines may show other functions");
    }

    #[test]
    fn the_first_thing_that_differs_is_named() {
        let difference =
            differs(&found(vec![published("a"), published("b")], 7), &found(vec![published("a"), published("c")], 7));
        let (kind, ours, theirs) = difference.unwrap();
        assert_eq!(kind, DifferenceKind::Output);
        assert_eq!((ours.as_str(), theirs.as_str()), ("published `b`: null", "published `c`: null"));
        let (_, ours, theirs) = differs(&found(vec![published("a")], 7), &found(vec![], 7)).unwrap();
        assert_eq!((ours.as_str(), theirs.as_str()), ("published `a`: null", "did nothing more"));
        let mut ended = found(vec![], 7);
        ended.step.ending = Some(Ending::Gave(Outcome::Ok(Json::null())));
        assert_eq!(differs(&found(vec![], 7), &ended).unwrap().2, "ended with Ok(null)");
        let (kind, ours, _) = differs(&found(vec![], 7), &found(vec![], 8)).unwrap();
        assert_eq!((kind, ours.as_str()), (DifferenceKind::Fuel, "used 7 units of fuel"));
    }

    #[test]
    fn one_that_stops_alone_differs_unless_its_stack_was_full() {
        let (kind, ours, theirs) = differs(&stopped(ParkKind::Trap), &found(vec![], 7)).unwrap();
        assert_eq!((kind, ours.as_str(), theirs.as_str()), (DifferenceKind::Stop, "Trap", "went on"));
        assert_eq!(differs(&stopped(ParkKind::StackExhausted), &found(vec![], 7)), None);
        assert!(differs(&stopped(ParkKind::Trap), &stopped(ParkKind::FuelExhausted)).is_some());
    }
}
