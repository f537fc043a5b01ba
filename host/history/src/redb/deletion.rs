//! Deleting a run. The run's own row goes first, with all that leads to it, so that nobody finds half a run; what is under it goes
//! in as many changes as it takes, each of a bounded size. What forks of the run need stays until the last of them is deleted.
//!
//! `deletions`: key tenant, run; the value is empty. A row says that something of the run is left. It is written by the change that
//! hides the run and removed by the one that removes the last row.

use abide_model::{RunId, Seq, Tenant};

use super::key::Key;
use super::row::{self, unavailable};
use super::tables::{Readable, TableId, Writing};
use super::{events, forks, index, keys, ledger, nodes, published, ready, runs};
use crate::StoreError;

pub(super) const TABLE: TableId = TableId::Deletions;

/// The tables whose keys begin with their run: all of it goes.
const UNDER: [TableId; 4] = [events::TABLE, nodes::TABLE, published::TABLE, keys::TABLE];

/// Rows that one change removes at most, besides those that lead to the run.
const ROWS: usize = 1024;
/// About how much such a change takes of the queue, in bytes.
pub(super) const SIZE: usize = ROWS * 64;

/// Whether a deletion is begun and not done.
pub(super) fn is_begun(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<bool, StoreError> {
    row::has(table, &Key::of_run(tenant, run_id).done())
}

/// Refuses to delete a run that is open.
pub(super) fn check(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId) -> Result<(), StoreError> {
    // Read here: an error while something is written would break the writes of others too.
    forks::parts(writing.table(forks::TABLE)?, tenant, run_id)?;
    if let Some(shared) = forks::shared(writing.table(forks::TABLE)?, tenant, run_id)? {
        events::kept_row(writing.table(events::TABLE)?, tenant, run_id, shared)?;
    }
    match runs::get(writing.table(runs::TABLE)?, tenant, run_id)? {
        Some(run) if run.status.is_open() => {
            Err(StoreError::Invalid(format!("run {run_id} is {}: only one that has ended can be deleted", run.status)))
        }
        Some(run) => runs::latest(writing.table(runs::IDS)?, tenant, &run.id).map(drop),
        None => Ok(()),
    }
}

/// One change: hides the run, if it is there, and removes some of what is under it. Nothing happens where there is nothing.
pub(super) fn step(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId) -> Result<(), StoreError> {
    let marker = Key::of_run(tenant, run_id).done();
    let begun = writing.has(TABLE, &marker)?;
    match runs::get(writing.table(runs::TABLE)?, tenant, run_id)? {
        Some(run) => {
            index::change(writing, &index::keys(tenant, &run), &Default::default())?;
            runs::remove(writing, tenant, &run)?;
            ready::set(writing, &ready::key(tenant, run_id), false)?;
            ledger::remove(writing, tenant, run_id)?;
        }
        None if begun => {}
        None => return Ok(()),
    }
    let shared = forks::shared(writing.table(forks::TABLE)?, tenant, run_id)?;
    if let Some(shared) = shared
        && let Some(kept) = events::kept_row(writing.table(events::TABLE)?, tenant, run_id, shared)?
    {
        kept.put(writing, events::TABLE)?;
    }
    let mut room = ROWS;
    for (table, first) in going(tenant, run_id, shared) {
        let end = Key::of_run(tenant, run_id).after();
        let found = first_keys(writing.table(table)?, &first, &end, room + 1)?;
        for key in found.iter().take(room) {
            writing.remove(table, key)?;
        }
        if found.len() > room {
            return if begun { Ok(()) } else { writing.put(TABLE, &marker, &[]) };
        }
        room -= found.len();
    }
    if shared.is_none() {
        forks::release(writing, tenant, run_id)?;
    }
    if begun { writing.remove(TABLE, &marker) } else { Ok(()) }
}

/// Begins to remove what is left of a run that was deleted before.
pub(super) fn begin(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId) -> Result<(), StoreError> {
    writing.put(TABLE, &Key::of_run(tenant, run_id).done(), &[])
}

/// What goes of a run, by table and first key. Of one whose forks share events, only what none of them needs: a node may be any fork's.
fn going(tenant: &Tenant, run_id: RunId, shared: Option<Seq>) -> Vec<(TableId, Vec<u8>)> {
    let run = Key::of_run(tenant, run_id);
    match shared {
        Some(shared) => vec![(events::TABLE, run.clone().u64(shared).done()), (published::TABLE, run.done())],
        None => UNDER.map(|table| (table, run.clone().done())).into(),
    }
}

fn first_keys(table: &impl Readable, first: &[u8], end: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows = table.range(first..end).map_err(unavailable)?;
    rows.take(limit).map(|row| Ok(row.map_err(unavailable)?.0.value().to_vec())).collect()
}

/// Deletions that are begun and not done.
pub(super) fn begun(table: &impl Readable, limit: usize) -> Result<Vec<(Tenant, RunId)>, StoreError> {
    let rows = table.range::<&[u8]>(..).map_err(unavailable)?;
    rows.take(limit)
        .map(|row| {
            let key = row.map_err(unavailable)?.0;
            let found = ready::parse(key.value());
            found.ok_or_else(|| row::corrupt(TABLE, key.value(), "the key is not one of a run"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
    use super::super::testing::{golden, with_rows};
    use super::*;

    #[test]
    fn golden_row() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let stored = golden("deletion", &Row { key: Key::of_run(&tenant, run_id).done(), value: Vec::new() });
        with_rows(TABLE, &[stored], |writing| {
            let table = writing.table(TABLE).unwrap();
            assert_eq!(begun(table, 10), Ok(vec![(tenant.clone(), run_id)]));
            assert_eq!(is_begun(table, &tenant, run_id), Ok(true));
        });
    }
}
