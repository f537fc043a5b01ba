//! Why a call or a run did not succeed, as guests and callers see it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Json;

/// A failure: a stable code for programs, a sentence for people. Its public form is `failure` of the WIT package.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word in kebab case.
    #[n(0)]
    pub code: String,
    /// A sentence.
    #[n(1)]
    pub message: String,
    /// More for programs.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Json>,
    /// Whether trying the same again may help.
    #[n(3)]
    #[serde(default)]
    pub retryable: bool,
}

impl Failure {
    /// The code of a run that ended since somebody asked it to.
    pub const CANCELLED: &'static str = "cancelled";

    /// The code of a call that nothing allows: a grant, or an entry of the configuration, is missing.
    pub const DENIED: &'static str = "denied";

    /// A failure that trying again does not mend.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None, retryable: false }
    }

    /// A failure that may pass.
    pub fn retryable(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(code, message) }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
