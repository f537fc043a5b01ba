//! When a call is tried again. A decision is a function of values: nothing here waits, reads a clock, or rolls dice.

use abide_model::{CallOptions, Failure, RetryPolicy};

use crate::config::Calling;

/// The shortest wait between two attempts: a policy without waits must not turn into a busy loop against a provider that is down.
const MIN_WAIT_MS: u64 = 10;

/// No timeout or wait is longer than ten years, so that no sum of two overflows.
const MAX_MS: u64 = 10 * 366 * 24 * 60 * 60 * 1000;

/// How a call is tried, after all was merged and checked. Its defaults are those that the WIT package documents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    pub(crate) attempt_timeout_ms: u64,
    pub(crate) total_timeout_ms: u64,
    initial_interval_ms: u64,
    backoff_coefficient: f64,
    max_interval_ms: u64,
    jitter: f64,
    max_attempts: u32,
    max_elapsed_ms: Option<u64>,
    non_retryable: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempt_timeout_ms: 120_000,
            total_timeout_ms: 900_000,
            initial_interval_ms: 500,
            backoff_coefficient: 2.0,
            max_interval_ms: 30_000,
            jitter: 0.2,
            max_attempts: 5,
            max_elapsed_ms: None,
            non_retryable: Vec::new(),
        }
    }
}

/// A value that no call can be made with: the name of the field, and what it has to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    pub(crate) field: &'static str,
    pub(crate) rule: &'static str,
}

impl Policy {
    /// What a provider's configuration makes of the defaults.
    pub(crate) fn configured(calling: &Calling) -> Result<Self, Unusable> {
        Self::default().with(calling.attempt_timeout_ms, calling.total_timeout_ms, calling.retry.as_ref())
    }

    /// The same, changed by the configuration of one tool.
    pub(crate) fn reconfigured(self, calling: &Calling) -> Result<Self, Unusable> {
        self.with(calling.attempt_timeout_ms, calling.total_timeout_ms, calling.retry.as_ref())
    }

    /// The same, changed by what the guest says.
    pub(crate) fn for_call(self, options: &CallOptions) -> Result<Self, Failure> {
        let refuse = |unusable: Unusable| {
            let Unusable { field, rule } = unusable;
            Failure::new("invalid-request", format!("the call option `{field}` must be {rule}"))
        };
        if let Some(key) = &options.idempotency_key
            && (key.is_empty() || key.len() > 256 || !key.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(refuse(Unusable { field: "idempotency-key", rule: "1 to 256 bytes of visible ASCII" }));
        }
        self.with(options.attempt_timeout_ms, options.total_timeout_ms, options.retry.as_ref()).map_err(refuse)
    }

    fn with(mut self, attempt: Option<u64>, total: Option<u64>, retry: Option<&RetryPolicy>) -> Result<Self, Unusable> {
        if let Some(value) = attempt {
            self.attempt_timeout_ms = at_least_one("attempt_timeout_ms", value)?;
        }
        if let Some(value) = total {
            self.total_timeout_ms = at_least_one("total_timeout_ms", value)?;
        }
        let Some(retry) = retry else { return Ok(self) };
        if let Some(value) = retry.initial_interval_ms {
            self.initial_interval_ms = value.min(MAX_MS);
        }
        if let Some(value) = retry.backoff_coefficient {
            if !value.is_finite() || value < 1.0 {
                return Err(Unusable { field: "backoff_coefficient", rule: "a number, 1 or more" });
            }
            self.backoff_coefficient = value;
        }
        if let Some(value) = retry.max_interval_ms {
            self.max_interval_ms = value.min(MAX_MS);
        }
        if let Some(value) = retry.jitter {
            if !(0.0..=1.0).contains(&value) {
                return Err(Unusable { field: "jitter", rule: "a number from 0 to 1" });
            }
            self.jitter = value;
        }
        if let Some(value) = retry.max_attempts {
            if value == 0 {
                return Err(Unusable { field: "max_attempts", rule: "1 or more, as the first attempt counts" });
            }
            self.max_attempts = value;
        }
        if let Some(value) = retry.max_elapsed_ms {
            self.max_elapsed_ms = Some(value.min(MAX_MS));
        }
        // They add up: what the configuration calls final stays final.
        self.non_retryable.extend(retry.non_retryable.iter().cloned());
        Ok(self)
    }

    /// The wait after so many attempts, before anything is left to chance.
    fn backoff_ms(&self, attempts: u32) -> f64 {
        let steps = f64::from(attempts.saturating_sub(1));
        let wait = self.initial_interval_ms as f64 * self.backoff_coefficient.powf(steps);
        // An overflow to infinity ends at the longest wait; zero times infinity, which is no number, at the shortest.
        if wait.is_nan() { 0.0 } else { wait.min(self.max_interval_ms as f64) }
    }
}

fn at_least_one(field: &'static str, value: u64) -> Result<u64, Unusable> {
    if value == 0 { Err(Unusable { field, rule: "1 or more" }) } else { Ok(value.min(MAX_MS)) }
}

