//! How quick the disk is, as it was seen of late.

use std::time::Duration;

/// What one sync tells counts for so much of what is known.
const SHARE: u32 = 8;
/// A sync that took so many times as long as others do is taken for one that took this much longer: disks stall now and then.
const STALL: u32 = 4;

/// How long syncs take.
#[derive(Debug, Default)]
pub(super) struct Pace(Option<Duration>);

impl Pace {
    /// Takes down how long a sync took.
    pub(super) fn saw(&mut self, took: Duration) {
        self.0 = Some(match self.0 {
            None => took,
            Some(known) => (known * (SHARE - 1) + took.min(known.max(Duration::from_micros(1)) * STALL)) / SHARE,
        });
    }

    /// How long one takes. `None` before the first.
    pub(super) fn time(&self) -> Option<Duration> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_disk_and_not_its_stalls() {
        let mut pace = Pace::default();
        assert_eq!(pace.time(), None);
        let quick = Duration::from_micros(100);
        pace.saw(quick);
        assert_eq!(pace.time(), Some(quick));
        pace.saw(Duration::from_secs(1));
        assert!(pace.time().unwrap() < quick * 2, "{pace:?}");
        for _ in 0..100 {
            pace.saw(Duration::from_millis(5));
        }
        assert!(pace.time().unwrap() > Duration::from_millis(4), "{pace:?}");
        for _ in 0..100 {
            pace.saw(Duration::ZERO);
        }
        assert!(pace.time().unwrap() < quick, "{pace:?}");
        pace.saw(quick);
        assert!(pace.time().is_some());
    }
}
