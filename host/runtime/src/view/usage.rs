//! What a tenant uses, as callers see it.

use abide_model::{Quotas, Tenant};
use serde::{Deserialize, Serialize};

/// What a tenant uses at a moment, beside what it may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantUsage {
    /// Which tenant.
    pub tenant: Tenant,
    /// Runs that have not ended.
    pub open_runs: u64,
    /// Bytes of all that is stored for it.
    pub stored_bytes: u64,
    /// Versions of all its workflows.
    pub versions: u64,
    /// Activities that are under way.
    pub calls_in_flight: u32,
    /// Guests in memory.
    pub resident_guests: u64,
    /// Their bytes.
    pub resident_bytes: u64,
    /// What it may use. What is left out is not bounded.
    pub quotas: Quotas,
}