/// Where a call stands after an attempt that did not succeed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    /// Attempts so far.
    pub(crate) attempts: u32,
    /// Since the call was requested.
    pub(crate) elapsed_ms: u64,
    /// The failure's code.
    pub(crate) code: &'a str,
    /// Whether the failure may pass.
    pub(crate) retryable: bool,
    /// How long the provider asked to wait.
    pub(crate) retry_after_ms: Option<u64>,
    /// From 0 to 1.
    pub(crate) chance: f64,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Wait so long, then try again.
    Wait(u64),
    /// This was the last attempt.
    GiveUp(Reason),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Trying again does not help.
    Final,
    /// The policy names the code.
    NamedFinal,
    /// All attempts are used up.
    Attempts,
    /// The next attempt would begin after `max-elapsed-ms`.
    Elapsed { limit_ms: u64 },
    /// The next attempt would begin after the total timeout.
    Total { limit_ms: u64 },
    /// The provider asks for a wait that goes beyond the time that is left.
    RetryAfter { asked_ms: u64, left_ms: u64 },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Final => f.write_str("trying again does not help"),
            Self::NamedFinal => f.write_str("the retry policy names this code as final"),
            Self::Attempts => f.write_str("the attempts are used up"),
            Self::Elapsed { limit_ms } => {
                write!(f, "`max-elapsed-ms` of {limit_ms} leaves no time for another attempt")
            }
            Self::Total { limit_ms } => {
                write!(f, "`total-timeout-ms` of {limit_ms} leaves no time for another attempt")
            }
            Self::RetryAfter { asked_ms, left_ms } => {
                write!(f, "the provider asks to wait {asked_ms} ms, and the call has {left_ms} ms left")
            }
        }
    }
}

