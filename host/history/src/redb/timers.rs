//! Timers. Key: tenant, when it rings, run, call. The value is empty. So a tenant's timers stand in the order in which they
//! ring.

use abide_model::{RunId, Tenant};

use super::key::{Key, KeyReader};
use super::row::{corrupt, unavailable};
use super::tables::{Readable, TableId};
use crate::{DueTimer, RunTimer, StoreError};

pub(super) const TABLE: TableId = TableId::Timers;

pub(super) fn key(tenant: &Tenant, run_id: RunId, timer: RunTimer) -> Vec<u8> {
    Key::of(tenant).u64(timer.due_ms).run(run_id).u32(timer.call).done()
}

fn parse(key: &[u8]) -> Result<DueTimer, StoreError> {
    let read = || {
        let mut reader = KeyReader::new(key);
        let tenant = reader.tenant()?;
        let due_ms = reader.u64()?;
        let run_id = reader.run()?;
        let call = reader.u32()?;
        reader.end()?;
        Some(DueTimer { tenant, run_id, timer: RunTimer { due_ms, call } })
    };
    read().ok_or_else(|| corrupt(TABLE, key, "the key is not one of a timer"))
}

/// The first timer of each tenant. One look-up a tenant: the rows between are skipped.
fn first_of_each(table: &impl Readable) -> Result<Vec<DueTimer>, StoreError> {
    let mut found = Vec::new();
    let mut begin = Vec::new();
    loop {
        let Some(row) = table.range(begin.as_slice()..).map_err(unavailable)?.next() else { return Ok(found) };
        let timer = parse(row.map_err(unavailable)?.0.value())?;
        begin = Key::of(&timer.tenant).after();
        found.push(timer);
    }
}

/// When the first of all timers rings.
pub(super) fn next(table: &impl Readable) -> Result<Option<u64>, StoreError> {
    Ok(first_of_each(table)?.iter().map(|timer| timer.timer.due_ms).min())
}

/// Timers that are due. Each tenant may have an equal share of `limit`; what one leaves goes to those after it. Where there
/// are more tenants than places, those that have waited longest come first, so that each has its turn.
pub(super) fn due(table: &impl Readable, now_ms: u64, limit: usize) -> Result<Vec<DueTimer>, StoreError> {
    let mut tenants = first_of_each(table)?;
    tenants.retain(|first| first.timer.due_ms <= now_ms);
    tenants.sort_by_key(|first| first.timer.due_ms);
    let mut found = Vec::new();
    for (index, first) in tenants.iter().enumerate() {
        let share = (limit - found.len()).div_ceil(tenants.len() - index);
        let begin = Key::of(&first.tenant).done();
        let end = Key::of(&first.tenant).u64(now_ms).after();
        for row in table.range(begin.as_slice()..end.as_slice()).map_err(unavailable)?.take(share) {
            found.push(parse(row.map_err(unavailable)?.0.value())?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::Row;
    use super::super::testing::{golden, run_id, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_written(tenant in tenant(), run_id in run_id(), due_ms: u64, call: u32) {
            let timer = RunTimer { due_ms, call };
            prop_assert_eq!(parse(&key(&tenant, run_id, timer)), Ok(DueTimer { tenant, run_id, timer }));
        }
    }

    #[test]
    fn golden_row() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let timer = RunTimer { due_ms: 1_700_000_000_123, call: 9 };
        let stored = golden("timer", &Row { key: key(&tenant, run_id, timer), value: Vec::new() });
        let found = with_rows(TABLE, &[stored], |writing| due(writing.table(TABLE).unwrap(), u64::MAX, 10));
        assert_eq!(found, Ok(vec![DueTimer { tenant, run_id, timer }]));
    }
}
