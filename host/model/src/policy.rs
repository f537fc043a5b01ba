//! How an activity is performed: timeouts, retries and the idempotency key. A field that is `None` is decided by the
//! provider's configuration, and else by the defaults of the activities.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Options of a call, as the guest gave them.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallOptions {
    /// The longest that one attempt may take.
    #[n(0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that the call may take, from when it was requested.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_timeout_ms: Option<u64>,
    /// When it is tried again.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// What the provider sees as the key of the call.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Exponential backoff with jitter.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Wait before the second attempt.
    #[n(0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_interval_ms: Option<u64>,
    /// What each further wait is multiplied by.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff_coefficient: Option<f64>,
    /// The longest wait.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_interval_ms: Option<u64>,
    /// The share of a wait that is left to chance.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// Attempts in all.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// No attempt begins later than this after the request.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_elapsed_ms: Option<u64>,
    /// Codes that are final.
    #[n(6)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub non_retryable: Vec<String>,
}
