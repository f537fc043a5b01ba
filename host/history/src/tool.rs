//! The row of a tool component that was uploaded.

use abide_model::{Digest, Json};
use minicbor::{Decode, Encode};

/// A tool component. Its name stands in requests and in the key of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UploadedTool {
    /// Its name, of which there is one.
    #[n(0)]
    pub name: String,
    /// Digest of the uploaded file.
    #[n(1)]
    pub version: Digest,
    /// When it came.
    #[n(2)]
    pub uploaded_ms: u64,
    /// The size of the component, in bytes.
    #[n(3)]
    pub size_bytes: u64,
    /// How it is run, as its owner said it. It names secrets and has none.
    #[n(4)]
    pub settings: Json,
}
