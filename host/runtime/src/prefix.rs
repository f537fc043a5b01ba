//! The beginning of a history, replayed with no live calls: what a run that goes on from there had published by then.

use std::collections::BTreeMap;

use abide_engine::Program;
use abide_model::{Attributes, Error, Event, Json, ParkReason, Recorded, RunId, RunStarted, Seq};

use crate::inner::{Inner, RunKey};
use crate::session::Session;

/// What a run shows of itself, beside its history.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    pub(crate) published: BTreeMap<String, Json>,
    /// All attributes, where the guest changed some.
    pub(crate) attributes: Option<Attributes>,
}

/// A beginning that was replayed.
pub(crate) struct Prefix {
    pub(crate) shown: Shown,
    /// Where the component could not go on.
    pub(crate) stopped: Option<ParkReason>,
}

/// The first event of a history.
pub(crate) fn start_of<'h>(key: &RunKey, history: &'h [(Seq, Recorded)]) -> Result<(u64, &'h RunStarted), Error> {
    match history.first() {
        Some((_, Recorded { time_ms, event: Event::RunStarted(started) })) => Ok((*time_ms, started)),
        _ => Err(crate::errors::no_start(key)),
    }
}

/// Gives `history`, which ends between two steps, to a new guest of `program`. The guest is `told` that run id: what says so may stand
/// further on in the history.
pub(crate) async fn replay(
    inner: &Inner,
    key: &RunKey,
    program: &Program,
    told: RunId,
    history: &[(Seq, Recorded)],
) -> Result<Prefix, Error> {
    let (started_ms, started) = start_of(key, history)?;
    let _seat = inner.replay_seat(&key.tenant, 1).await;
    let mut session = Session::new(program, told, started_ms, started, history);
    session.keep_shown();
    let share = inner.share(&key.tenant).activities.clone();
    let stopped = share.fairly(session.deliver_all(history)).await.err();
    Ok(Prefix { shown: session.take_shown(), stopped })
}
