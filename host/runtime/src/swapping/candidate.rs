//! A copy of a run on another version, on its way to where the run stands.

use abide_activities::Share;
use abide_engine::Program;
use abide_fair::Slot;
use abide_model::{Digest, Error, ParkReason, Recorded, Seq, Tenant};

use crate::inner::{Inner, RunKey};
use crate::prefix;
use crate::session::Session;

/// A copy of a run on another version, which did so far what the history says.
pub(crate) struct Candidate {
    pub(crate) version: Digest,
    session: Session,
    /// Events that the copy was not given yet.
    rest: Vec<(Seq, Recorded)>,
    /// How many events it knows.
    length: Seq,
    share: Share,
    /// A seat for a replay: the copy needs none of its own once it has the one of the run's guest.
    _seat: Slot<Tenant>,
}

impl Candidate {
    /// Replays the history of a run on `program`, as far as all that follows from its inputs is surely recorded. The inner error says why
    /// `program` is none to go on with.
    pub(crate) async fn prepare(
        inner: &Inner,
        key: &RunKey,
        version: Digest,
        program: &Program,
    ) -> Result<Result<Self, ParkReason>, Error> {
        let seat = inner.replay_seat(&key.tenant, 1).await;
        let mut rest = inner.read_history(key).await?;
        let (started_ms, started) = prefix::start_of(key, &rest)?;
        let mut session = Session::new(program, key.run_id, started_ms, started, &rest);
        session.watch_fuel();
        let length = rest.len() as Seq;
        let settled = session.machine().settled();
        let surely = rest.partition_point(|(seq, _)| settled.is_some_and(|settled| *seq <= settled));
        let beginning: Vec<_> = rest.drain(..surely).collect();
        let share = inner.share(&key.tenant).activities.clone();
        if let Err(reason) = share.clone().fairly(session.deliver_all(&beginning)).await {
            return Ok(Err(reason));
        }
        Ok(Ok(Self { version, session, rest, length, share, _seat: seat }))
    }

    /// How many events it knows.
    pub(crate) fn length(&self) -> Seq {
        self.length
    }

    /// Goes on to the end of the history, of which `tail` was recorded since. The run's guest was given all of its inputs, so whatever the
    /// copy does that is not recorded is a divergence. Gives the session, and the last input.
    pub(crate) async fn finish(mut self, tail: Vec<(Seq, Recorded)>) -> Result<(Session, Seq), ParkReason> {
        self.session.extend(&tail);
        self.rest.extend(tail);
        let last = self.last_input();
        self.session.settle_until(last);
        self.feed_rest().await?;
        Ok((self.session, last))
    }

    /// Goes on to the end of the history that is known, to see whether that is possible. `whole`: what the run did is all recorded.
    pub(crate) async fn look_ahead(mut self, whole: bool) -> Result<(), ParkReason> {
        if whole {
            self.session.settle_until(self.last_input());
        }
        self.share.clone().fairly(self.feed_rest()).await
    }

    /// The last input of the history.
    fn last_input(&self) -> Seq {
        let last = self.rest.iter().rev().find(|(_, recorded)| recorded.event.is_input());
        last.map_or(self.session.machine().cause(), |(seq, _)| *seq)
    }

    async fn feed_rest(&mut self) -> Result<(), ParkReason> {
        let rest = std::mem::take(&mut self.rest);
        self.session.deliver_all(&rest).await
    }
}
