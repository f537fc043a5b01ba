//! What is shown of secrets, and how one is set. A value is never shown.

use abide_model::SecretName;
use serde::{Deserialize, Serialize};

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretView {
    /// Its name.
    pub name: SecretName,
    /// 1 when it was first set, and one more with each change.
    pub version: u64,
    /// The hosts that it may be sent to.
    pub hosts: Vec<String>,
    /// When it was first set.
    pub created_ms: u64,
    /// When it was changed last.
    pub changed_ms: u64,
    /// About when it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_ms: Option<u64>,
}

/// All secrets of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// By name.
    pub secrets: Vec<SecretView>,
}

/// What a secret is to be.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutSecret {
    /// Its value. Without one, that which it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The hosts that it may be sent to, as in `allow` of `[http]`.
    pub hosts: Vec<String>,
}

impl std::fmt::Debug for PutSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PutSecret").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
