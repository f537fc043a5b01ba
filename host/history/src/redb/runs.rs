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
use crate::{RunFilter, RunPage, StoreError};

pub(super) const TABLE: TableId = TableId::Runs;
pub(super) const IDS: TableId = TableId::Ids;

/// A page of a list looks at no more rows than this,
const PAGE_ROWS: usize = 10_000;
/// and stops after about this many bytes of them.
const PAGE_BYTES: usize = 16 << 20;

/// The row of a run.
pub(super) fn row(tenant: &Tenant, run: &Run) -> Row {
    Row { key: Key::of_run(tenant, run.run_id).done(), value: row::encode(run) }
}

fn decode(key: &[u8], value: &[u8]) -> Result<Run, StoreError> {
    row::decode(value).map_err(|why| corrupt(TABLE, key, why))
}

/// The key of the latest run of an id; the keys of all runs of that id begin with it.
fn id_key(tenant: &Tenant, id: &CallerId) -> Key {
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
    found.map(|value| decode(&key, value.value())).transpose()
}

/// The latest run of an id.
pub(super) fn latest(ids: &impl Readable, tenant: &Tenant, id: &CallerId) -> Result<Option<RunId>, StoreError> {
    let key = id_key(tenant, id).done();
    let Some(value) = ids.get(key.as_slice()).map_err(unavailable)? else { return Ok(None) };
    let bytes = value.value().try_into().map_err(|_| corrupt(IDS, &key, "the value is not a run id"))?;
    Ok(Some(RunId::from_bytes(bytes)))
}

/// Runs, newest first.
pub(super) fn list(
    runs: &impl Readable,
    ids: &impl Readable,
    tenant: &Tenant,
    filter: &RunFilter,
    before: Option<RunId>,
    limit: usize,
) -> Result<RunPage, StoreError> {
    let mut page = Pager { filter, limit, page: RunPage::default(), rows: 0, bytes: 0 };
    let beginning = match &filter.id {
        Some(id) => id_key(tenant, id),
        None => Key::of(tenant),
    };
    let first = beginning.clone().done();
    let end = match before {
        Some(before) => beginning.run(before).done(),
        None => beginning.after(),
    };
    let range = first.as_slice()..end.as_slice();
    if filter.id.is_some() {
        for row in ids.range(range).map_err(unavailable)?.rev() {
            let key = row.map_err(unavailable)?.0;
            // The row of the latest run sorts first: it ends the list.
            let Some(run_id) = run_of(key.value(), first.len()) else { break };
            let row = Key::of_run(tenant, run_id).done();
            let found = runs.get(row.as_slice()).map_err(unavailable)?;
            let found = found.ok_or_else(|| corrupt(TABLE, &row, "the row is missing, and its id is there"))?;
            if page.full(run_id) {
                break;
            }
            page.look_at(&row, found.value())?;
        }
    } else {
        for row in runs.range(range).map_err(unavailable)?.rev() {
            let (key, value) = row.map_err(unavailable)?;
            let run_id = run_of(key.value(), first.len())
                .ok_or_else(|| corrupt(TABLE, key.value(), "the key is not one of a run"))?;
            if page.full(run_id) {
                break;
            }
            page.look_at(key.value(), value.value())?;
        }
    }
    Ok(page.page)
}

fn run_of(key: &[u8], beginning: usize) -> Option<RunId> {
    let mut reader = KeyReader::new(key.get(beginning..)?);
    let run_id = reader.run()?;
    reader.end()?;
    Some(run_id)
}

/// A page being filled.
struct Pager<'f> {
    filter: &'f RunFilter,
    limit: usize,
    page: RunPage,
    rows: usize,
    bytes: usize,
}

impl Pager<'_> {
    /// Whether the page ends before `run_id`. The next one begins after the last run that was looked at, which need not be
    /// one that the page shows: the run after it, plus one, says the same.
    fn full(&mut self, run_id: RunId) -> bool {
        let full = self.page.runs.len() >= self.limit || self.rows >= PAGE_ROWS || self.bytes >= PAGE_BYTES;
        if full {
            let after = u128::from_be_bytes(run_id.to_bytes()).saturating_add(1);
            self.page.next = Some(RunId::from_bytes(after.to_be_bytes()));
        }
        full
    }

    fn look_at(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.rows += 1;
        self.bytes += value.len();
        let run = decode(key, value)?;
        let wanted = self.filter.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow)
            && self.filter.status.is_none_or(|status| status == run.status);
        if wanted {
            self.page.runs.push(run);
        }
        Ok(())
    }
}

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
    fn a_page_looks_at_a_bounded_number_of_rows() {
        let tenant = Tenant::default();
        let (_, sample) = testing::samples::runs().remove(0);
        let run = |number: u128| Run { run_id: RunId::from_bytes(number.to_be_bytes()), ..sample.clone() };
        let count = PAGE_ROWS as u128 + 50;
        let rows: Vec<_> = (0..count).map(|number| row(&tenant, &run(number))).collect();
        let filter = RunFilter { status: Some(abide_model::RunStatus::Failed), ..RunFilter::default() };
        with_rows(TABLE, &rows, |writing| {
            // The filter names no id, so that table is not read.
            let database = ::redb::Database::builder();
            let database = database.create_with_backend(::redb::backends::InMemoryBackend::new()).unwrap();
            let transaction = database.begin_write().unwrap();
            let ids = transaction.open_table(IDS.definition()).unwrap();
            let runs = writing.table(TABLE).unwrap();
            let page = list(runs, &ids, &tenant, &filter, None, 10).unwrap();
            assert_eq!(page.runs, []);
            let next = page.next.unwrap();
            assert_eq!(next, run(50).run_id, "the 50 oldest are left");
            assert_eq!(list(runs, &ids, &tenant, &filter, Some(next), 10).unwrap(), RunPage::default());
        });
    }

    #[test]
    fn golden_rows() {
        let tenant = Tenant::default();
        for (name, run) in testing::samples::runs() {
            let stored = golden(&format!("run-{name}"), &row(&tenant, &run));
            let found = with_rows(TABLE, &[stored], |writing| get(writing.table(TABLE).unwrap(), &tenant, run.run_id));
            assert_eq!(found, Ok(Some(run)));
        }
    }

    #[test]
    fn golden_ids() {
        let (tenant, id, run_id) =
            (Tenant::default(), CallerId::parse("ticket-1").unwrap(), RunId::from_bytes([7; 16]));
        let first = golden("id", &Row { key: id_key(&tenant, &id).done(), value: run_id.to_bytes().to_vec() });
        let second = golden("id-run", &Row { key: id_key(&tenant, &id).run(run_id).done(), value: Vec::new() });
        let written = with_rows(IDS, &[], |writing| {
            claim(writing, &tenant, &id, run_id).unwrap();
            let rows = ::redb::ReadableTable::iter(writing.table(IDS).unwrap()).unwrap().map(Result::unwrap);
            rows.map(|(key, value)| Row { key: key.value().to_vec(), value: value.value().to_vec() })
                .collect::<Vec<_>>()
        });
        assert_eq!(written, [first, second]);
    }
}
