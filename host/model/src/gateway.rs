//! What the rules of a tenant's gateway did to a call, as its history says it: names and counts, never what was found.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What one rule did to a call.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct GatewayNote {
    /// The rule's name.
    #[n(0)]
    pub rule: String,
    /// What it did.
    #[n(1)]
    pub did: GatewayAct,
    /// How often.
    #[n(2)]
    pub count: u32,
}

/// What a rule can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum GatewayAct {
    /// Something was left out.
    #[n(0)]
    Redacted,
    /// Something was replaced by a token.
    #[n(1)]
    Tokenised,
    /// A token of the answer was replaced by what it stands for.
    #[n(2)]
    Restored,
    /// The answer may have fewer tokens than was asked for.
    #[n(3)]
    Capped,
    /// A parameter was left out.
    #[n(4)]
    Stripped,
    /// The call was refused.
    #[n(5)]
    Denied,
}

impl GatewayAct {
    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redacted => "redacted",
            Self::Tokenised => "tokenised",
            Self::Restored => "restored",
            Self::Capped => "capped",
            Self::Stripped => "stripped",
            Self::Denied => "denied",
        }
    }
}

impl std::fmt::Display for GatewayNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.rule, self.did.as_str(), self.count)
    }
}
