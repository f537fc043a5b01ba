//! Looks at a file as an upload would, and stores nothing.

use abide_engine::inspect;
use abide_engine::report::{Bounds, report};
use abide_model::{Digest, Error, Tenant};
use bytes::Bytes;

use crate::Host;
use crate::programs::blocking;
use crate::view::Inspection;

impl Host {
    /// What `file` is, and what this host would refuse about it: also interfaces that nobody performs here. It is not compiled.
    pub async fn inspect(&self, tenant: &Tenant, file: Bytes) -> Result<Inspection, Error> {
        let config = &self.inner.config;
        let bounds =
            Bounds { component_bytes: config.max_component_bytes as u64, memory_bytes: config.limits.memory_bytes };
        let (mut inspection, typed) = blocking(move || {
            let inspection = Inspection { version: Digest::of(&file), report: report(&file, bounds) };
            // What cannot be read stands in the report.
            let typed = inspect(&file).map(|inspected| inspected.typed).unwrap_or_default();
            Ok((inspection, typed))
        })
        .await?;
        let report = &mut inspection.report;
        let unperformed = typed.iter().filter_map(|import| self.inner.performer.check_import(tenant, import).err());
        report.refusals.extend(unperformed.map(|error| error.message));
        report.accepted = report.refusals.is_empty();
        Ok(inspection)
    }
}
