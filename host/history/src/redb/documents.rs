//! Documents. Key: owner, kind (1), name; value: revision (8, big-endian), packed: what is in it. The host's own have a key that begins
//! with the zero byte, as that of a tenant without a name would.

use bytes::Bytes;

use super::key::Key;
use super::pack;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId, Writing};
use crate::{Document, DocumentChange, DocumentKind, Owner, StoreError};

pub(super) const TABLE: TableId = TableId::Documents;

/// The longest name of a document, in bytes.
const MAX_NAME_BYTES: usize = 256;
/// The most that can be in one, in bytes.
const MAX_VALUE_BYTES: usize = 4 << 20;

fn rows_of(owner: &Owner, kind: DocumentKind) -> Key {
    let key = match owner {
        Owner::Host => Key::of_host(),
        Owner::Tenant(tenant) => Key::of(tenant),
    };
    key.byte(kind as u8)
}

fn key(owner: &Owner, kind: DocumentKind, name: &str) -> Vec<u8> {
    rows_of(owner, kind).rest(name).done()
}

/// Refuses what cannot be stored.
pub(super) fn check_bounds(changes: &[DocumentChange]) -> Result<(), StoreError> {
    for change in changes {
        let bytes = change.value.as_ref().map_or(0, Bytes::len);
        if change.name.len() > MAX_NAME_BYTES || bytes > MAX_VALUE_BYTES {
            return Err(StoreError::Invalid(format!(
                "a document of {}: its name has {} bytes (the limit is {MAX_NAME_BYTES}), and {bytes} are in it (the limit is {MAX_VALUE_BYTES})",
                change.owner,
                change.name.len(),
            )));
        }
    }
    Ok(())
}

/// About how many bytes changes take of the queue.
pub(super) fn size(changes: &[DocumentChange]) -> usize {
    changes.iter().map(|change| change.name.len() + change.value.as_ref().map_or(0, Bytes::len) + 128).sum()
}

/// Whether all of these changes may be made. Writes nothing.
pub(super) fn check(writing: &mut Writing<'_>, changes: &[DocumentChange]) -> Result<(), StoreError> {
    for change in changes {
        if let Owner::Tenant(tenant) = &change.owner {
            writing.keys().may_write(tenant)?;
        }
    }
    let table = writing.table(TABLE)?;
    for change in changes {
        let Some(expected) = change.expected else { continue };
        let found = get(table, &change.owner, change.kind, &change.name)?;
        if found.map_or(0, |document| document.revision) != expected {
            return Err(StoreError::DocumentChanged(change.name.clone()));
        }
    }
    Ok(())
}

/// Writes changes that were checked.
pub(super) fn apply(writing: &mut Writing<'_>, changes: &[DocumentChange]) -> Result<(), StoreError> {
    for DocumentChange { owner, kind, name, value, .. } in changes {
        match value {
            Some(value) => {
                let before = get(writing.table(TABLE)?, owner, *kind, name)?;
                let revision = before.map_or(0, |document| document.revision) + 1;
                row(owner, *kind, name, revision, value).put(writing, TABLE)?;
            }
            None => writing.remove(TABLE, &key(owner, *kind, name))?,
        }
    }
    Ok(())
}

fn row(owner: &Owner, kind: DocumentKind, name: &str, revision: u64, value: &[u8]) -> Row {
    let mut stored = revision.to_be_bytes().to_vec();
    pack::pack_into(&mut stored, value);
    Row { key: key(owner, kind, name), value: stored }
}

fn decode(key: &[u8], value: &[u8]) -> Result<Document, StoreError> {
    let (revision, packed) = value.split_first_chunk().ok_or_else(|| corrupt(TABLE, key, "the value is short"))?;
    let value = pack::unpack(packed).map_err(|why| corrupt(TABLE, key, why))?;
    Ok(Document { revision: u64::from_be_bytes(*revision), value: value.into_owned().into() })
}

/// A document.
pub(super) fn get(
    table: &impl Readable,
    owner: &Owner,
    kind: DocumentKind,
    name: &str,
) -> Result<Option<Document>, StoreError> {
    let key = key(owner, kind, name);
    table.get(key.as_slice()).map_err(unavailable)?.map(|found| decode(&key, found.value())).transpose()
}

/// Documents of one kind after `after`, by name.
pub(super) fn list(
    table: &impl Readable,
    owner: &Owner,
    kind: DocumentKind,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, Document)>, StoreError> {
    let beginning = rows_of(owner, kind);
    let first = match after {
        // The first key that is larger: no name goes on with a zero byte where the one before ends.
        Some(after) => beginning.clone().rest(after).byte(0).done(),
        None => beginning.clone().done(),
    };
    let kind_bytes = beginning.clone().done().len();
    let rows = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    rows.take(limit)
        .map(|row| {
            let (key, value) = row.map_err(unavailable)?;
            let name = std::str::from_utf8(&key.value()[kind_bytes..])
                .map_err(|_| corrupt(TABLE, key.value(), "the name is no text"))?;
            Ok((name.to_owned(), decode(key.value(), value.value())?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use abide_model::Tenant;
    use proptest::prelude::*;

    use super::super::testing::{golden, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_document_is_read_as_it_was_written(tenant in tenant(), name in "[a-zA-Z0-9._-]{0,64}", value: Vec<u8>, revision: u64) {
            let owner = Owner::Tenant(tenant);
            let stored = row(&owner, DocumentKind::Secret, &name, revision, &value);
            with_rows(TABLE, &[stored], |writing| {
                let table = writing.table(TABLE).unwrap();
                let document = Document { revision, value: value.clone().into() };
                prop_assert_eq!(get(table, &owner, DocumentKind::Secret, &name), Ok(Some(document.clone())));
                prop_assert_eq!(list(table, &owner, DocumentKind::Secret, None, 10), Ok(vec![(name.clone(), document)]));
                prop_assert_eq!(list(table, &owner, DocumentKind::Secret, Some(&name), 10), Ok(vec![]));
                prop_assert_eq!(get(table, &Owner::Host, DocumentKind::Secret, &name), Ok(None));
                Ok(())
            })?;
        }
    }

    #[test]
    fn golden_rows() {
        let value = br#"{"allow":["llm:openai/*"]}"#;
        let (owner, kind) = (Owner::Tenant(Tenant::default()), DocumentKind::Grants);
        let stored = [
            golden("document", &row(&owner, kind, "", 7, value)),
            golden("document-of-host", &row(&Owner::Host, DocumentKind::Tenant, "acme", 1, b"{}")),
        ];
        with_rows(TABLE, &stored, |writing| {
            let table = writing.table(TABLE).unwrap();
            let document = Document { revision: 7, value: Bytes::from_static(value) };
            assert_eq!(get(table, &owner, kind, ""), Ok(Some(document)));
            let listed = list(table, &Owner::Host, DocumentKind::Tenant, None, 10).unwrap();
            assert_eq!(listed.len(), 1);
            assert_eq!(listed[0].0, "acme");
        });
    }
}
