//! The row of a version.

use abide_model::{Configuration, Digest, WorkflowName};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// One uploaded component.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Version {
    /// The workflow that it is a version of.
    #[n(0)]
    pub workflow: WorkflowName,
    /// Digest of the uploaded file.
    #[n(1)]
    pub version: Digest,
    /// When it came.
    #[n(2)]
    pub uploaded_ms: u64,
    /// The size of the component, in bytes.
    #[n(3)]
    pub size_bytes: u64,
    /// The interfaces that it imports.
    #[n(4)]
    pub imports: Vec<String>,
    /// Whether it exports `query`.
    #[n(5)]
    pub has_query: bool,
    /// What its runs see as environment variables and arguments.
    #[n(6)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<Configuration>,
}
