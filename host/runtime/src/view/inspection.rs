//! What a host says about a file before it is uploaded.

use abide_engine::report::Report;
use abide_model::Digest;
use serde::{Deserialize, Serialize};

/// What a file is, and what the host would refuse about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inspection {
    /// The digest that it would have as a version.
    pub version: Digest,
    /// What it is.
    #[serde(flatten)]
    pub report: Report,
}
