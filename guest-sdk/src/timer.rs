//! Time as the run sees it: [`now`], [`sleep`] and [`sleep_until`]. It offers no other clock, since another would not replay.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::bindings::abide::workflow::timer as wire;
use crate::options::to_ms;

/// A time, in milliseconds since 1970-01-01T00:00:00Z. In JSON it is that number.
///
/// ```
/// use abide::timer::Timestamp;
/// use std::time::Duration;
///
/// let due = Timestamp::from_ms(1_000) + Duration::from_secs(2);
/// assert_eq!(due.as_ms(), 3_000);
/// assert_eq!(due - Timestamp::from_ms(500), Duration::from_millis(2_500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The time so many milliseconds after 1970.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    /// Ends at the largest time there is rather than wrapping around.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(to_ms(duration)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Timestamp {
    type Output = Duration;
    /// What lies between the two; nothing where `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// The time of the last event that this run was given. It stands still between two outcomes.
pub fn now() -> Timestamp {
    Timestamp(wire::now())
}

/// Waits, and gives the time then. It costs nothing while it waits, be it a year, and outlives restarts. At most 10 years.
///
/// ```no_run
/// # async fn f() -> Result<(), abide::Failure> {
/// abide::timer::sleep(std::time::Duration::from_secs(3_600)).await?;
/// # Ok(()) }
/// ```
pub async fn sleep(duration: Duration) -> Result<Timestamp, Failure> {
    Ok(Timestamp(wire::sleep(to_ms(duration)).await?))
}

/// Waits until a time, and gives the time then. A time that has passed waits for nothing.
pub async fn sleep_until(time: Timestamp) -> Result<Timestamp, Failure> {
    Ok(Timestamp(wire::sleep_until(time.0).await?))
}
