//! Runs a history again on a component, with no live calls. [`feed`] does it for a run of the store; what is below it takes a program and a
//! history and nothing else, so that a capsule is replayed by the same code.

mod looking;
mod proving;

use std::sync::Arc;
use std::time::Instant;

use abide_activities::Share;
use abide_fair::Slot;
use abide_model::{Digest, Error, ErrorCode, Event, ParkKind, ParkReason, Recorded, RunId, Seq, Tenant};
use bytes::Bytes;

use abide_engine::Program;

use crate::inner::{Inner, RunKey};
use crate::prefix;
use crate::session::{Session, guest_run_id};
use crate::view::{ReplayReport, ReplayVerdict};

pub(crate) use looking::look_at;
pub(crate) use proving::{PROVING_SEATS, Side, compare};

/// The log lines that a report keeps.
const MAX_LOG_LINES: usize = 1000;

/// A session that was given a whole history.
pub(crate) struct Replayed {
    pub(crate) session: Session,
    /// Where it could not go on.
    pub(crate) stopped: Option<ParkReason>,
    pub(crate) log: Vec<String>,
    /// The seat of its guest, as long as somebody asks it something.
    _seat: Option<Slot<Tenant>>,
}

/// What is replayed: a history, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Recording<'a> {
    pub(crate) run_id: RunId,
    pub(crate) history: &'a [(Seq, Recorded)],
    /// Whose turns are taken to compute; nobody's, where no host runs.
    pub(crate) share: Option<&'a Share>,
}

/// Replays the history of a run.
pub(crate) async fn replay(
    inner: &Arc<Inner>,
    key: &RunKey,
    component: Option<Bytes>,
    prove: bool,
) -> Result<ReplayReport, Error> {
    let run = inner.store.run(&key.tenant, key.run_id).await?.ok_or_else(|| crate::errors::no_run(key))?;
    let history = inner.read_history(key).await?;
    let share = inner.share(&key.tenant);
    let recording = Recording { run_id: key.run_id, history: &history, share: Some(&share.activities) };
    if prove {
        let (version, sides) = match component {
            Some(file) => {
                let _upload = inner.sharing.upload(&share).await;
                inner.programs.sides_of_file(file).await?
            }
            None => (run.version, inner.programs.sides(&key.tenant, run.version).await?),
        };
        let _seats = inner.replay_seat(&key.tenant, PROVING_SEATS).await;
        return recording.fairly(compare(&sides, recording, version)).await;
    }
    let (version, program) = match component {
        Some(file) => {
            let _upload = inner.sharing.upload(&share).await;
            inner.programs.load_file(file).await?
        }
        None => (run.version, inner.programs.get(&key.tenant, run.version).await?),
    };
    let _seat = inner.replay_seat(&key.tenant, 1).await;
    report(&program, version, recording).await
}

/// Replays the history of a run on each version that it was on: on the last one all of it, on each before it what was recorded until
/// the next one came.
pub(crate) async fn replay_chain(inner: &Arc<Inner>, key: &RunKey) -> Result<Vec<ReplayReport>, Error> {
    let history = inner.read_history(key).await?;
    let (_, started) = prefix::start_of(key, &history)?;
    let changes = history.iter().filter_map(|(seq, recorded)| match &recorded.event {
        Event::VersionChanged(changed) => Some((usize::try_from(*seq).unwrap_or(usize::MAX), changed.version)),
        _ => None,
    });
    let (told, share) = (guest_run_id(key.run_id, &history), inner.share(&key.tenant));
    let mut version = started.version;
    let mut reports = Vec::new();
    let end = (history.len(), started.version);
    for (until, next) in changes.chain([end]) {
        let program = inner.programs.get(&key.tenant, version).await?;
        // Which run id the guest was told may stand further on.
        let recording =
            Recording { run_id: told, history: &history[..until.min(history.len())], share: Some(&share.activities) };
        let _seat = inner.replay_seat(&key.tenant, 1).await;
        reports.push(ReplayReport { run_id: key.run_id, ..report(&program, version, recording).await? });
        version = next;
    }
    Ok(reports)
}

