//! Versions, and their components.
//!
//! `versions`: key tenant, workflow, zero byte, digest; value a 64-bit big-endian number that says in which order the tenant's
//! versions came, then the version as CBOR, packed.
//!
//! `components`: key tenant, digest, number of the part; value a part of the component, see `parts`. Workflows that have the same
//! component share it.

use abide_model::{Digest, Tenant, WorkflowName};
use bytes::Bytes;

use super::key::Key;
use super::parts;
use super::routing;
use super::row::{self, Row, corrupt, unavailable};
use super::seal;
use super::tables::{Readable, TableId, Writing};
use crate::keys::Keys;
use crate::{StoreError, Version, VersionsChange};

pub(super) const TABLE: TableId = TableId::Versions;
pub(super) const COMPONENTS: TableId = TableId::Components;

/// The value of the row of a version.
fn value(order: u64, version: &Version) -> Vec<u8> {
    let mut value = order.to_be_bytes().to_vec();
    value.extend_from_slice(&row::encode(version));
    value
}

fn decode(table: &impl Readable, key: &[u8], value: &[u8]) -> Result<(u64, Version), StoreError> {
    let value = seal::open(table.keys(), TABLE, key, value)?;
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

/// A change as rows, but for those whose order is known only when they are written.
#[derive(Debug)]
pub(super) struct PreparedVersions {
    tenant: Tenant,
    workflow: WorkflowName,
    expected: u64,
    routing: Row,
    put: Vec<Version>,
    component: Vec<Row>,
    remove: Option<Digest>,
}

impl PreparedVersions {
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The same with its component sealed, where that is asked for.
    pub(super) fn sealed(mut self, keys: &Keys) -> Result<Self, StoreError> {
        self.component = seal::rows(keys, COMPONENTS, self.component)?;
        Ok(self)
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        self.component.iter().map(Row::size).sum::<usize>() + self.routing.value.len() + self.put.len() * 4096 + 256
    }
}

/// Makes the rows of a change, and refuses one that contradicts itself.
pub(super) fn prepare(change: VersionsChange) -> Result<PreparedVersions, StoreError> {
    let VersionsChange { tenant, workflow, expected, routing, put, component, remove } = change;
    let invalid = |why: &str| Err(StoreError::Invalid(format!("a change of the versions of `{workflow}`: {why}")));
    if routing.revision <= expected {
        return invalid("its revision is an old one");
    }
    if put.iter().any(|version| version.workflow != workflow || Some(version.version) == remove) {
        return invalid("it is about another workflow, or puts what it removes");
    }
    let component = component.map(|(digest, bytes)| component_rows(&tenant, digest, &bytes)).unwrap_or_default();
    let routing = routing::row(&tenant, &workflow, &routing);
    Ok(PreparedVersions { tenant, workflow, expected, routing, put, component, remove })
}

/// Whether a change may be made. Writes nothing.
pub(super) fn check(writing: &mut Writing<'_>, change: &PreparedVersions) -> Result<(), StoreError> {
    let found = writing.two(routing::TABLE, routing::ACTIVE, |table, active| {
        routing::get(table, active, &change.tenant, &change.workflow)
    })?;
    if found.revision != change.expected {
        return Err(StoreError::VersionsChanged(change.workflow.clone()));
    }
    // Read here: an error while something is written would break the writes of others too.
    numbered(writing.table(TABLE)?, &change.tenant, None).map(drop)
}

/// Writes a change that was checked.
pub(super) fn apply(writing: &mut Writing<'_>, change: &PreparedVersions) -> Result<(), StoreError> {
    let PreparedVersions { tenant, workflow, .. } = change;
    let all = numbered(writing.table(TABLE)?, tenant, None)?;
    let mut next = all.iter().map(|(order, _)| order + 1).max().unwrap_or(0);
    for version in &change.put {
        let known = all.iter().find(|(_, known)| known.workflow == *workflow && known.version == version.version);
        let order = known.map_or(next, |(order, _)| *order);
        next += u64::from(known.is_none());
        Row { key: key(tenant, workflow, &version.version), value: value(order, version) }.put(writing, TABLE)?;
    }
    for row in &change.component {
        if !writing.has(COMPONENTS, &row.key)? {
            row.put(writing, COMPONENTS)?;
        }
    }
    if let Some(digest) = change.remove {
        writing.remove(TABLE, &key(tenant, workflow, &digest))?;
        if !all.iter().any(|(_, known)| known.version == digest && known.workflow != *workflow) {
            remove_component(writing, tenant, &digest)?;
        }
    }
    change.routing.put(writing, routing::TABLE)
}

fn key(tenant: &Tenant, workflow: &WorkflowName, digest: &Digest) -> Vec<u8> {
    Key::of(tenant).name(workflow.as_str()).digest(digest).done()
}

fn remove_component(writing: &mut Writing<'_>, tenant: &Tenant, digest: &Digest) -> Result<(), StoreError> {
    let keys = component_keys(writing.table(COMPONENTS)?, tenant, digest)?;
    keys.iter().try_for_each(|key| writing.remove(COMPONENTS, key))
}

fn component_keys(table: &impl Readable, tenant: &Tenant, digest: &Digest) -> Result<Vec<Vec<u8>>, StoreError> {
    let beginning = component_key(tenant, digest);
    let first = beginning.clone().done();
    let rows = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    rows.map(|row| Ok(row.map_err(unavailable)?.0.value().to_vec())).collect()
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
        decode(table, key.value(), value.value())
    })
    .collect()
}

