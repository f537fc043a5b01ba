//! What each tenant has in the store: the bytes of its rows, and its open runs. It is counted where rows are written and written with them, so it
//! is exact whatever the host dies of.
//!
//! Key: tenant, zero byte. Value: the bytes of all its rows (keys and values), then its open runs, each a 64-bit big-endian number.

use std::collections::BTreeMap;

use ::redb::{Database, Durability, ReadableDatabase, ReadableTable};
use abide_model::Tenant;

use super::key::Key;
use super::meta;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Opened, Readable, TableId};
use crate::keys::Keys;
use crate::{StoreError, Usage};

pub(super) const TABLE: TableId = TableId::Stored;

/// How the rest of a key of the index begins, after the tenant, where a run is open.
const OPEN: [&[u8]; 2] = [b"@status\0srunning\0", b"@status\0sparked\0"];

/// What a transaction changes, by the beginning of the tenant's keys.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<Vec<u8>, Change>);

#[derive(Debug, Default, Clone, Copy)]
struct Change {
    bytes: i64,
    open_runs: i64,
}

impl Tally {
    /// A row was written that has so many bytes as its value; the one that it replaced had so many.
    pub(super) fn put(&mut self, table: TableId, key: &[u8], old: Option<usize>, new: usize) {
        let key_bytes = if old.is_none() { signed(key.len()) } else { 0 };
        self.change(table, key, key_bytes + signed(new) - signed(old.unwrap_or(0)), i64::from(old.is_none()));
    }

    /// A row was removed that had so many bytes as its value.
    pub(super) fn removed(&mut self, table: TableId, key: &[u8], old: usize) {
        self.change(table, key, -signed(key.len() + old), -1);
    }

