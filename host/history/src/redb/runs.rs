//! Rows of runs, and the ids that callers gave them.
//!
//! `runs`: key tenant, run; value the run as CBOR, packed. Run ids sort by time, so the table read backwards is the list of
//! runs, newest first.
//!
//! `ids`: key tenant, id, zero byte; value the 16 bytes of the latest run with that id. The latest is stored, not found by
//! order: two runs may start in one millisecond, and then their run ids sort by chance. Beside it, key tenant, id,
//! zero byte, run, with an empty value, for each run with that id.

use abide_model::{CallerId, Run, RunId, Tenant};

use super::key::{Key, KeyReader};
use super::row::{self, Row, corrupt, unavailable};
use super::tables::{Readable, TableId, Writing};
use crate::StoreError;

pub(super) const TABLE: TableId = TableId::Runs;
pub(super) const IDS: TableId = TableId::Ids;

/// The key of a run's row.
pub(super) fn key(tenant: &Tenant, run_id: RunId) -> Vec<u8> {
    Key::of_run(tenant, run_id).done()
}

/// The row of a run.
pub(super) fn row(tenant: &Tenant, run: &Run) -> Row {
    Row { key: Key::of_run(tenant, run.run_id).done(), value: row::encode(run) }
}

pub(super) fn decode(table: &impl Readable, key: &[u8], value: &[u8]) -> Result<Run, StoreError> {
    row::read(table, TABLE, key, value)
}

/// The key of the latest run of an id; the keys of all runs of that id begin with it.
pub(super) fn id_key(tenant: &Tenant, id: &CallerId) -> Key {
    Key::of(tenant).name(id.as_str())
}

/// Makes a run the latest of its id.
pub(super) fn claim(
    writing: &mut Writing<'_>,
    tenant: &Tenant,
    id: &CallerId,
    run_id: RunId,
) -> Result<(), StoreError> {
    let key = id_key(tenant, id);
    Row { key: key.clone().done(), value: run_id.to_bytes().to_vec() }.put(writing, IDS)?;
    Row { key: key.run(run_id).done(), value: Vec::new() }.put(writing, IDS)
}

