//! A performer that does what a test says, and counts.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_activities::{Activity, Performed, Performer};
use abide_model::{Json, Outcome};
use serde_json::json;

type Answer = dyn Fn(Activity) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync;

/// Performs each call with a function, and counts how often each idempotency key came.
#[derive(Clone)]
pub struct ScriptedPerformer {
    answer: Arc<Answer>,
    seen: Arc<Mutex<HashMap<String, u32>>>,
}

impl ScriptedPerformer {
    /// Performs each call with `answer`.
    pub fn new<F>(answer: impl Fn(Activity) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self { answer: Arc::new(move |activity| Box::pin(answer(activity))), seen: Arc::default() }
    }

    /// Gives a tool its arguments back, at once.
    pub fn echoing() -> Self {
        Self::new(|activity| async move { echo(&activity) })
    }

    /// The same, after a time that differs from call to call and, with the salt, from run to run.
    pub fn jittering(salt: u64) -> Self {
        Self::new(move |activity| {
            let key = activity.idempotency_key();
            let mixed = key.bytes().fold(salt, |mixed, byte| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            async move {
                tokio::time::sleep(Duration::from_micros(mixed % 5_000)).await;
                echo(&activity)
            }
        })
    }

    /// How often each idempotency key came.
    pub fn seen(&self) -> HashMap<String, u32> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a tool that gives its arguments back answers.
pub fn echo(activity: &Activity) -> Outcome {
    let request: serde_json::Value = activity.request.head.read().unwrap_or_default();
    Outcome::Ok(Json::from(&json!({ "structured": request["arguments"] })))
}

impl Performer for ScriptedPerformer {
    fn perform(&self, activity: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen.entry(activity.idempotency_key()).or_default() += 1;
        drop(seen);
        let outcome = (self.answer)(activity);
        Box::pin(async move { Performed::new(outcome.await, 1) })
    }
}