/// Whether a tenant has a component.
pub(super) fn has_component(table: &impl Readable, tenant: &Tenant, digest: &Digest) -> Result<bool, StoreError> {
    let beginning = component_key(tenant, digest);
    let first = beginning.clone().done();
    let mut rows = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    rows.next().transpose().map(|row| row.is_some()).map_err(unavailable)
}

/// A component, whole again.
pub(super) fn component(table: &impl Readable, tenant: &Tenant, digest: Digest) -> Result<Option<Bytes>, StoreError> {
    parts::read(table, COMPONENTS, &component_key(tenant, &digest))
}

#[cfg(test)]
mod tests {
    use abide_model::{Label, Labels, Manifest, Right, Routing};
    use proptest::prelude::*;

    use super::super::testing::{self, golden, tenant, with_rows};
    use super::*;

    fn put(writing: &mut Writing<'_>, tenant: &Tenant, version: &Version, component: &[u8]) {
        let change = VersionsChange {
            tenant: tenant.clone(),
            workflow: version.workflow.clone(),
            expected: 0,
            routing: Routing { revision: 1, active: Some(version.version), ..Routing::default() },
            put: vec![version.clone()],
            component: Some((version.version, Bytes::copy_from_slice(component))),
            remove: None,
        };
        let prepared = prepare(change).unwrap();
        check(writing, &prepared).unwrap();
        apply(writing, &prepared).unwrap();
    }

    proptest! {
        #[test]
        fn a_version_is_read_as_it_was_written(tenant in tenant(), version in testing::version(), size in 0usize..5000) {
            let bytes: Vec<u8> = (0..size).map(|n| (n * n) as u8).collect();
            with_rows(TABLE, &[], |writing| {
                put(writing, &tenant, &version, &bytes);
                let found = component(writing.table(COMPONENTS).unwrap(), &tenant, version.version);
                prop_assert_eq!(found, Ok(Some(bytes.into())));
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
            labels: Labels::default(),
            deactivated_ms: None,
            manifest: None,
        };
        let component_row = golden("component", &component_rows(&tenant, version.version, b"component")[0]);
        let key = key(&tenant, &version.workflow, &version.version);
        let row = golden("version", &Row { key: key.clone(), value: value(3, &version) });
        let mut labelled = Version { deactivated_ms: Some(1_700_000_000_456), ..version.clone() };
        labelled.labels.add(Label::parse("v1.2").unwrap()).unwrap();
        let manifest = Manifest { asks: vec![Right::parse("llm:openai/*").unwrap()] };
        let asking = Version { manifest: Some(manifest), ..version.clone() };
        let asking_row = golden("version-asking", &Row { key: key.clone(), value: value(3, &asking) });
        let labelled_row = golden("version-labelled", &Row { key, value: value(3, &labelled) });
        with_rows(TABLE, &[row], |writing| {
            component_row.put(writing, COMPONENTS).unwrap();
            let found = component(writing.table(COMPONENTS).unwrap(), &tenant, version.version);
            assert_eq!(found, Ok(Some(Bytes::from_static(b"component"))));
            assert_eq!(list(writing.table(TABLE).unwrap(), &tenant, None), Ok(vec![version.clone()]));
            labelled_row.put(writing, TABLE).unwrap();
            assert_eq!(list(writing.table(TABLE).unwrap(), &tenant, None), Ok(vec![labelled.clone()]));
            asking_row.put(writing, TABLE).unwrap();
            assert_eq!(list(writing.table(TABLE).unwrap(), &tenant, None), Ok(vec![asking.clone()]));
        });
    }
}
