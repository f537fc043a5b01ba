//! How many tasks of a queue may be handed out in a second, over all its workers.

use std::time::Duration;

use tokio::time::Instant;

/// How much of a second's tasks may be handed out at once, after a pause.
const BURST_SECONDS: f64 = 0.1;

/// A bucket that fills with time. In any `t` seconds, at most `max_per_second * (t + 0.1) + 1` tasks pass.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    filled: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: f64, now: Instant) -> Self {
        Self { per_second, filled: Self::capacity(per_second), at: now }
    }

    fn capacity(per_second: f64) -> f64 {
        (per_second * BURST_SECONDS).max(1.0)
    }

    /// Lets one task pass, or says when to ask again.
    pub(super) fn pass(&mut self, now: Instant) -> Result<(), Instant> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.filled = (self.filled + since * self.per_second).min(Self::capacity(self.per_second));
        self.at = self.at.max(now);
        if self.filled >= 1.0 {
            self.filled -= 1.0;
            return Ok(());
        }
        let seconds = (1.0 - self.filled) / self.per_second;
        // A rate of one task a year is a rate too; nobody waits for longer than this before he asks again.
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(Duration::from_secs(3600));
        // Rounded up, so that who comes back then is let through.
        Err(now + wait + Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_holds_over_any_time() {
        for per_second in [0.5, 3.0, 200.0] {
            let start = Instant::now();
            let mut rate = Rate::new(per_second, start);
            let (mut now, mut passed) = (start, 0_u32);
            while now < start + Duration::from_secs(10) {
                match rate.pass(now) {
                    Ok(()) => passed += 1,
                    Err(again) => now = again,
                }
            }
            let most = per_second * 10.1 + 1.0;
            assert!(f64::from(passed) <= most, "{passed} of {most}");
            assert!(f64::from(passed) >= per_second * 8.0, "{passed} at {per_second} a second");
        }
    }
}