/// The row of a run.
pub(super) fn get(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Option<Run>, StoreError> {
    let key = Key::of_run(tenant, run_id).done();
    let found = table.get(key.as_slice()).map_err(unavailable)?;
    found.map(|value| decode(table, &key, value.value())).transpose()
}

/// The latest run of an id.
pub(super) fn latest(ids: &impl Readable, tenant: &Tenant, id: &CallerId) -> Result<Option<RunId>, StoreError> {
    let key = id_key(tenant, id).done();
    let Some(value) = ids.get(key.as_slice()).map_err(unavailable)? else { return Ok(None) };
    let bytes = value.value().try_into().map_err(|_| corrupt(IDS, &key, "the value is not a run id"))?;
    Ok(Some(RunId::from_bytes(bytes)))
}

/// Removes the row of a run and the rows of its id. Where it was the latest of its id, the newest that is left is that now.
pub(super) fn remove(writing: &mut Writing<'_>, tenant: &Tenant, run: &Run) -> Result<(), StoreError> {
    writing.remove(TABLE, &Key::of_run(tenant, run.run_id).done())?;
    let key = id_key(tenant, &run.id);
    writing.remove(IDS, &key.clone().run(run.run_id).done())?;
    if latest(writing.table(IDS)?, tenant, &run.id)? != Some(run.run_id) {
        return Ok(());
    }
    let newest = newest(writing.table(IDS)?, &key)?;
    let first = key.done();
    match newest {
        Some(newest) => writing.put(IDS, &first, &newest.to_bytes()),
        None => writing.remove(IDS, &first),
    }
}

/// The newest run of an id.
fn newest(ids: &impl Readable, id: &Key) -> Result<Option<RunId>, StoreError> {
    let (first, end) = (id.clone().done(), id.clone().after());
    let mut rows = ids.range(first.as_slice()..end.as_slice()).map_err(unavailable)?;
    let last = rows.next_back().transpose().map_err(unavailable)?;
    // The row of the latest one stands first, and has no run in its key.
    Ok(last.and_then(|(key, _)| key.value().get(first.len()..)?.try_into().ok()).map(RunId::from_bytes))
}

/// Runs of any tenant after the key `after`, with their keys. A row that cannot be read has only its key.
pub(super) fn page(table: &impl Readable, after: Option<&[u8]>, limit: usize) -> Result<Vec<Keyed>, StoreError> {
    use std::ops::Bound::{Excluded, Unbounded};
    let rows = table.range::<&[u8]>((after.map_or(Unbounded, Excluded), Unbounded)).map_err(unavailable)?;
    rows.take(limit)
        .map(|row| {
            let (key, value) = row.map_err(unavailable)?;
            let tenant = KeyReader::new(key.value()).tenant();
            Ok((key.value().to_vec(), tenant.zip(decode(table, key.value(), value.value()).ok())))
        })
        .collect()
}

/// See [`page`].
pub(super) type Keyed = (Vec<u8>, Option<(Tenant, Run)>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{self, golden, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(tenant in tenant(), run in testing::run()) {
            let found = with_rows(TABLE, &[row(&tenant, &run)], |writing| {
                get(writing.table(TABLE).unwrap(), &tenant, run.run_id)
            });
            prop_assert_eq!(found, Ok(Some(run)));
        }

        #[test]
        fn the_latest_run_of_an_id_is_found(tenant in tenant(), run in testing::run(), other in testing::run()) {
            with_rows(IDS, &[], |writing| {
                claim(writing, &tenant, &run.id, other.run_id).unwrap();
                claim(writing, &tenant, &run.id, run.run_id).unwrap();
                let ids = writing.table(IDS).unwrap();
                prop_assert_eq!(latest(ids, &tenant, &run.id), Ok(Some(run.run_id)));
                Ok(())
            })?;
        }
    }

    #[test]
    fn golden_rows() {
        let tenant = Tenant::default();
        let attributes = ("attributes".to_owned(), testing::samples::run_with_attributes());
        let held_back = ("held-back".to_owned(), testing::samples::run_held_back());
        let forked = ("forked".to_owned(), testing::samples::run_that_was_forked());
        let over = ("over-budget".to_owned(), testing::samples::run_that_is_over_budget());
        for (name, run) in testing::samples::runs().into_iter().chain([attributes, held_back, forked, over]) {
            let stored = golden(&format!("run-{name}"), &row(&tenant, &run));
            let found = with_rows(TABLE, &[stored], |writing| get(writing.table(TABLE).unwrap(), &tenant, run.run_id));
            assert_eq!(found, Ok(Some(run)));
        }
    }

    #[test]
    fn the_latest_that_is_removed_leaves_its_id_to_the_newest_one() {
        let (tenant, (_, sample)) = (Tenant::default(), testing::samples::runs().remove(0));
        let run = |number: u8| Run { run_id: RunId::from_bytes([number; 16]), ..sample.clone() };
        with_rows(IDS, &[], |writing| {
            for number in [1, 3, 2] {
                claim(writing, &tenant, &sample.id, run(number).run_id).unwrap();
            }
            for (removed, left) in [(1, Some(2)), (2, Some(3)), (3, None)] {
                remove(writing, &tenant, &run(removed)).unwrap();
                let found = latest(writing.table(IDS).unwrap(), &tenant, &sample.id);
                assert_eq!(found, Ok(left.map(|number| run(number).run_id)), "without {removed}");
            }
            assert_eq!(writing.table(IDS).unwrap().range::<&[u8]>(..).unwrap().count(), 0);
        });
    }

    #[test]
    fn golden_ids() {
        let (tenant, id, run_id) =
            (Tenant::default(), CallerId::parse("ticket-1").unwrap(), RunId::from_bytes([7; 16]));
        let first = golden("id", &Row { key: id_key(&tenant, &id).done(), value: run_id.to_bytes().to_vec() });
        let second = golden("id-run", &Row { key: id_key(&tenant, &id).run(run_id).done(), value: Vec::new() });
        let written = with_rows(IDS, &[], |writing| {
            claim(writing, &tenant, &id, run_id).unwrap();
            let rows = writing.table(IDS).unwrap().range::<&[u8]>(..).unwrap().map(Result::unwrap);
            rows.map(|(key, value)| Row { key: key.value().to_vec(), value: value.value().to_vec() })
                .collect::<Vec<_>>()
        });
        assert_eq!(written, [first, second]);
    }
}
