//! Lists of runs, newest first: by the rows of the runs, or by an index where the filter names something that one has.

use abide_model::{CallerId, RunId, Tenant, Term};

use super::key::{Key, KeyReader};
use super::row::{corrupt, unavailable};
use super::tables::{Readable, TableId};
use super::{index, runs};
use crate::{RunFilter, RunPage, StoreError};

/// A page of a list looks at no more rows than this,
const PAGE_ROWS: usize = 10_000;
/// and stops after about this many bytes of them.
const PAGE_BYTES: usize = 16 << 20;
/// Where a filter names more than one thing that is indexed, so many rows of each are counted: the one with the fewest is read.
const PROBE_ROWS: usize = 256;

/// Some rows of a table, each of which ends with a run.
struct Source<'t, T> {
    table: &'t T,
    id: TableId,
    beginning: Key,
}

impl<T: Readable> Source<'_, T> {
    /// The runs before `before`, newest first.
    fn newest(
        &self,
        before: Option<RunId>,
    ) -> Result<impl Iterator<Item = Result<Option<RunId>, StoreError>>, StoreError> {
        let first = self.beginning.clone().done();
        let end = match before {
            Some(before) => self.beginning.clone().run(before).done(),
            None => self.beginning.clone().after(),
        };
        let (length, id) = (first.len(), self.id);
        let rows = self.table.range(first.as_slice()..end.as_slice()).map_err(unavailable)?.rev();
        Ok(rows.map(move |row| {
            let key = row.map_err(unavailable)?.0;
            let key = key.value();
            // The latest run of an id stands in the row that has the id alone: it sorts first, and says nothing new.
            if key.len() == length && id == runs::IDS {
                return Ok(None);
            }
            run_of(key, length).map(Some).ok_or_else(|| corrupt(id, key, "the key does not end with a run"))
        }))
    }

    /// How many rows there are, as far as that is worth knowing.
    fn probe(&self, before: Option<RunId>) -> Result<usize, StoreError> {
        Ok(self.newest(before)?.take(PROBE_ROWS).count())
    }
}

fn run_of(key: &[u8], beginning: usize) -> Option<RunId> {
    let mut reader = KeyReader::new(key.get(beginning..)?);
    let run_id = reader.run()?;
    reader.end()?;
    Some(run_id)
}

/// A page of the runs of a filter, before (older than) `before`.
pub(super) fn list<T: Readable>(
    rows: &T,
    ids: &T,
    indexed: &T,
    tenant: &Tenant,
    filter: &RunFilter,
    before: Option<RunId>,
    limit: usize,
) -> Result<RunPage, StoreError> {
    let mut pager = Pager { filter, limit, page: RunPage::default(), rows: 0, bytes: 0 };
    let mut sources = Vec::new();
    for term in filter.terms() {
        match &term {
            // What is no id is the id of no run.
            Term::Id(id) => match CallerId::parse(id) {
                Ok(id) => sources.push(Source { table: ids, id: runs::IDS, beginning: runs::id_key(tenant, &id) }),
                Err(_) => return Ok(pager.page),
            },
            other => {
                let beginning = index::beginning(tenant, other);
                sources.extend(beginning.map(|beginning| Source { table: indexed, id: index::TABLE, beginning }));
            }
        }
    }
    let source = match sources.len() {
        0 => Source { table: rows, id: runs::TABLE, beginning: Key::of(tenant) },
        1 => sources.remove(0),
        _ => {
            let counts: Vec<_> = sources.iter().map(|source| source.probe(before)).collect::<Result<_, _>>()?;
            let fewest = (0..counts.len()).min_by_key(|place| counts[*place]).unwrap_or_default();
            sources.swap_remove(fewest)
        }
    };
    for run_id in source.newest(before)? {
        let Some(run_id) = run_id? else { break };
        if pager.full(run_id) {
            break;
        }
        let key = Key::of_run(tenant, run_id).done();
        let found = rows.get(key.as_slice()).map_err(unavailable)?;
        let found = found.ok_or_else(|| corrupt(runs::TABLE, &key, "the row is missing, and others lead to it"))?;
        pager.look_at(rows, &key, found.value())?;
    }
    Ok(pager.page)
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

    fn look_at(&mut self, table: &impl Readable, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.rows += 1;
        self.bytes += value.len();
        let run = runs::decode(table, key, value)?;
        if self.filter.matches(&run) {
            self.page.runs.push(run);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use abide_model::{Filter, Run};

    use super::super::testing::{self, with_rows};
    use super::*;

    #[test]
    fn a_page_looks_at_a_bounded_number_of_rows() {
        let tenant = Tenant::default();
        let (_, sample) = testing::samples::runs().remove(0);
        let run = |number: u128| Run { run_id: RunId::from_bytes(number.to_be_bytes()), ..sample.clone() };
        let count = PAGE_ROWS as u128 + 50;
        let rows: Vec<_> = (0..count).map(|number| runs::row(&tenant, &run(number))).collect();
        // Nothing in it is indexed, so those tables are not read.
        let filter = Filter::parse("status != 'running'", 0).unwrap();
        let filter = RunFilter { filter: Some(filter), ..RunFilter::default() };
        with_rows(runs::TABLE, &rows, |writing| {
            let rows: &_ = writing.table(runs::TABLE).unwrap();
            let list = |before| list(rows, rows, rows, &tenant, &filter, before, 10).unwrap();
            let page = list(None);
            assert_eq!(page.runs, []);
            let next = page.next.unwrap();
            assert_eq!(next, run(50).run_id, "the 50 oldest are left");
            assert_eq!(list(Some(next)), RunPage::default());
        });
    }
}
