//! Schedules.
//!
//! `schedules`: key tenant, id; value the schedule as CBOR, packed.
//!
//! `schedule_wakes`: key tenant, when the host has to look at the schedule, id; the value is empty. Those that never have to
//! be looked at are not in it.

use abide_model::{Schedule, ScheduleId, Tenant};

use super::key::{Key, KeyReader};
use super::row::{self, Row, corrupt, unavailable};
use super::seal;
use super::tables::{Readable, TableId, Writing};
use crate::keys::Keys;
use crate::{DueSchedule, ScheduleChange, SchedulePage, StoreError};

pub(super) const TABLE: TableId = TableId::Schedules;
pub(super) const WAKES: TableId = TableId::ScheduleWakes;

/// A page of a list stops after about this many bytes of rows.
const PAGE_BYTES: usize = 4 << 20;

/// A change as rows.
#[derive(Debug)]
pub(super) struct PreparedSchedule {
    tenant: Tenant,
    id: ScheduleId,
    expected: Option<u64>,
    row: Option<Row>,
    wake: Option<Vec<u8>>,
}

impl PreparedSchedule {
    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The same with its row sealed, where that is asked for.
    pub(super) fn sealed(mut self, keys: &Keys) -> Result<Self, StoreError> {
        self.row = self.row.map(|row| seal::row(keys, TABLE, row)).transpose()?;
        Ok(self)
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        self.row.as_ref().map_or(0, Row::size) + 256
    }
}

fn key(tenant: &Tenant, id: &ScheduleId) -> Vec<u8> {
    Key::of(tenant).rest(id.as_str()).done()
}

fn wake_key(tenant: &Tenant, wake_ms: u64, id: &ScheduleId) -> Vec<u8> {
    Key::of(tenant).u64(wake_ms).rest(id.as_str()).done()
}

/// Makes the rows of a change, and refuses one that contradicts itself.
pub(super) fn prepare(change: &ScheduleChange) -> Result<PreparedSchedule, StoreError> {
    let ScheduleChange { tenant, id, expected, row } = change;
    if let Some(row) = row
        && (row.id != *id || expected.is_some_and(|expected| row.revision <= expected))
    {
        let why = "its row is of another schedule or has an old revision";
        return Err(StoreError::Invalid(format!("a change of the schedule `{id}`: {why}")));
    }
    Ok(PreparedSchedule {
        tenant: tenant.clone(),
        id: id.clone(),
        expected: *expected,
        row: row.as_ref().map(|row| Row { key: key(tenant, id), value: row::encode(row) }),
        wake: row.as_ref().and_then(|row| row.state.wake_ms).map(|wake_ms| wake_key(tenant, wake_ms, id)),
    })
}

/// Whether a change may be made. Writes nothing.
pub(super) fn check(writing: &mut Writing<'_>, change: &PreparedSchedule) -> Result<(), StoreError> {
    let found = get(writing.table(TABLE)?, &change.tenant, &change.id)?.map(|schedule| schedule.revision);
    if found == change.expected { Ok(()) } else { Err(StoreError::ScheduleChanged(change.id.clone())) }
}

/// Writes a change that was checked.
pub(super) fn apply(writing: &mut Writing<'_>, change: &PreparedSchedule) -> Result<(), StoreError> {
    let PreparedSchedule { tenant, id, row, wake, .. } = change;
    let before = get(writing.table(TABLE)?, tenant, id)?.and_then(|schedule| schedule.state.wake_ms);
    let before = before.map(|wake_ms| wake_key(tenant, wake_ms, id));
    if let Some(before) = before.as_ref().filter(|before| wake.as_ref() != Some(before)) {
        writing.remove(WAKES, before)?;
    }
    if let Some(wake) = wake.as_ref().filter(|wake| before.as_ref() != Some(wake)) {
        writing.put(WAKES, wake, &[])?;
    }
    match row {
        Some(row) => row.put(writing, TABLE),
        None => writing.remove(TABLE, &key(tenant, id)),
    }
}

fn decode(table: &impl Readable, key: &[u8], value: &[u8]) -> Result<Schedule, StoreError> {
    row::read(table, TABLE, key, value)
}

/// A schedule.
pub(super) fn get(table: &impl Readable, tenant: &Tenant, id: &ScheduleId) -> Result<Option<Schedule>, StoreError> {
    let key = key(tenant, id);
    let found = table.get(key.as_slice()).map_err(unavailable)?;
    found.map(|value| decode(table, &key, value.value())).transpose()
}

