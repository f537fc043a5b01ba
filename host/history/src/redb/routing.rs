//! How new runs of a workflow find their version. Key: tenant, workflow; value: the routing as CBOR, packed.
//!
//! Earlier releases had the table `active`: key tenant, workflow; value the 32 bytes of the digest of the active version. It is read
//! where a workflow has no row here, and written no more.

use abide_model::{Digest, Routing, Tenant, WorkflowName};

use super::key::Key;
use super::row::{self, Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use crate::StoreError;

pub(super) const TABLE: TableId = TableId::Routings;
pub(super) const ACTIVE: TableId = TableId::Active;

fn key(tenant: &Tenant, name: &WorkflowName) -> Vec<u8> {
    Key::of(tenant).rest(name.as_str()).done()
}

pub(super) fn row(tenant: &Tenant, name: &WorkflowName, routing: &Routing) -> Row {
    Row { key: key(tenant, name), value: row::encode(routing) }
}

/// The routing of a workflow. Revision 0 where no change of it was written by this release.
pub(super) fn get(
    table: &impl Readable,
    active: &impl Readable,
    tenant: &Tenant,
    name: &WorkflowName,
) -> Result<Routing, StoreError> {
    let key = key(tenant, name);
    if let Some(found) = table.get(key.as_slice()).map_err(unavailable)? {
        return row::read(table, TABLE, &key, found.value());
    }
    let Some(found) = active.get(key.as_slice()).map_err(unavailable)? else { return Ok(Routing::default()) };
    let bytes = found.value().try_into().map_err(|_| corrupt(ACTIVE, &key, "the value is not a digest"))?;
    Ok(Routing { active: Some(Digest::from_bytes(bytes)), ..Routing::default() })
}

#[cfg(test)]
mod tests {
    use abide_model::{Ramp, SwapPolicy};

    use super::super::testing::{golden, with_rows};
    use super::*;

    #[test]
    fn golden_rows() {
        let (tenant, name) = (Tenant::default(), WorkflowName::parse("helpdesk").unwrap());
        let routing = Routing {
            revision: 7,
            active: Some(Digest::of(b"component")),
            previous: [Digest::of(b"before"), Digest::of(b"first")].into(),
            ramp: Some(Ramp { version: Digest::of(b"next"), percent: 10 }),
            swap: SwapPolicy::Automatic,
        };
        let stored = golden("routing", &row(&tenant, &name, &routing));
        with_rows(TABLE, &[stored], |writing| {
            let active = Row { key: key(&tenant, &name), value: Digest::of(b"old").as_bytes().to_vec() };
            active.put(writing, ACTIVE).unwrap();
            let found = writing.two(TABLE, ACTIVE, |table, active| get(table, active, &tenant, &name));
            assert_eq!(found, Ok(routing.clone()));
        });
    }

    #[test]
    fn the_active_version_of_an_earlier_release_is_found() {
        let (tenant, name) = (Tenant::default(), WorkflowName::parse("helpdesk").unwrap());
        let version = Digest::of(b"component");
        let stored = golden("active", &Row { key: key(&tenant, &name), value: version.as_bytes().to_vec() });
        with_rows(ACTIVE, &[stored], |writing| {
            let found = writing.two(TABLE, ACTIVE, |table, active| get(table, active, &tenant, &name));
            assert_eq!(found, Ok(Routing { active: Some(version), ..Routing::default() }));
        });
    }
}
