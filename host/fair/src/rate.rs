//! So many a second: when the next may begin. A token bucket as a function of the time; who waits for it waits elsewhere.

use std::time::Duration;

/// How often something may happen. It holds at most what one second brings, and at least one.
#[derive(Debug, Clone)]
pub struct Rate {
    per_second: u32,
    /// When all that was taken is there again, as the time since some beginning.
    paid_until: Duration,
}

impl Rate {
    /// So many a second; 0 counts as 1.
    pub fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), paid_until: Duration::ZERO }
    }

    /// Another number from now on.
    pub fn set(&mut self, per_second: u32) {
        self.per_second = per_second.max(1);
    }

    /// Takes one at `now`, or says how long it takes until there is one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let each = Duration::from_secs(1) / self.per_second;
        // With a burst of one second, the last of them may be taken when nothing was for a second.
        let burst = Duration::from_secs(1).saturating_sub(each);
        let owed = self.paid_until.saturating_sub(now);
        if owed > burst {
            return Err(owed - burst);
        }
        self.paid_until = self.paid_until.max(now) + each;
        Ok(())
    }

    /// Takes one whose turn comes later, and says when that is. Those who ask wait one after another.
    pub fn reserve(&mut self, now: Duration) -> Duration {
        let wait = self.take(now).err().unwrap_or_default();
        if !wait.is_zero() {
            self.paid_until += Duration::from_secs(1) / self.per_second;
        }
        wait
    }

    /// Gives one back that was reserved and is not used.
    pub fn give_back(&mut self) {
        self.paid_until = self.paid_until.saturating_sub(Duration::from_secs(1) / self.per_second);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_of_one_second_and_then_one_after_another() {
        let mut rate = Rate::new(10);
        let now = Duration::from_secs(100);
        assert_eq!((0..20).filter(|_| rate.take(now).is_ok()).count(), 10);
        assert_eq!(rate.take(now), Err(Duration::from_millis(100)));
        assert_eq!(rate.take(now + Duration::from_millis(100)), Ok(()));
        let waits: Vec<_> = (0..3).map(|_| rate.reserve(now + Duration::from_millis(100)).as_millis()).collect();
        assert_eq!(waits, [100, 200, 300]);
        rate.give_back();
        assert_eq!(rate.reserve(now + Duration::from_millis(100)).as_millis(), 300);
    }

    proptest! {
        #[test]
        fn never_more_than_a_second_ahead(per_second in 1u32..1000, gaps in prop::collection::vec(0u64..3000, 1..200)) {
            let mut rate = Rate::new(per_second);
            let (mut now, mut taken) = (0, 0u64);
            for gap in gaps {
                now += gap;
                while rate.take(Duration::from_millis(now)).is_ok() {
                    taken += 1;
                }
                let most = u64::from(per_second) * (now + 1000) / 1000 + 1;
                prop_assert!(taken <= most, "{taken} in {now} ms");
            }
        }
    }
}
