//! What a tenant has in a store.

/// What is counted for a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The bytes of all its rows.
    pub stored_bytes: u64,
    /// Its runs that have not ended.
    pub open_runs: u64,
}
