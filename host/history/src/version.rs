//! The row of a version, and how the versions of a workflow change.

use abide_model::{Configuration, Digest, Labels, Manifest, Routing, Tenant, WorkflowName};
use bytes::Bytes;
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
    /// What else it is called.
    #[n(7)]
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Since when no new run may take it.
    #[n(8)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deactivated_ms: Option<u64>,
    /// What it asks for. All that its tenant has where it has none.
    #[n(9)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
}

/// A change of the versions of one workflow. All of it is durable, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionsChange {
    /// Whose.
    pub tenant: Tenant,
    /// Of which workflow.
    pub workflow: WorkflowName,
    /// The revision that the change was made from; 0 where there was no routing. Another one is refused with
    /// [`StoreError::VersionsChanged`](crate::StoreError::VersionsChanged).
    pub expected: u64,
    /// How new runs find their version from now on. Its revision is a later one.
    pub routing: Routing,
    /// Rows of versions that are new or change.
    pub put: Vec<Version>,
    /// The component of a version that is new. It is kept once for all workflows of a tenant.
    pub component: Option<(Digest, Bytes)>,
    /// A version that goes. Its component goes where no other workflow has it.
    pub remove: Option<Digest>,
}
