//! Versions, their components, and which version of a workflow is active.
//!
//! `versions`: key tenant, workflow, zero byte, digest; value a 64-bit big-endian number that says in which order the tenant's
//! versions came, then the version as CBOR, packed.
//!
//! `active`: key tenant, workflow; value the 32 bytes of the digest.
//!
//! `components`: key tenant, digest, number of the part; value a part of the component, see `parts`. Workflows that have the same
//! component share it.

use abide_model::{Digest, Tenant, WorkflowName};
use bytes::Bytes;

use super::key::Key;
use super::parts;
use super::row::{self, Row, corrupt, unavailable};
use super::tables::{Readable, TableId, Writing};
use crate::{StoreError, Version};

pub(super) const TABLE: TableId = TableId::Versions;
pub(super) const ACTIVE: TableId = TableId::Active;
pub(super) const COMPONENTS: TableId = TableId::Components;

/// The value of the row of a version.
fn value(order: u64, version: &Version) -> Vec<u8> {
    let mut value = order.to_be_bytes().to_vec();
    value.extend_from_slice(&row::encode(version));
    value
}

fn decode(key: &[u8], value: &[u8]) -> Result<(u64, Version), StoreError> {
    let (order, packed) = value.split_first_chunk().ok_or_else(|| corrupt(TABLE, key, "the value is short"))?;
    let version = row::decode(packed).map_err(|why| corrupt(TABLE, key, why))?;
    Ok((u64::from_be_bytes(*order), version))
}

/// The rows of a component.
pub(super) fn component_rows(tenant: &Tenant, digest: Digest, component: &[u8]) -> Vec<Row> {
    parts::rows(&component_key(tenant, &digest), component)
}

fn component_key(tenant: &Tenant, digest: &Digest) -> Key {
    Key::of(tenant).digest(digest)
}

/// Writes a version and makes it active. Of one that is there, only the configuration changes.
pub(super) fn put(
    writing: &mut Writing<'_>,
    tenant: &Tenant,
    version: &Version,
    component: &[Row],
) -> Result<(), StoreError> {
    let key = Key::of(tenant).name(version.workflow.as_str()).digest(&version.version).done();
    let known = numbered(writing.table(TABLE)?, tenant, Some(&version.workflow))?;
    match known.into_iter().find(|(_, known)| known.version == version.version) {
        Some((order, known)) if known.configuration != version.configuration => {
            let configured = Version { configuration: version.configuration.clone(), ..known };
            Row { key, value: value(order, &configured) }.put(writing, TABLE)?;
        }
        Some(_) => {}
        None => {
            let all = numbered(writing.table(TABLE)?, tenant, None)?;
            let order = all.iter().map(|(order, _)| order + 1).max().unwrap_or(0);
            Row { key, value: value(order, version) }.put(writing, TABLE)?;
        }
    }
    for row in component {
        if !writing.has(COMPONENTS, &row.key)? {
            row.put(writing, COMPONENTS)?;
        }
    }
    let key = Key::of(tenant).rest(version.workflow.as_str()).done();
    Row { key, value: version.version.as_bytes().to_vec() }.put(writing, ACTIVE)
}

/// The active version of a workflow.
pub(super) fn active(
    table: &impl Readable,
    tenant: &Tenant,
    name: &WorkflowName,
) -> Result<Option<Digest>, StoreError> {
    let key = Key::of(tenant).rest(name.as_str()).done();
    let Some(found) = table.get(key.as_slice()).map_err(unavailable)? else { return Ok(None) };
    let bytes = found.value().try_into().map_err(|_| corrupt(ACTIVE, &key, "the value is not a digest"))?;
    Ok(Some(Digest::from_bytes(bytes)))
}

/// Versions, oldest first.
pub(super) fn list(
    table: &impl Readable,
    tenant: &Tenant,
    name: Option<&WorkflowName>,
) -> Result<Vec<Version>, StoreError> {
    let mut found = numbered(table, tenant, name)?;
    found.sort_by_key(|(order, _)| *order);
    Ok(found.into_iter().map(|(_, version)| version).collect())
}

fn numbered(
    table: &impl Readable,
    tenant: &Tenant,
    name: Option<&WorkflowName>,
) -> Result<Vec<(u64, Version)>, StoreError> {
    let beginning = match name {
        Some(name) => Key::of(tenant).name(name.as_str()),
        None => Key::of(tenant),
    };
    let first = beginning.clone().done();
    let rows = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    rows.map(|row| {
        let (key, value) = row.map_err(unavailable)?;
        decode(key.value(), value.value())
    })
    .collect()
}

/// A component, whole again.
pub(super) fn component(table: &impl Readable, tenant: &Tenant, digest: Digest) -> Result<Option<Bytes>, StoreError> {
    parts::read(table, COMPONENTS, &component_key(tenant, &digest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{self, golden, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_version_is_read_as_it_was_written(tenant in tenant(), version in testing::version(), size in 0usize..5000) {
            let bytes: Vec<u8> = (0..size).map(|n| (n * n) as u8).collect();
            let rows = component_rows(&tenant, version.version, &bytes);
            with_rows(TABLE, &[], |writing| {
                put(writing, &tenant, &version, &rows).unwrap();
                let found = component(writing.table(COMPONENTS).unwrap(), &tenant, version.version);
                prop_assert_eq!(found, Ok(Some(bytes.into())));
                let found = active(writing.table(ACTIVE).unwrap(), &tenant, &version.workflow);
                prop_assert_eq!(found, Ok(Some(version.version)));
                prop_assert_eq!(list(writing.table(TABLE).unwrap(), &tenant, None), Ok(vec![version]));
                Ok(())
            })?;
        }
    }

    #[test]
    fn golden_rows() {
        let tenant = Tenant::default();
        let version = Version {
            workflow: WorkflowName::parse("helpdesk").unwrap(),
            version: Digest::of(b"component"),
            uploaded_ms: 1_700_000_000_123,
            size_bytes: 9,
            imports: vec!["abide:workflow/llm".into(), "abide:workflow/tools".into()],
            has_query: true,
            configuration: None,
        };
        let component_row = golden("component", &component_rows(&tenant, version.version, b"component")[0]);
        let key = Key::of(&tenant).name("helpdesk").digest(&version.version).done();
        let row = golden("version", &Row { key, value: value(3, &version) });
        let key = Key::of(&tenant).rest("helpdesk").done();
        let active_row = golden("active", &Row { key, value: version.version.as_bytes().to_vec() });
        with_rows(TABLE, &[row], |writing| {
            component_row.put(writing, COMPONENTS).unwrap();
            active_row.put(writing, ACTIVE).unwrap();
            let found = component(writing.table(COMPONENTS).unwrap(), &tenant, version.version);
            assert_eq!(found, Ok(Some(Bytes::from_static(b"component"))));
            let found = active(writing.table(ACTIVE).unwrap(), &tenant, &version.workflow);
            assert_eq!(found, Ok(Some(version.version)));
            assert_eq!(list(writing.table(TABLE).unwrap(), &tenant, None), Ok(vec![version.clone()]));
        });
    }
}
