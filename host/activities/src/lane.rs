//! The lane of a provider: how many attempts may be under way, and the loop that tries a call until it is settled. Tenants have fair shares
//! of the slots: who waits for the calls of others waits for their time, not for their number.

use std::time::Duration;

use abide_fair::{Charge, Slots};
use abide_model::{CallUsage, Clock, Digest, Error, Failure, Json, Outcome, Tenant};
use tokio::time::{Instant, timeout_at};
use tracing::info;

use crate::config::{Calling, DEFAULT_MAX_CONCURRENT, wrong};
use crate::retry::{Decision, Policy, Reason, Situation, decide};
use crate::trouble::{Attempt, Elsewhere, Late, Trouble};
use crate::{Activity, Performed};

/// What the calls of one provider share.
#[derive(Debug)]
pub(crate) struct Lane {
    /// The provider as the configuration names it, such as `llm.openai`.
    key: String,
    policy: Policy,
    slots: Slots<Tenant>,
    max_concurrent: usize,
}

impl Lane {
    pub(crate) fn new(key: &str, calling: &Calling) -> Result<Self, Error> {
        let policy = Policy::configured(calling)
            .map_err(|bad| wrong(&format!("{key}.{}", bad.field), format_args!("must be {}", bad.rule)))?;
        let max_concurrent = calling.max_concurrent.unwrap_or(DEFAULT_MAX_CONCURRENT);
        let slots = u32::try_from(max_concurrent).ok().filter(|slots| *slots > 0);
        let slots = slots.ok_or_else(|| wrong(&format!("{key}.max_concurrent"), "must be 1 or more"))?;
        Ok(Self { key: key.to_owned(), policy, slots: Slots::new(slots, Charge::Time), max_concurrent })
    }

    /// The provider as the configuration names it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// How calls are tried where neither a tool nor the guest says otherwise.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Attempts that may be under way.
    pub(crate) fn max_concurrent(&self) -> usize {
        self.max_concurrent
    }

    /// Tries a call by the provider's policy and the guest's options.
    pub(crate) async fn run<F, Fut>(&self, clock: &dyn Clock, activity: &Activity, attempt: F) -> Performed
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Attempt> + Send,
    {
        self.run_by(self.policy.clone(), clock, activity, attempt).await
    }

    /// The same, by another policy.
    pub(crate) async fn run_by<F, Fut>(
        &self,
        policy: Policy,
        clock: &dyn Clock,
        activity: &Activity,
        mut attempt: F,
    ) -> Performed
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Attempt> + Send,
    {
        let policy = match policy.for_call(&activity.options) {
            Ok(policy) => policy,
            Err(failure) => return refused(failure),
        };
        let mut attempts = 0;
        loop {
            let left_ms = left_ms(&policy, clock, activity);
            if left_ms == 0 {
                return self.failed(attempts, self.out_of_time(&policy));
            }
            let ends = Instant::now() + Duration::from_millis(left_ms);
            let (answer, trouble) = match self.one(&policy, left_ms, activity, &mut attempts, &mut attempt).await {
                Some(Attempt::Done(answer)) => return self.performed(Outcome::Ok(answer), attempts),
                Some(Attempt::Unsettled(answer, trouble)) => (Some(answer), trouble),
                Some(Attempt::Failed(trouble)) => (None, trouble),
                Some(Attempt::Elsewhere(Elsewhere(rest))) => match timeout_at(ends, rest).await {
                    Ok(Late::Done(answer)) => return self.performed(Outcome::Ok(answer), attempts),
                    Ok(Late::Failed(trouble)) => (None, trouble),
                    Ok(Late::GivenUp(failure)) => return self.failed(attempts, failure),
                    Err(_) => return self.failed(attempts, self.out_of_time(&policy)),
                },
                None => return self.failed(attempts, self.out_of_time(&policy)),
            };
            let decision = decide(
                &policy,
                &Situation {
                    attempts,
                    elapsed_ms: clock.now_ms().saturating_sub(activity.requested_ms),
                    code: &trouble.failure.code,
                    retryable: trouble.failure.retryable,
                    retry_after_ms: trouble.retry_after_ms,
                    chance: chance(activity, attempts),
                },
            );
            match decision {
                Decision::Wait(wait_ms) => {
                    info!(
                        run_id = %activity.run_id, call = activity.call, provider = self.key,
                        code = trouble.failure.code, attempts, wait_ms,
                        "an attempt failed, another follows"
                    );
                    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                }
                Decision::GiveUp(reason) => {
                    return match answer {
                        Some(answer) => self.performed(Outcome::Ok(answer), attempts),
                        None => self.failed(attempts, explained(trouble.failure, attempts, &reason)),
                    };
                }
            }
        }
    }

    /// One attempt, within its time, when a slot is free; nothing where the total timeout ended it.
    async fn one<F, Fut>(
        &self,
        policy: &Policy,
        left_ms: u64,
        activity: &Activity,
        attempts: &mut u32,
        attempt: &mut F,
    ) -> Option<Attempt>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Attempt> + Send,
    {
        let whole = async {
            activity.share.pace(&self.key).await;
            let _slot = activity.share.slot(&self.slots).await;
            *attempts = attempts.saturating_add(1);
            let patience = Duration::from_millis(policy.attempt_timeout_ms);
            tokio::time::timeout(patience, attempt()).await.unwrap_or_else(|_| {
                let message = format!("`{}` did not answer within {} ms", self.key, policy.attempt_timeout_ms);
                Attempt::Failed(Trouble::passing("timeout", message))
            })
        };
        tokio::time::timeout(Duration::from_millis(left_ms), whole).await.ok()
    }

    /// What came of a call, counted for this provider.
    fn performed(&self, outcome: Outcome, attempts: u32) -> Performed {
        Performed { usage: Some(CallUsage::of(&self.key)), ..Performed::new(outcome, attempts) }
    }

    fn failed(&self, attempts: u32, failure: Failure) -> Performed {
        self.performed(Outcome::Failed(failure), attempts)
    }

    fn out_of_time(&self, policy: &Policy) -> Failure {
        let limit_ms = policy.total_timeout_ms;
        Failure::retryable("timeout", format!("the total timeout of {limit_ms} ms for `{}` is over", self.key))
    }
}

fn left_ms(policy: &Policy, clock: &dyn Clock, activity: &Activity) -> u64 {
    policy.total_timeout_ms.saturating_sub(clock.now_ms().saturating_sub(activity.requested_ms))
}

/// A number from 0 to 1 that differs between calls and between attempts, but not between two hosts that try the same.
fn chance(activity: &Activity, attempts: u32) -> f64 {
    let digest = Digest::of_parts([activity.idempotency_key().as_bytes(), &attempts.to_be_bytes()[..]]);
    let [a, b, c, d, ..] = *digest.as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

/// A call that was not tried.
pub(crate) fn refused(failure: Failure) -> Performed {
    Performed::new(Outcome::Failed(failure), 0)
}

/// Adds why there is no further attempt, where that is not plain.
fn explained(mut failure: Failure, attempts: u32, reason: &Reason) -> Failure {
    let times = match attempts {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    match reason {
        Reason::Final => {}
        reason => failure.message = format!("{}; gave up after {times}: {reason}", failure.message),
    }
    failure
}

/// The JSON of an answer that the host made itself.
pub(crate) fn answer(value: &impl serde::Serialize) -> Result<Json, Trouble> {
    Json::of(value).map_err(|error| Trouble::lasting("provider-error", format!("the answer cannot be kept: {error}")))
}
