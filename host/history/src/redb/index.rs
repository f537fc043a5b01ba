//! What runs are found by: a row for each thing that a filter can ask for by itself.
//!
//! Key: tenant, name, zero byte, value, run. The value of the row is empty. The name is that of an attribute, or `@status`,
//! `@workflow`, `@forked_from`, `@fork_root` or `@fork_race`, which no attribute has. The value is a letter for its sort and then its bytes: `b` and 0 or 1; `n` and the number as
//! 64 bits that sort as numbers do; `t` and the milliseconds of a time as a 64-bit big-endian number; `s`, the text and a zero
//! byte; `r` and the 16 bytes of a run id. Rows follow the row of their run, in the same change.

use std::collections::BTreeSet;

use ::redb::{Database, Durability, ReadableDatabase};
use abide_model::{Run, RunId, Scalar, Tenant, Term};

use super::key::Key;
use super::row::unavailable;
use super::tables::{Opened, TableId, Writing};
use super::{meta, runs};
use crate::StoreError;
use crate::keys::Keys;

pub(super) const TABLE: TableId = TableId::Index;

const STATUS: &str = "@status";
const WORKFLOW: &str = "@workflow";
const FORKED_FROM: &str = "@forked_from";
const FORK_ROOT: &str = "@fork_root";
const FORK_RACE: &str = "@fork_race";

/// Runs whose rows are made in one transaction when a store of an older release is opened.
const BUILD_RUNS: usize = 4096;

/// The keys of all rows of a run.
pub(super) fn keys(tenant: &Tenant, run: &Run) -> BTreeSet<Vec<u8>> {
    let own = [beginning(tenant, &Term::Status(run.status)), beginning(tenant, &Term::Workflow(run.workflow.as_str()))];
    let attributes = run.attributes.iter().flat_map(|(name, value)| {
        let scalars = value.scalars().into_iter();
        scalars.map(move |scalar| beginning(tenant, &Term::Attribute(name, &scalar)))
    });
    let forks = [
        run.forked_from.and_then(|from| beginning(tenant, &Term::ForkedFrom(from.run_id))),
        run.forked_from.and_then(|from| beginning(tenant, &Term::ForkRoot(from.root))),
        run.fork_race.and_then(|race| beginning(tenant, &Term::ForkRace(race))),
    ];
    own.into_iter().chain(forks).flatten().chain(attributes.flatten()).map(|key| key.run(run.run_id).done()).collect()
}

/// How the keys of all runs with `term` begin. `None` where this table does not have it.
pub(super) fn beginning(tenant: &Tenant, term: &Term<'_>) -> Option<Key> {
    let key = Key::of(tenant);
    match term {
        Term::Status(status) => Some(key.name(STATUS).byte(b's').name(status.as_str())),
        Term::Workflow(name) => Some(key.name(WORKFLOW).byte(b's').name(name)),
        Term::Id(_) => None,
        Term::ForkedFrom(run) => Some(key.name(FORKED_FROM).byte(b'r').run(*run)),
        Term::ForkRoot(run) => Some(key.name(FORK_ROOT).byte(b'r').run(*run)),
        Term::ForkRace(run) => Some(key.name(FORK_RACE).byte(b'r').run(*run)),
        Term::Attribute(name, value) => {
            let key = key.name(name);
            Some(match value {
                Scalar::Bool(value) => key.byte(b'b').byte(u8::from(*value)),
                Scalar::Number(number) => key.byte(b'n').u64(sortable(*number)),
                Scalar::Time(ms) => key.byte(b't').u64(*ms),
                Scalar::Text(text) => key.byte(b's').name(text),
            })
        }
    }
}