/// Schedules after `after`, by id.
pub(super) fn list(
    table: &impl Readable,
    tenant: &Tenant,
    after: Option<&ScheduleId>,
    limit: usize,
) -> Result<SchedulePage, StoreError> {
    use std::ops::Bound::{Excluded, Included};
    let (first, end) = (Key::of(tenant).done(), Key::of(tenant).after());
    let after = after.map(|after| key(tenant, after));
    let begin = after.as_deref().map_or(Included(first.as_slice()), Excluded);
    let mut page = SchedulePage::default();
    let mut bytes = 0;
    for row in table.range::<&[u8]>((begin, Excluded(end.as_slice()))).map_err(unavailable)? {
        let (key, value) = row.map_err(unavailable)?;
        if page.schedules.len() >= limit || bytes >= PAGE_BYTES {
            page.next = page.schedules.last().map(|last| last.id.clone());
            break;
        }
        bytes += value.value().len();
        page.schedules.push(decode(table, key.value(), value.value())?);
    }
    Ok(page)
}

fn parse(key: &[u8]) -> Result<DueSchedule, StoreError> {
    let read = || {
        let mut reader = KeyReader::new(key);
        let tenant = reader.tenant()?;
        let wake_ms = reader.u64()?;
        let id = ScheduleId::parse(reader.rest()?).ok()?;
        Some(DueSchedule { tenant, wake_ms, id })
    };
    read().ok_or_else(|| corrupt(WAKES, key, "the key is not one of a schedule"))
}

/// The first row of `wakes` from `begin` on.
fn first_from(wakes: &impl Readable, begin: &[u8]) -> Result<Option<DueSchedule>, StoreError> {
    let row = wakes.range(begin..).map_err(unavailable)?.next();
    row.map(|row| parse(row.map_err(unavailable)?.0.value())).transpose()
}

/// Schedules that have to be looked at, after `after`. What is not due is skipped with one look-up a tenant.
pub(super) fn due(
    wakes: &impl Readable,
    now_ms: u64,
    after: Option<&DueSchedule>,
    limit: usize,
) -> Result<Vec<DueSchedule>, StoreError> {
    let mut found = Vec::new();
    let mut begin = after.map_or_else(Vec::new, |after| {
        let mut key = wake_key(&after.tenant, after.wake_ms, &after.id);
        // No id has a zero byte: this is the next key that there can be.
        key.push(0);
        key
    });
    while let Some(first) = first_from(wakes, &begin)? {
        let end = Key::of(&first.tenant).u64(now_ms).after();
        if first.wake_ms <= now_ms {
            for row in wakes.range(begin.as_slice()..end.as_slice()).map_err(unavailable)? {
                if found.len() >= limit {
                    return Ok(found);
                }
                found.push(parse(row.map_err(unavailable)?.0.value())?);
            }
        }
        begin = Key::of(&first.tenant).after();
    }
    Ok(found)
}

/// The first time after `now_ms` at which a schedule has to be looked at.
pub(super) fn next(wakes: &impl Readable, now_ms: u64) -> Result<Option<u64>, StoreError> {
    let mut earliest: Option<u64> = None;
    let mut begin = Vec::new();
    while let Some(first) = first_from(wakes, &begin)? {
        let later = Key::of(&first.tenant).u64(now_ms).after();
        let end = Key::of(&first.tenant).after();
        if let Some(row) = wakes.range(later.as_slice()..end.as_slice()).map_err(unavailable)?.next() {
            let wake_ms = parse(row.map_err(unavailable)?.0.value())?.wake_ms;
            earliest = Some(earliest.map_or(wake_ms, |before| before.min(wake_ms)));
        }
        begin = end;
    }
    Ok(earliest)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, samples, with_rows};
    use super::*;

    #[test]
    fn golden_rows() {
        let tenant = Tenant::default();
        for (name, schedule) in samples::schedules() {
            let change = ScheduleChange {
                tenant: tenant.clone(),
                id: schedule.id.clone(),
                expected: None,
                row: Some(schedule.clone()),
            };
            let prepared = prepare(&change).unwrap();
            let row = golden(&format!("schedule-{name}"), &prepared.row.unwrap());
            let found = with_rows(TABLE, &[row], |writing| get(writing.table(TABLE).unwrap(), &tenant, &schedule.id));
            assert_eq!(found, Ok(Some(schedule)));
        }
    }

    #[test]
    fn golden_wake() {
        let due = DueSchedule {
            tenant: Tenant::default(),
            wake_ms: 1_700_000_000_123,
            id: ScheduleId::parse("nightly").unwrap(),
        };
        let key = wake_key(&due.tenant, due.wake_ms, &due.id);
        let stored = golden("schedule-wake", &Row { key, value: Vec::new() });
        let found =
            with_rows(WAKES, &[stored], |writing| super::due(writing.table(WAKES).unwrap(), u64::MAX, None, 10));
        assert_eq!(found, Ok(vec![due]));
    }
}
