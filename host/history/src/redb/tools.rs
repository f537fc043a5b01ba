//! Tool components that were uploaded, each with its own copy of its file: what replaces or deletes one touches nobody else's rows.
//!
//! `tools`: key tenant, 0, name; value the row as CBOR, packed. Key tenant, 1, name, zero byte, number of the part; value a part of the
//! component, see `parts`. The first byte keeps the rows together, so that a list reads no component.

use abide_model::Tenant;
use bytes::Bytes;

use super::key::Key;
use super::parts;
use super::row::{self, Row, unavailable};
use super::tables::{Readable, TableId, Writing};
use crate::{StoreError, UploadedTool};

pub(super) const TABLE: TableId = TableId::Tools;

/// About how much a deletion takes of the queue, in bytes.
pub(super) const DELETE_SIZE: usize = 4096;

/// What a key is of.
pub(super) const ROW: u8 = 0;
const COMPONENT: u8 = 1;

fn rows_of(tenant: &Tenant) -> Key {
    Key::of(tenant).byte(ROW)
}

fn component_of(tenant: &Tenant, name: &str) -> Key {
    Key::of(tenant).byte(COMPONENT).name(name)
}

/// All rows of a tool component.
pub(super) fn rows(tenant: &Tenant, tool: &UploadedTool, component: &[u8]) -> Vec<Row> {
    let mut rows = vec![Row { key: rows_of(tenant).rest(&tool.name).done(), value: row::encode(tool) }];
    rows.extend(parts::rows(&component_of(tenant, &tool.name), component));
    rows
}

/// Removes the tool component of that name, if it is there, and writes the rows of another.
pub(super) fn replace(writing: &mut Writing<'_>, tenant: &Tenant, name: &str, rows: &[Row]) -> Result<(), StoreError> {
    let beginning = component_of(tenant, name);
    let first = beginning.clone().done();
    let table = writing.table(TABLE)?;
    let old = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    let old = old.map(|row| row.map(|(key, _)| key.value().to_vec())).collect::<Result<Vec<_>, _>>();
    let mut old = old.map_err(unavailable)?;
    old.push(rows_of(tenant).rest(name).done());
    for key in old.iter().filter(|key| !rows.iter().any(|row| row.key == **key)) {
        writing.remove(TABLE, key)?;
    }
    rows.iter().try_for_each(|row| row.put(writing, TABLE))
}

/// All of a tenant, by name.
pub(super) fn list(table: &impl Readable, tenant: &Tenant) -> Result<Vec<UploadedTool>, StoreError> {
    let beginning = rows_of(tenant);
    let first = beginning.clone().done();
    let found = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    found
        .map(|found| {
            let (key, value) = found.map_err(unavailable)?;
            row::read(table, TABLE, key.value(), value.value())
        })
        .collect()
}

/// The component of a name.
pub(super) fn component(table: &impl Readable, tenant: &Tenant, name: &str) -> Result<Option<Bytes>, StoreError> {
    parts::read(table, TABLE, &component_of(tenant, name))
}

#[cfg(test)]
mod tests {
    use abide_model::{Digest, Json};
    use proptest::prelude::*;

    use super::super::testing::{golden, tenant, with_rows};
    use super::*;

    fn tool(name: &str, component: &[u8]) -> UploadedTool {
        UploadedTool {
            name: name.to_owned(),
            version: Digest::of(component),
            uploaded_ms: 1_700_000_000_123,
            size_bytes: component.len() as u64,
            settings: Json::parse(r#"{"http":{"allow":["crm.example.com"]},"pass_env":["CRM_KEY"]}"#).unwrap(),
        }
    }

    proptest! {
        #[test]
        fn a_tool_component_is_read_as_it_was_written(tenant in tenant(), name in "[a-zA-Z0-9._-]{1,64}", component: Vec<u8>) {
            let tool = tool(&name, &component);
            with_rows(TABLE, &rows(&tenant, &tool, &component), |writing| {
                let table = writing.table(TABLE).unwrap();
                prop_assert_eq!(super::component(table, &tenant, &name), Ok(Some(component.into())));
                prop_assert_eq!(list(table, &tenant), Ok(vec![tool]));
                Ok(())
            })?;
        }
    }

    #[test]
    fn golden_rows() {
        let (tenant, tool) = (Tenant::default(), tool("crm", b"component"));
        let written = rows(&tenant, &tool, b"component");
        let stored = [golden("tool", &written[0]), golden("tool-component", &written[1])];
        with_rows(TABLE, &stored, |writing| {
            let table = writing.table(TABLE).unwrap();
            assert_eq!(list(table, &tenant), Ok(vec![tool]));
            assert_eq!(component(table, &tenant, "crm"), Ok(Some(Bytes::from_static(b"component"))));
        });
    }
}
