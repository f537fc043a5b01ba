//! What a call cost: who performed it, the tokens of a language model, and their price.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Money, llm};

/// What a call used. It stands in the event of its outcome, so that sums over histories and the ledger are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct CallUsage {
    /// Who performed it, as the configuration names it, such as `llm.openai`.
    #[n(0)]
    pub provider: String,
    /// The model that was asked for, as its provider names it.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The tokens of all attempts for which the provider said them.
    #[n(2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Tokens>,
    /// Their price. Without one, no price of the model is known.
    #[n(3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Attempts that reached the model, and came back without a count of tokens: what they cost is not known.
    #[n(4)]
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uncounted_attempts: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl CallUsage {
    /// A call that `provider` performed, and that has no price.
    pub fn of(provider: &str) -> Self {
        Self { provider: provider.to_owned(), ..Self::default() }
    }
}

/// Tokens of a language model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Tokens {
    /// Of the requests, those that were cached included.
    #[n(0)]
    pub input: u64,
    /// Of those, the ones that were cached.
    #[n(1)]
    pub cached_input: u64,
    /// Of the answers.
    #[n(2)]
    pub output: u64,
}

impl Tokens {
    /// The tokens of another attempt too.
    pub fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cached_input = self.cached_input.saturating_add(other.cached_input);
        self.output = self.output.saturating_add(other.output);
    }
}

impl From<llm::Usage> for Tokens {
    /// No more of the request can have been cached than there was.
    fn from(usage: llm::Usage) -> Self {
        let cached_input = usage.cached_input_tokens.min(usage.input_tokens);
        Self { input: usage.input_tokens, cached_input, output: usage.output_tokens }
    }
}
