//! Erasing a tenant: every row whose key begins with its name, in changes of a bounded size. Its key was destroyed before, so that what is left
//! on pages, in the log and in backups cannot be read where it was sealed.

use abide_model::Tenant;

use super::key::Key;
use super::row::unavailable;
use super::tables::{Readable, TableId, Writing};
use crate::StoreError;

/// Rows that one change removes at most.
const ROWS: usize = 2048;
/// About how much such a change takes of the queue, in bytes.
pub(super) const SIZE: usize = ROWS * 64;

/// What a host that comes up would act on goes first.
const FIRST: [TableId; 3] = [TableId::Ready, TableId::Timers, TableId::ScheduleWakes];

/// The tables, in the order in which they are emptied.
fn tables() -> impl Iterator<Item = TableId> {
    let others = TableId::ALL.into_iter().filter(|table| *table != TableId::Meta && !FIRST.contains(table));
    FIRST.into_iter().chain(others)
}

fn keys(table: &impl Readable, tenant: &Tenant, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let (first, end) = (Key::of(tenant).done(), Key::of(tenant).after());
    let rows = table.range(first.as_slice()..end.as_slice()).map_err(unavailable)?;
    rows.take(limit).map(|row| Ok(row.map_err(unavailable)?.0.value().to_vec())).collect()
}

/// The first of a tenant's runs: its row as it is stored.
pub(super) fn first_run(runs: &impl Readable, tenant: &Tenant) -> Result<Option<(Vec<u8>, Vec<u8>)>, StoreError> {
    let (first, end) = (Key::of(tenant).done(), Key::of(tenant).after());
    let row = runs.range(first.as_slice()..end.as_slice()).map_err(unavailable)?.next();
    row.map(|row| {
        let (key, value) = row.map_err(unavailable)?;
        Ok((key.value().to_vec(), value.value().to_vec()))
    })
    .transpose()
}

/// One change: removes some rows.
pub(super) fn step(writing: &mut Writing<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    let mut room = ROWS;
    for table in tables() {
        let found = keys(writing.table(table)?, tenant, room)?;
        for key in &found {
            writing.remove(table, key)?;
        }
        room -= found.len();
        if room == 0 {
            break;
        }
    }
    Ok(())
}

/// Whether no row is left.
pub(super) fn is_done<T: Readable>(
    tenant: &Tenant,
    mut table: impl FnMut(TableId) -> Result<T, StoreError>,
) -> Result<bool, StoreError> {
    for id in tables() {
        if !keys(&table(id)?, tenant, 1)?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}