/// The bits of a number, so that they sort as numbers do. Both zeros are one.
fn sortable(number: f64) -> u64 {
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// Changes the rows of a run from those of `old` to those of `new`.
pub(super) fn change(
    writing: &mut Writing<'_>,
    old: &BTreeSet<Vec<u8>>,
    new: &BTreeSet<Vec<u8>>,
) -> Result<(), StoreError> {
    for key in old.difference(new) {
        writing.remove(TABLE, key)?;
    }
    for key in new.difference(old) {
        writing.put(TABLE, key, &[])?;
    }
    Ok(())
}

/// The keys that the store has for a run. A row that cannot be read has none: what is left of it costs a look and finds nothing.
pub(super) fn stored(
    writing: &mut Writing<'_>,
    tenant: &Tenant,
    run_id: RunId,
) -> Result<BTreeSet<Vec<u8>>, StoreError> {
    match runs::get(writing.table(runs::TABLE)?, tenant, run_id) {
        Ok(run) => Ok(run.map(|run| keys(tenant, &run)).unwrap_or_default()),
        Err(StoreError::Corrupt(_) | StoreError::Sealed(_)) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

/// Makes the rows of runs that an older release stored. It goes on where it was interrupted, by beginning again: what is there
/// already stays as it is.
pub(super) fn build(database: &Database, with: &Keys) -> Result<(), StoreError> {
    if meta::is_indexed(&database.begin_read().map_err(unavailable)?)? {
        return Ok(());
    }
    let mut after = None;
    let mut built = 0usize;
    loop {
        let mut transaction = database.begin_write().map_err(unavailable)?;
        let durability = transaction.set_durability(Durability::Immediate);
        durability.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        transaction.set_quick_repair(true);
        let (last, count) = {
            let runs = transaction.open_table(runs::TABLE.definition()).map_err(unavailable)?;
            let mut index = transaction.open_table(TABLE.definition()).map_err(unavailable)?;
            let runs = Opened::new(runs, with.clone());
            let page = runs::page(&runs, after.as_deref(), BUILD_RUNS)?;
            for (_, found) in &page {
                let Some((tenant, run)) = found else { continue };
                for key in keys(tenant, run) {
                    index.insert(key.as_slice(), [].as_slice()).map_err(unavailable)?;
                }
            }
            (page.last().map(|(key, _)| key.clone()), page.len())
        };
        built += count;
        let done = count < BUILD_RUNS;
        if done {
            meta::set_indexed(&transaction)?;
        }
        transaction.commit().map_err(unavailable)?;
        if done {
            if built > 0 {
                tracing::info!(runs = built, "the runs of an older release can be searched now");
            }
            return Ok(());
        }
        after = last;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::Row;
    use super::super::testing::{self, golden, tenant};
    use super::*;

    proptest! {
        #[test]
        fn a_run_is_under_each_of_its_terms(tenant in tenant(), run in testing::run()) {
            let keys = keys(&tenant, &run);
            let under = |term: &Term<'_>| {
                keys.contains(&beginning(&tenant, term).unwrap().run(run.run_id).done())
            };
            prop_assert!(under(&Term::Status(run.status)) && under(&Term::Workflow(run.workflow.as_str())));
            for (name, value) in run.attributes.iter() {
                for scalar in value.scalars() {
                    prop_assert!(under(&Term::Attribute(name, &scalar)), "{}: {:?}", name, scalar);
                }
            }
        }

        #[test]
        fn numbers_sort(one: f64, other: f64) {
            prop_assume!(one.is_finite() && other.is_finite());
            prop_assert_eq!(sortable(one).cmp(&sortable(other)), one.partial_cmp(&other).unwrap());
        }
    }

    #[test]
    fn golden_rows() {
        let tenant = Tenant::default();
        let run = testing::samples::run_with_attributes();
        let written: Vec<_> = keys(&tenant, &run).into_iter().map(|key| Row { key, value: Vec::new() }).collect();
        assert_eq!(written.len(), 8);
        for (number, row) in written.iter().enumerate() {
            assert_eq!(golden(&format!("index-{number}"), row), *row);
        }
        let plain = keys(&tenant, &testing::samples::runs().remove(0).1);
        let forked = keys(&tenant, &testing::samples::run_that_was_forked());
        let more: Vec<_> = forked.difference(&plain).collect();
        assert_eq!(more.len(), 3);
        for (number, key) in more.into_iter().enumerate() {
            let row = Row { key: key.clone(), value: Vec::new() };
            assert_eq!(golden(&format!("index-fork-{number}"), &row), row);
        }
    }
}