/// Decides.
pub(crate) fn decide(policy: &Policy, situation: &Situation<'_>) -> Decision {
    if !situation.retryable {
        return Decision::GiveUp(Reason::Final);
    }
    if policy.non_retryable.iter().any(|code| code == situation.code) {
        return Decision::GiveUp(Reason::NamedFinal);
    }
    if situation.attempts >= policy.max_attempts {
        return Decision::GiveUp(Reason::Attempts);
    }
    let backoff = policy.backoff_ms(situation.attempts);
    let chance = if situation.chance.is_finite() { situation.chance.clamp(0.0, 1.0) } else { 0.0 };
    let by_chance = backoff * policy.jitter * chance;
    let usual = (backoff - by_chance) as u64;
    let wait_ms = match situation.retry_after_ms {
        // Never earlier than the provider asks. All that were refused together are spread over the time after it.
        Some(asked) if asked >= usual => asked.min(MAX_MS).saturating_add(by_chance as u64),
        _ => usual,
    };
    let wait_ms = wait_ms.max(MIN_WAIT_MS);
    let next_ms = situation.elapsed_ms.saturating_add(wait_ms);
    let past = |limit_ms: u64, otherwise: Reason| match situation.retry_after_ms {
        Some(asked_ms) if asked_ms >= usual => {
            Reason::RetryAfter { asked_ms, left_ms: limit_ms.saturating_sub(situation.elapsed_ms) }
        }
        _ => otherwise,
    };
    if next_ms >= policy.total_timeout_ms {
        let limit_ms = policy.total_timeout_ms;
        return Decision::GiveUp(past(limit_ms, Reason::Total { limit_ms }));
    }
    if let Some(limit_ms) = policy.max_elapsed_ms
        && next_ms > limit_ms
    {
        return Decision::GiveUp(past(limit_ms, Reason::Elapsed { limit_ms }));
    }
    Decision::Wait(wait_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(change: impl FnOnce(&mut RetryPolicy)) -> Policy {
        let mut retry = RetryPolicy { jitter: Some(0.0), ..RetryPolicy::default() };
        change(&mut retry);
        Policy::default().for_call(&CallOptions { retry: Some(retry), ..CallOptions::default() }).unwrap()
    }

    fn after(attempts: u32) -> Situation<'static> {
        let code = "unavailable";
        Situation { attempts, elapsed_ms: 0, code, retryable: true, retry_after_ms: None, chance: 0.5 }
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let policy = policy(|retry| retry.max_attempts = Some(99));
        let waits: Vec<_> = (1..=9).map(|attempts| decide(&policy, &after(attempts))).collect();
        let expected = [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
        assert_eq!(waits, expected.map(Decision::Wait));
    }

    #[test]
    fn the_share_of_chance_shortens_a_wait() {
        let policy = policy(|retry| retry.jitter = Some(0.2));
        let wait = |chance| decide(&policy, &Situation { chance, ..after(1) });
        assert_eq!(wait(0.0), Decision::Wait(500));
        assert_eq!(wait(1.0), Decision::Wait(400));
        assert_eq!(wait(f64::NAN), Decision::Wait(500));
    }

    #[test]
    fn gives_up_for_a_reason() {
        let policy = policy(|retry| {
            retry.non_retryable = vec!["rate-limited".to_owned()];
            retry.max_elapsed_ms = Some(10_000);
        });
        let reason = |situation| match decide(&policy, &situation) {
            Decision::GiveUp(reason) => reason,
            Decision::Wait(wait) => panic!("waits {wait} ms"),
        };
        assert_eq!(reason(Situation { retryable: false, ..after(1) }), Reason::Final);
        assert_eq!(reason(Situation { code: "rate-limited", ..after(1) }), Reason::NamedFinal);
        assert_eq!(reason(after(5)), Reason::Attempts);
        assert_eq!(reason(Situation { elapsed_ms: 9_600, ..after(1) }), Reason::Elapsed { limit_ms: 10_000 });
        assert_eq!(reason(Situation { elapsed_ms: 899_600, ..after(1) }), Reason::Total { limit_ms: 900_000 });
    }

    #[test]
    fn retry_after_beats_the_longest_wait_but_not_the_total_timeout() {
        let policy = policy(|_| ());
        let asked = |asked_ms| decide(&policy, &Situation { retry_after_ms: Some(asked_ms), ..after(1) });
        assert_eq!(asked(100), Decision::Wait(500), "never sooner than the policy");
        assert_eq!(asked(60_000), Decision::Wait(60_000));
        let reason = Reason::RetryAfter { asked_ms: 900_000, left_ms: 900_000 };
        assert_eq!(asked(900_000), Decision::GiveUp(reason));
        let reason = Reason::RetryAfter { asked_ms: u64::MAX, left_ms: 900_000 };
        assert_eq!(asked(u64::MAX), Decision::GiveUp(reason));
    }

    #[test]
    fn the_guest_beats_the_configuration_which_beats_the_defaults() {
        let configured = Calling {
            attempt_timeout_ms: Some(7),
            retry: Some(RetryPolicy { max_attempts: Some(2), jitter: Some(0.5), ..RetryPolicy::default() }),
            ..Calling::default()
        };
        let guest = CallOptions {
            total_timeout_ms: Some(9),
            retry: Some(RetryPolicy { max_attempts: Some(3), ..RetryPolicy::default() }),
            ..CallOptions::default()
        };
        let merged = Policy::configured(&configured).unwrap().for_call(&guest).unwrap();
        let expected =
            Policy { attempt_timeout_ms: 7, total_timeout_ms: 9, jitter: 0.5, max_attempts: 3, ..Policy::default() };
        assert_eq!(merged, expected);
    }

    #[test]
    fn hostile_options_are_refused_or_cut() {
        let refused = |options: CallOptions| Policy::default().for_call(&options).unwrap_err().message;
        let retry = |change: fn(&mut RetryPolicy)| {
            let mut retry = RetryPolicy::default();
            change(&mut retry);
            CallOptions { retry: Some(retry), ..CallOptions::default() }
        };
        for coefficient in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.99, -1.0] {
            let mut options = retry(|_| ());
            options.retry.as_mut().unwrap().backoff_coefficient = Some(coefficient);
            assert_eq!(refused(options), "the call option `backoff_coefficient` must be a number, 1 or more");
        }
        for jitter in [f64::NAN, -0.1, 1.1] {
            let mut options = retry(|_| ());
            options.retry.as_mut().unwrap().jitter = Some(jitter);
            assert!(refused(options).contains("jitter"));
        }
        assert!(refused(retry(|retry| retry.max_attempts = Some(0))).contains("max_attempts"));
        assert!(refused(CallOptions { attempt_timeout_ms: Some(0), ..CallOptions::default() }).contains("1 or more"));
        assert!(refused(CallOptions { total_timeout_ms: Some(0), ..CallOptions::default() }).contains("1 or more"));
        for key in ["", "a b", "ä", "a\nb", &"x".repeat(257)] {
            let options = CallOptions { idempotency_key: Some(key.to_owned()), ..CallOptions::default() };
            assert!(refused(options).contains("visible ASCII"), "{key}");
        }

        let giant = policy(|retry| {
            retry.initial_interval_ms = Some(u64::MAX);
            retry.max_interval_ms = Some(u64::MAX);
            retry.backoff_coefficient = Some(f64::MAX);
            retry.max_attempts = Some(u32::MAX);
            retry.max_elapsed_ms = Some(u64::MAX);
        });
        let decision = decide(&giant, &Situation { elapsed_ms: u64::MAX, ..after(u32::MAX - 1) });
        assert!(matches!(decision, Decision::GiveUp(Reason::Total { .. })));

        let hasty = policy(|retry| {
            retry.initial_interval_ms = Some(0);
            retry.backoff_coefficient = Some(f64::MAX);
        });
        assert_eq!(decide(&hasty, &after(4)), Decision::Wait(MIN_WAIT_MS), "zero times infinity is no number");
    }
}
