//! [`CallOptions`] and [`RetryPolicy`]: how the host performs one call. What is left out comes from the provider's configuration.

use std::time::Duration;

use crate::bindings::abide::workflow::types as wire;

/// How a call is performed.
///
/// ```
/// use abide::{CallOptions, RetryPolicy};
/// use std::time::Duration;
///
/// let options = CallOptions::new()
///     .attempt_timeout(Duration::from_secs(20))
///     .retry(RetryPolicy::new().max_attempts(3).non_retryable("invalid-arguments"))
///     .idempotency_key("order-17");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallOptions {
    attempt_timeout: Option<Duration>,
    total_timeout: Option<Duration>,
    retry: Option<RetryPolicy>,
    idempotency_key: Option<String>,
}

impl CallOptions {
    /// Leaves everything to the provider's configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest that one attempt may take.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// The longest that the call may take with all its attempts and waits, across restarts of the host.
    #[must_use]
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = Some(timeout);
        self
    }

    /// When and how often it is tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// What the provider sees as the key of the call, the same in every attempt.
    #[must_use]
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.idempotency_key = Some(key.into());
        self
    }
}

/// When and how often a call is tried again. What is left out comes from the provider's configuration.
///
/// ```
/// use abide::RetryPolicy;
/// use std::time::Duration;
///
/// let patient = RetryPolicy::new().max_attempts(20).max_interval(Duration::from_secs(600));
/// let once = RetryPolicy::never();
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RetryPolicy {
    initial_interval: Option<Duration>,
    backoff_coefficient: Option<f64>,
    max_interval: Option<Duration>,
    jitter: Option<f64>,
    max_attempts: Option<u32>,
    max_elapsed: Option<Duration>,
    non_retryable: Vec<String>,
}

impl RetryPolicy {
    /// Leaves everything to the provider's configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// One attempt, no more.
    pub fn never() -> Self {
        Self::new().max_attempts(1)
    }

    /// The wait before the second attempt.
    #[must_use]
    pub fn initial_interval(mut self, interval: Duration) -> Self {
        self.initial_interval = Some(interval);
        self
    }

    /// What each further wait is multiplied by; 1 or more.
    #[must_use]
    pub fn backoff_coefficient(mut self, coefficient: f64) -> Self {
        self.backoff_coefficient = Some(coefficient);
        self
    }

    /// No wait is longer than this, but for one that the provider asked for.
    #[must_use]
    pub fn max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(interval);
        self
    }

    /// The share of each wait that is left to chance, 0 to 1.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share);
        self
    }

    /// Attempts in all, the first included.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// No attempt begins later than this after the call was requested.
    #[must_use]
    pub fn max_elapsed(mut self, elapsed: Duration) -> Self {
        self.max_elapsed = Some(elapsed);
        self
    }

    /// A failure code that is final, whatever the provider says of it. Call it again for more codes.
    #[must_use]
    pub fn non_retryable(mut self, code: impl Into<String>) -> Self {
        self.non_retryable.push(code.into());
        self
    }
}

/// Milliseconds, rounded up: a timeout of half a millisecond is not one of none.
pub(crate) fn to_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl From<RetryPolicy> for wire::RetryPolicy {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            initial_interval_ms: policy.initial_interval.map(to_ms),
            backoff_coefficient: policy.backoff_coefficient,
            max_interval_ms: policy.max_interval.map(to_ms),
            jitter: policy.jitter,
            max_attempts: policy.max_attempts,
            max_elapsed_ms: policy.max_elapsed.map(to_ms),
            non_retryable: policy.non_retryable,
        }
    }
}

impl From<CallOptions> for wire::CallOptions {
    fn from(options: CallOptions) -> Self {
        Self {
            attempt_timeout_ms: options.attempt_timeout.map(to_ms),
            total_timeout_ms: options.total_timeout.map(to_ms),
            retry: options.retry.map(Into::into),
            idempotency_key: options.idempotency_key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_up() {
        assert_eq!(to_ms(Duration::ZERO), 0);
        assert_eq!(to_ms(Duration::from_micros(500)), 1);
        assert_eq!(to_ms(Duration::from_millis(7)), 7);
        assert_eq!(to_ms(Duration::MAX), u64::MAX);
    }
}
