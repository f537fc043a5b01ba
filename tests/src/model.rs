//! A performer that is a language model: each call costs the same.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use abide_activities::{Activity, Performed, Performer};
use abide_model::{CallUsage, Currency, Json, Micros, Money, Outcome, Tokens};
use serde_json::json;

/// What each call uses.
pub const TOKENS: Tokens = Tokens { input: 10, cached_input: 4, output: 5 };
/// What it costs, in millionths of a dollar.
pub const COST: u64 = 1_500;

/// See the top of the file.
#[derive(Clone, Default)]
pub struct CostlyModel(Arc<Mutex<BTreeMap<String, u32>>>);

impl CostlyModel {
    /// How often each idempotency key came.
    pub fn seen(&self) -> BTreeMap<String, u32> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Performer for CostlyModel {
    fn perform(&self, activity: Activity) -> Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(activity.idempotency_key()).or_default() += 1;
        let answer = json!({ "message": { "text": "well" }, "finish_reason": "stop", "model": "small" });
        let usage = CallUsage {
            model: Some("small".to_owned()),
            tokens: Some(TOKENS),
            cost: Some(Money { amount: Micros(COST), currency: Currency::parse("USD").expect("it is a currency") }),
            ..CallUsage::of("llm.costly")
        };
        let outcome = Outcome::Ok(Json::from(&answer));
        Box::pin(std::future::ready(Performed { usage: Some(usage), ..Performed::new(outcome, 1) }))
    }
}