/// Replays a history and says whether the component does the same.
pub(crate) async fn report(
    program: &Program,
    version: Digest,
    recording: Recording<'_>,
) -> Result<ReplayReport, Error> {
    let began = Instant::now();
    let replayed = feed_recording(program, recording).await?;
    Ok(ReplayReport {
        run_id: recording.run_id,
        version,
        verdict: verdict(replayed.stopped.as_ref()),
        events: recording.history.len() as u64,
        reason: replayed.stopped,
        trace: replayed.session.trace().unwrap_or_else(|| Digest::of(b"")),
        log: replayed.log,
        micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        proof: None,
    })
}

fn verdict(stopped: Option<&ParkReason>) -> ReplayVerdict {
    match stopped {
        None => ReplayVerdict::Identical,
        Some(reason) if reason.kind == ParkKind::Divergence => ReplayVerdict::Diverged,
        Some(_) => ReplayVerdict::Stopped,
    }
}

/// Gives `history` to a new guest of `program`.
pub(crate) async fn feed(
    inner: &Inner,
    key: &RunKey,
    program: &Program,
    history: &[(Seq, Recorded)],
) -> Result<Replayed, Error> {
    let (seat, share) = (inner.replay_seat(&key.tenant, 1).await, inner.share(&key.tenant));
    let recording = Recording { run_id: key.run_id, history, share: Some(&share.activities) };
    Ok(Replayed { _seat: Some(seat), ..feed_recording(program, recording).await? })
}

/// The same, without a host. Where the component diverges it is replayed a second time, watched, so that the reason names the guest's functions:
/// a replay that is identical pays nothing for that.
pub(crate) async fn feed_recording(program: &Program, recording: Recording<'_>) -> Result<Replayed, Error> {
    let session = recording.begin(program)?;
    let mut replayed = recording.feed(session).await;
    if replayed.stopped.as_ref().is_some_and(|reason| reason.kind == ParkKind::Divergence) {
        replayed = feed_watched(program, recording).await?;
    }
    Ok(replayed)
}

/// The same, watched from the beginning.
pub(crate) async fn feed_watched(program: &Program, recording: Recording<'_>) -> Result<Replayed, Error> {
    let mut session = recording.begin(program)?;
    session.watch();
    Ok(recording.feed(session).await)
}

/// The fuel that a guest of `program` uses for a history. `None` where it stops.
pub(crate) async fn fuel_of(program: &Program, recording: Recording<'_>) -> Result<Option<u64>, Error> {
    let mut session = recording.begin(program)?;
    session.watch_fuel();
    let mut replayed = recording.feed(session).await;
    let looked = if replayed.stopped.is_none() { replayed.session.look(false) } else { None };
    Ok(looked.map(|look| look.fuel_used))
}

impl Recording<'_> {
    /// Does what a replay of this computes when it is the turn of its tenant.
    pub(crate) async fn fairly<T>(&self, work: impl Future<Output = T>) -> T {
        match self.share {
            Some(share) => share.clone().fairly(work).await,
            None => work.await,
        }
    }

    /// A session at its beginning, which keeps its trace.
    fn begin(&self, program: &Program) -> Result<Session, Error> {
        let Some((_, Recorded { time_ms, event: Event::RunStarted(started) })) = self.history.first() else {
            let message = format!("run `{}` does not begin with its start", self.run_id);
            return Err(Error::new(ErrorCode::StoreCorrupt, message));
        };
        let mut session = Session::new(program, self.run_id, *time_ms, started, self.history);
        session.keep_trace();
        Ok(session)
    }

    /// Gives a session the whole history.
    async fn feed(&self, mut session: Session) -> Replayed {
        let stopped = self.fairly(session.deliver_all(self.history)).await.err();
        let log = session.observed().map(|observed| observed.log(MAX_LOG_LINES)).unwrap_or_default();
        Replayed { session, stopped, log: log.into_iter().map(|line| line.message).collect(), _seat: None }
    }
}
