//! Secrets of tenants, as they are stored: what they are for in the clear, the value sealed.

use minicbor::{Decode, Encode};

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SecretRow {
    /// The hosts that it may be sent to.
    #[n(0)]
    pub hosts: Vec<String>,
    /// When it was first set.
    #[n(1)]
    pub created_ms: u64,
    /// When it was changed last.
    #[n(2)]
    pub changed_ms: u64,
    /// The value, sealed with the key of the tenant.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
    /// About when it was used last.
    #[n(4)]
    pub last_used_ms: Option<u64>,
    /// 1 when it was first set, and one more with each change.
    #[n(5)]
    pub version: u64,
}
