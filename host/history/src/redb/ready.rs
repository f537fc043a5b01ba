//! Runs that are to be driven. Key: tenant, run. The value is empty.

use abide_model::{RunId, Tenant};

use super::key::{Key, KeyReader};
use super::row::{corrupt, unavailable};
use super::tables::{Readable, TableId, Writing};
use crate::StoreError;

pub(super) const TABLE: TableId = TableId::Ready;

pub(super) fn key(tenant: &Tenant, run_id: RunId) -> Vec<u8> {
    Key::of_run(tenant, run_id).done()
}

/// Puts a run in or takes it out. One that is already so costs no page.
pub(super) fn set(writing: &mut Writing<'_>, key: &[u8], ready: bool) -> Result<(), StoreError> {
    match (writing.has(TABLE, key)?, ready) {
        (false, true) => writing.put(TABLE, key, &[]),
        (true, false) => writing.remove(TABLE, key),
        (true, true) | (false, false) => Ok(()),
    }
}

/// Runs after `after`.
pub(super) fn read(
    table: &impl Readable,
    after: Option<&(Tenant, RunId)>,
    limit: usize,
) -> Result<Vec<(Tenant, RunId)>, StoreError> {
    use std::ops::Bound::{Excluded, Unbounded};
    let after = after.map(|(tenant, run_id)| key(tenant, *run_id));
    let begin = after.as_deref().map_or(Unbounded, Excluded);
    let rows = table.range::<&[u8]>((begin, Unbounded)).map_err(unavailable)?;
    rows.take(limit)
        .map(|row| {
            let key = row.map_err(unavailable)?.0;
            parse(key.value()).ok_or_else(|| corrupt(TABLE, key.value(), "the key is not one of a run"))
        })
        .collect()
}

pub(super) fn parse(key: &[u8]) -> Option<(Tenant, RunId)> {
    let mut reader = KeyReader::new(key);
    let found = (reader.tenant()?, reader.run()?);
    reader.end()?;
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::Row;
    use super::super::testing::{golden, run_id, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_written(tenant in tenant(), run_id in run_id()) {
            prop_assert_eq!(parse(&key(&tenant, run_id)), Some((tenant, run_id)));
        }
    }

    #[test]
    fn golden_row() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let stored = golden("ready", &Row { key: key(&tenant, run_id), value: Vec::new() });
        let found = with_rows(TABLE, &[stored], |writing| read(writing.table(TABLE).unwrap(), None, 10));
        assert_eq!(found, Ok(vec![(tenant, run_id)]));
    }
}
