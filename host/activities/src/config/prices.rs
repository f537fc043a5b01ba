//! `[prices."PROVIDER/MODEL"]`: what the tokens of a model cost.

use abide_model::{Currency, Micros};
use serde::Deserialize;

/// What tokens of a model cost. Amounts are decimal texts, such as `"1.25"`, and are read exactly.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// A million tokens of requests.
    pub input_per_million: Micros,
    /// A million of those that were cached. Without it, they cost what the others do.
    pub cached_input_per_million: Option<Micros>,
    /// A million tokens of answers.
    pub output_per_million: Micros,
    /// In this currency.
    pub currency: Currency,
}
