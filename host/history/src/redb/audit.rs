//! Who did what. Key: owner, time in milliseconds (8), number (8); value: the entry as CBOR, packed.

use abide_model::{AuditEntry, AuditId};

use super::key::{Key, KeyReader};
use super::row::{self, Row, corrupt, unavailable};
use super::tables::{Readable, TableId, Writing};
use crate::{Owner, StoreError};

pub(super) const TABLE: TableId = TableId::Audit;

/// Entries that one change removes at the most.
const PRUNED_AT_ONCE: usize = 1000;
/// About how much a change that removes some takes of the queue, in bytes.
pub(super) const PRUNE_SIZE: usize = 64 << 10;

fn of_owner(owner: &Owner) -> Key {
    match owner {
        Owner::Host => Key::of_host(),
        Owner::Tenant(tenant) => Key::of(tenant),
    }
}

fn key(owner: &Owner, id: AuditId) -> Vec<u8> {
    of_owner(owner).u64(id.time_ms).u64(id.number).done()
}

pub(super) fn row(owner: &Owner, id: AuditId, entry: &AuditEntry) -> Row {
    Row { key: key(owner, id), value: row::encode(entry) }
}

/// Entries before `before`, latest first.
pub(super) fn list(
    table: &impl Readable,
    owner: &Owner,
    before: Option<AuditId>,
    limit: usize,
) -> Result<Vec<(AuditId, AuditEntry)>, StoreError> {
    let first = of_owner(owner).done();
    let end = before.map_or_else(|| of_owner(owner).after(), |before| key(owner, before));
    let found = table.range(first.as_slice()..end.as_slice()).map_err(unavailable)?;
    found
        .rev()
        .take(limit)
        .map(|found| {
            let (key, value) = found.map_err(unavailable)?;
            let id = read_id(&key.value()[first.len()..])
                .ok_or_else(|| corrupt(TABLE, key.value(), "the key is no entry's"))?;
            Ok((id, row::decode(value.value()).map_err(|why| corrupt(TABLE, key.value(), why))?))
        })
        .collect()
}

fn read_id(rest: &[u8]) -> Option<AuditId> {
    let mut reader = KeyReader::new(rest);
    let id = AuditId { time_ms: reader.u64()?, number: reader.u64()? };
    reader.end().map(|()| id)
}

/// Removes some of the entries before `until_ms`.
pub(super) fn prune(writing: &mut Writing<'_>, owner: &Owner, until_ms: u64) -> Result<(), StoreError> {
    for key in old(writing.table(TABLE)?, owner, until_ms, PRUNED_AT_ONCE)? {
        writing.remove(TABLE, &key)?;
    }
    Ok(())
}

/// Whether there are entries before `until_ms`.
pub(super) fn has_old(table: &impl Readable, owner: &Owner, until_ms: u64) -> Result<bool, StoreError> {
    Ok(!old(table, owner, until_ms, 1)?.is_empty())
}

fn old(table: &impl Readable, owner: &Owner, until_ms: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let (first, end) = (of_owner(owner).done(), of_owner(owner).u64(until_ms).done());
    let found = table.range(first.as_slice()..end.as_slice()).map_err(unavailable)?;
    found.take(limit).map(|found| Ok(found.map_err(unavailable)?.0.value().to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use abide_model::Tenant;

    use super::super::testing::{golden, with_rows};
    use super::*;

    #[test]
    fn golden_rows() {
        let owner = Owner::Tenant(Tenant::default());
        let id = AuditId { time_ms: 1_700_000_000_123, number: 7 };
        let entry = AuditEntry {
            actor: "ci (tok_0123456789abcdef)".to_owned(),
            action: "POST /v1/runs/{run}/cancel".to_owned(),
            target: "/v1/runs/lisbon/cancel".to_owned(),
            status: Some(200),
        };
        with_rows(TABLE, &[golden("audit", &row(&owner, id, &entry))], |writing| {
            let table = writing.table(TABLE).unwrap();
            assert_eq!(list(table, &owner, None, 10), Ok(vec![(id, entry)]));
            assert_eq!(has_old(table, &owner, id.time_ms), Ok(false));
            assert_eq!(has_old(table, &owner, id.time_ms + 1), Ok(true));
            assert_eq!(list(table, &Owner::Host, None, 10), Ok(vec![]));
        });
    }
}