    fn change(&mut self, table: TableId, key: &[u8], bytes: i64, rows: i64) {
        if matches!(table, TableId::Meta | TABLE) {
            return;
        }
        // A row without a tenant is the host's own.
        let Some(end) = key.iter().position(|byte| *byte == 0).filter(|end| *end > 0) else { return };
        let (owner, rest) = key.split_at(end + 1);
        let change = match self.0.get_mut(owner) {
            Some(change) => change,
            None => self.0.entry(owner.to_owned()).or_default(),
        };
        change.bytes += bytes;
        if table == TableId::Index && OPEN.iter().any(|open| rest.starts_with(open)) {
            change.open_runs += rows;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows of the tenants that changed, as they are now. One that cannot be read is left as it is: its tenant is told so when somebody asks
    /// what it has, and nobody else is held up.
    pub(super) fn rows(self, table: &impl Readable) -> Result<Vec<Row>, StoreError> {
        let changed = self.0.into_iter().filter(|(_, change)| change.bytes != 0 || change.open_runs != 0);
        let row = |(key, change): (Vec<u8>, Change)| {
            let before = match read(table, &key) {
                Err(StoreError::Corrupt(why)) => {
                    tracing::error!(why, "what a tenant has in the store cannot be counted");
                    return Ok(None);
                }
                before => before?,
            };
            let after = Usage {
                stored_bytes: before.stored_bytes.saturating_add_signed(change.bytes),
                open_runs: before.open_runs.saturating_add_signed(change.open_runs),
            };
            Ok(Some(Row { key, value: value(after).to_vec() }))
        };
        changed.map(row).filter_map(Result::transpose).collect()
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn value(usage: Usage) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&usage.stored_bytes.to_be_bytes());
    value[8..].copy_from_slice(&usage.open_runs.to_be_bytes());
    value
}

fn read(table: &impl Readable, key: &[u8]) -> Result<Usage, StoreError> {
    let Some(found) = table.get(key).map_err(unavailable)? else { return Ok(Usage::default()) };
    let numbers = found.value().split_first_chunk::<8>().and_then(|(bytes, open)| {
        Some(Usage { stored_bytes: u64::from_be_bytes(*bytes), open_runs: u64::from_be_bytes(open.try_into().ok()?) })
    });
    numbers.ok_or_else(|| corrupt(TABLE, key, "the value does not have 16 bytes"))
}

/// What a tenant has.
pub(super) fn get(table: &impl Readable, tenant: &Tenant) -> Result<Usage, StoreError> {
    read(table, &Key::of(tenant).done())
}

/// Counts what an older release stored. It is one transaction, so it is done or not.
pub(super) fn build(database: &Database) -> Result<(), StoreError> {
    if meta::is_tallied(&database.begin_read().map_err(unavailable)?)? {
        return Ok(());
    }
    let mut transaction = database.begin_write().map_err(unavailable)?;
    let durability = transaction.set_durability(Durability::Immediate);
    durability.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    transaction.set_quick_repair(true);
    let mut tally = Tally::default();
    for id in TableId::ALL {
        let table = transaction.open_table(id.definition()).map_err(unavailable)?;
        for row in table.iter().map_err(unavailable)? {
            let (key, value) = row.map_err(unavailable)?;
            tally.put(id, key.value(), None, value.value().len());
        }
    }
    {
        let table = transaction.open_table(TABLE.definition()).map_err(unavailable)?;
        let rows = tally.rows(&Opened::new(table, Keys::default()))?;
        let mut table = transaction.open_table(TABLE.definition()).map_err(unavailable)?;
        for Row { key, value } in rows {
            table.insert(key.as_slice(), value.as_slice()).map_err(unavailable)?;
        }
    }
    meta::set_tallied(&transaction)?;
    transaction.commit().map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, with_rows};
    use super::*;

    #[test]
    fn golden_row() {
        let tenant = Tenant::default();
        let usage = Usage { stored_bytes: 70_000, open_runs: 3 };
        let stored = golden("usage", &Row { key: Key::of(&tenant).done(), value: value(usage).to_vec() });
        let found = with_rows(TABLE, &[stored], |writing| get(writing.table(TABLE).unwrap(), &tenant));
        assert_eq!(found, Ok(usage));
    }

    #[test]
    fn rows_count_for_their_tenant_and_no_other() {
        let mut tally = Tally::default();
        tally.put(TableId::Events, b"a\0key", None, 10);
        tally.put(TableId::Events, b"a\0key", Some(10), 4);
        tally.put(TableId::Index, b"ab\0@status\0srunning\0run", None, 0);
        tally.put(TableId::Index, b"b\0@status\0scompleted\0run", None, 0);
        tally.removed(TableId::Index, b"c\0@status\0sparked\0run", 0);
        tally.put(TableId::Meta, b"format", None, 4);
        tally.put(TableId::Events, b"\0host", None, 4);
        let found: Vec<_> =
            tally.0.iter().map(|(key, change)| (key.as_slice(), change.bytes, change.open_runs)).collect();
        assert_eq!(found, [(&b"a\0"[..], 9, 0), (&b"ab\0"[..], 23, 1), (&b"b\0"[..], 24, 0), (&b"c\0"[..], -21, -1),]);
    }
}

#[cfg(all(test, feature = "conformance"))]
mod counted {
    use super::*;
    use crate::conformance::sample;
    use crate::{RedbStore, Store};

    /// The counts are those of the rows, whatever was written.
    #[tokio::test]
    async fn what_is_counted_is_what_is_there() {
        let store = RedbStore::in_memory().unwrap();
        let tenants = [sample::tenant("acme"), sample::tenant("acme-too")];
        for number in 1..40 {
            let tenant = &tenants[number as usize % 2];
            let run = sample::run(sample::run_id(number), &format!("r-{number}"));
            store.commit(sample::start(tenant, &run)).await.unwrap();
            if number % 3 == 0 {
                store.commit(sample::step(tenant, run.run_id, 1, 0)).await.unwrap();
            } else {
                store.commit(sample::end(tenant, &run, 1)).await.unwrap();
            }
            if number % 5 == 0 && number % 3 != 0 {
                store.delete(tenant, run.run_id).await.unwrap();
            }
        }
        let read = store.database.begin_read().unwrap();
        let mut again = Tally::default();
        for id in TableId::ALL {
            let table = read.open_table(id.definition()).unwrap();
            for row in table.iter().unwrap() {
                let (key, value) = row.unwrap();
                again.put(id, key.value(), None, value.value().len());
            }
        }
        assert_eq!(again.0.len(), 2);
        for tenant in tenants {
            let counted = store.usage(&tenant).await.unwrap();
            let change = again.0[&Key::of(&tenant).done()];
            assert_eq!(counted.stored_bytes, change.bytes.unsigned_abs());
            assert_eq!(counted.open_runs, change.open_runs.unsigned_abs());
            assert!(counted.open_runs > 0 && counted.stored_bytes > 1000, "{counted:?}");
        }
    }
}
