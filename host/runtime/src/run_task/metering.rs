//! What a run uses that no event says: fuel, and time in memory. It goes into the ledger with the next commit of the run.
//!
//! The fuel of a step is counted once: the ledger says up to which input it is, and a guest that comes back by replay counts from there on. A
//! step in which the guest stopped is begun again when the run is resumed, and counts each time. What is lost in a crash: the time in memory
//! since the last commit.

use abide_history::Metered;
use abide_model::Seq;

use super::RunTask;
use crate::batch::Batch;
use crate::session::Session;

/// A guest that leaves after so long without a commit gets one for the time that it was in memory.
const WORTH_A_COMMIT_MS: u64 = 1000;

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The last input whose fuel the ledger has, as far as it is known here.
    settled: Option<Seq>,
    /// The last input that the guest settled after.
    stands_at: Option<Seq>,
    /// The guest is behind what the ledger has.
    behind: bool,
    /// What was counted of the fuel that the guest says it used.
    counted: u64,
    /// What waits for a commit.
    fuel: u64,
    resident_ms: u64,
    /// Since when the guest is in memory, or the last time that this was counted.
    since_ms: Option<u64>,
}

impl Meter {
    /// A guest takes a seat, and begins with its history. The ledger has the fuel of the inputs up to `settled`.
    pub(super) fn sits(&mut self, settled: Option<Seq>, now_ms: u64) {
        (self.settled, self.stands_at, self.behind) = (settled, settled, settled.is_some());
        (self.counted, self.since_ms) = (0, Some(now_ms));
    }

    /// The guest is given the event `seq` next.
    pub(super) fn comes_to(&mut self, seq: Seq, session: &mut Session) {
        if self.behind && self.settled.is_none_or(|settled| seq > settled) {
            self.behind = false;
            self.counted = session.fuel_used();
        }
    }

    /// The guest settled after the event `seq`.
    pub(super) fn stands_at(&mut self, seq: Seq) {
        self.stands_at = self.stands_at.max(Some(seq));
    }

    /// Counts the fuel that the guest used since this was done last.
    pub(super) fn read(&mut self, session: &mut Session) {
        let used = session.fuel_used();
        if !self.behind {
            self.fuel += used.saturating_sub(self.counted);
        }
        self.counted = self.counted.max(used);
    }

    /// Another guest takes the place of this one, which did the same.
    pub(super) fn is_replaced_by(&mut self, session: &mut Session) {
        self.counted = session.fuel_used();
    }

    /// Counts the time in memory.
    fn passes(&mut self, now_ms: u64) {
        if let Some(since_ms) = &mut self.since_ms {
            self.resident_ms += now_ms.saturating_sub(*since_ms);
            *since_ms = now_ms;
        }
    }

    /// The guest leaves its seat.
    pub(super) fn leaves(&mut self, now_ms: u64) {
        self.passes(now_ms);
        self.since_ms = None;
    }

    /// The guest is dropped. The fuel of steps that no commit followed is counted when it comes back.
    pub(super) fn drops(&mut self, now_ms: u64) {
        self.stands_at = self.settled;
        self.leaves(now_ms);
    }

    /// What waits, for a commit.
    fn take(&mut self, now_ms: u64) -> Option<Metered> {
        self.passes(now_ms);
        let settled = self.stands_at.filter(|stands_at| self.settled.is_none_or(|settled| *stands_at > settled));
        self.settled = settled.or(self.settled);
        let (fuel, resident_ms) = (std::mem::take(&mut self.fuel), std::mem::take(&mut self.resident_ms));
        let metered = Metered { time_ms: now_ms, fuel, resident_ms, settled };
        (fuel > 0 || resident_ms > 0 || settled.is_some()).then_some(metered)
    }
}

impl RunTask {
    /// Adds what was metered to the batch.
    pub(super) fn meter_batch(&mut self) {
        if let Some(seated) = &mut self.seated {
            self.meter.read(&mut seated.session);
        }
        self.batch.commit.ledger = self.meter.take(self.inner.clock.now_ms());
    }

    /// The guest stops: what it used until then is counted.
    pub(super) fn stop_metering(&mut self) {
        if let Some(seated) = &mut self.seated {
            self.meter.read(&mut seated.session);
        }
        self.meter.leaves(self.inner.clock.now_ms());
    }

    /// A guest has left that was long in memory: that is written although nothing else changes.
    pub(super) fn write_metered(&mut self) {
        if self.meter.resident_ms < WORTH_A_COMMIT_MS || self.writing.is_some() || self.run.is_none() {
            return;
        }
        let Batch { mut commit, effects } = Batch::new(&self.key, self.length);
        commit.ledger = self.meter.take(self.inner.clock.now_ms());
        self.send(commit, effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_memory_is_counted_once() {
        let mut meter = Meter::default();
        meter.sits(None, 1000);
        meter.stands_at(0);
        let first = Metered { time_ms: 1500, fuel: 0, resident_ms: 500, settled: Some(0) };
        assert_eq!(meter.take(1500), Some(first));
        assert_eq!(meter.take(1500), None);
        meter.leaves(1700);
        meter.leaves(9000);
        // The clock may be set back.
        meter.sits(Some(0), 9000);
        meter.leaves(8000);
        assert_eq!(meter.take(9500).unwrap().resident_ms, 200);
    }
}
