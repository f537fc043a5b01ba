//! Runs a history again on a component, with no live calls, and says whether the component does the same.

use std::sync::Arc;
use std::time::Instant;

use abide_model::{Digest, Error, ErrorCode, Event, ParkKind, ParkReason, Recorded, Seq};
use bytes::Bytes;

use abide_engine::Program;

use crate::inner::{Inner, RunKey};
use crate::session::Session;
use crate::view::{ReplayReport, ReplayVerdict};

/// The log lines that a report keeps.
const MAX_LOG_LINES: usize = 1000;

/// A session that was given a whole history.
pub(crate) struct Replayed {
    pub(crate) session: Session,
    /// Where it could not go on.
    pub(crate) stopped: Option<ParkReason>,
    pub(crate) log: Vec<String>,
}

/// Replays the history of a run.
pub(crate) async fn replay(inner: &Arc<Inner>, key: &RunKey, component: Option<Bytes>) -> Result<ReplayReport, Error> {
    let run = inner.store.run(&key.tenant, key.run_id).await?.ok_or_else(|| crate::errors::no_run(key))?;
    let (version, program) = match component {
        Some(file) => inner.programs.load_file(file).await?,
        None => (run.version, inner.programs.get(&key.tenant, run.version).await?),
    };
    let history = inner.read_history(key).await?;
    report(inner, key, version, &program, &history).await
}

async fn report(
    inner: &Inner,
    key: &RunKey,
    version: Digest,
    program: &Program,
    history: &[(Seq, Recorded)],
) -> Result<ReplayReport, Error> {
    let began = Instant::now();
    let replayed = feed(inner, key, program, history).await?;
    let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    let verdict = match &replayed.stopped {
        None => ReplayVerdict::Identical,
        Some(reason) if reason.kind == ParkKind::Divergence => ReplayVerdict::Diverged,
        Some(_) => ReplayVerdict::Stopped,
    };
    Ok(ReplayReport {
        run_id: key.run_id,
        version,
        verdict,
        events: history.len() as u64,
        reason: replayed.stopped,
        trace: replayed.session.trace().unwrap_or_else(|| Digest::of(b"")),
        log: replayed.log,
        micros,
    })
}

/// Replays the history of a run on each version that it was on: on the last one all of it, on each before it what was recorded until
/// the next one came.
pub(crate) async fn replay_chain(inner: &Arc<Inner>, key: &RunKey) -> Result<Vec<ReplayReport>, Error> {
    let run = inner.store.run(&key.tenant, key.run_id).await?.ok_or_else(|| crate::errors::no_run(key))?;
    let history = inner.read_history(key).await?;
    let mut version = match history.first() {
        Some((_, Recorded { event: Event::RunStarted(started), .. })) => started.version,
        _ => run.version,
    };
    let mut reports = Vec::new();
    for (seq, recorded) in &history {
        if let Event::VersionChanged(changed) = &recorded.event {
            let until = usize::try_from(*seq).unwrap_or(usize::MAX).min(history.len());
            let program = inner.programs.get(&key.tenant, version).await?;
            reports.push(report(inner, key, version, &program, &history[..until]).await?);
            version = changed.version;
        }
    }
    let program = inner.programs.get(&key.tenant, version).await?;
    reports.push(report(inner, key, version, &program, &history).await?);
    Ok(reports)
}

/// Gives `history` to a new guest of `program`.
pub(crate) async fn feed(
    inner: &Inner,
    key: &RunKey,
    program: &Program,
    history: &[(Seq, Recorded)],
) -> Result<Replayed, Error> {
    let Some((_, Recorded { time_ms, event: Event::RunStarted(started) })) = history.first() else {
        let message = format!("run `{}` does not begin with its start", key.run_id);
        return Err(Error::new(ErrorCode::StoreCorrupt, message));
    };
    let _seat = inner.replay_seats.acquire().await.expect("the seats are never closed");
    let mut session = Session::new(program, key.run_id, *time_ms, started, history);
    session.keep_trace();
    let mut stopped = None;
    for (seq, recorded) in history {
        if let Err(reason) = session.deliver(*seq, recorded).await {
            stopped = Some(reason);
            break;
        }
    }
    let log = session.take_log(MAX_LOG_LINES);
    Ok(Replayed { session, stopped, log })
}
