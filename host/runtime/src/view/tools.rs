//! What is shown of tool components.

use abide_model::{Digest, Json};
use serde::{Deserialize, Serialize};

/// A tool component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolComponent {
    /// Its name, by which `tools.call` knows it.
    pub name: String,
    /// Where it comes from.
    pub source: ToolSource,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The interfaces that it performs because it was uploaded; those of the configuration are bound there.
    pub performs: Vec<String>,
    /// The names of its tools.
    pub tools: Vec<String>,
    /// Why it cannot be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Digest of the uploaded file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Digest>,
    /// When it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded_ms: Option<u64>,
    /// The size of the component, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// How it is run, as its owner said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Json>,
}

/// Where a tool component comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolSource {
    /// From the host's configuration.
    Configuration,
    /// It was uploaded.
    Upload,
}

/// All tool components.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolComponents {
    /// By name.
    pub tools: Vec<ToolComponent>,
}

/// What came of an upload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PutTool {
    /// The tool component as it is now.
    pub tool: ToolComponent,
    /// Whether there was none of its name.
    pub created: bool,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTool {
    /// Its name.
    pub name: String,
}
