//! One write transaction: checks changes and writes them, in the order in which they are given. It does not decide which
//! changes are in it, and it tells nobody.

use ::redb::{Database, Durability, WriteTransaction};
use abide_model::Tenant;

use super::prepare::Prepared;
use super::row::{self, Definition, Row, Table, unavailable};
use super::{events, keys, nodes, published, ready, runs, timers, versions};
use crate::{StoreError, Version};

/// A change, ready to be written.
#[derive(Debug)]
pub(super) enum Change {
    Commit(Box<Prepared>),
    Version { tenant: Tenant, version: Version, component: Vec<Row> },
}

/// Writes changes in one transaction with one disk sync. Gives an answer for each; or one error, and then nobody knows what
/// is on the disk.
pub(super) fn write<'c>(
    database: &Database,
    changes: impl ExactSizeIterator<Item = &'c Change>,
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let mut transaction = database.begin_write().map_err(unavailable)?;
    transaction.set_durability(Durability::Immediate).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut answers = Vec::with_capacity(changes.len());
    let mut tables = Tables::new(&transaction);
    let mut changed = false;
    for change in changes {
        // All is checked before anything is written: what is refused leaves no trace for the others to stumble over.
        let answer = match tables.check(change) {
            Ok(()) => {
                tables.apply(change)?;
                changed = true;
                Ok(())
            }
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(refused) => Err(refused),
        };
        answers.push(answer);
    }
    drop(tables);
    if changed {
        transaction.commit().map_err(unavailable)?;
    } else {
        transaction.abort().map_err(unavailable)?;
    }
    Ok(answers)
}

/// The tables of a transaction. A table is opened when it is first needed: a step opens one.
struct Tables<'t> {
    transaction: &'t WriteTransaction,
    events: Option<Table<'t>>,
    nodes: Option<Table<'t>>,
    runs: Option<Table<'t>>,
    ids: Option<Table<'t>>,
    ready: Option<Table<'t>>,
    timers: Option<Table<'t>>,
    published: Option<Table<'t>>,
    keys: Option<Table<'t>>,
    versions: Option<Table<'t>>,
    active: Option<Table<'t>>,
    components: Option<Table<'t>>,
}

fn opened<'o, 't>(
    table: &'o mut Option<Table<'t>>,
    transaction: &'t WriteTransaction,
    definition: Definition,
) -> Result<&'o mut Table<'t>, StoreError> {
    match table {
        Some(table) => Ok(table),
        None => Ok(table.insert(transaction.open_table(definition).map_err(unavailable)?)),
    }
}

impl<'t> Tables<'t> {
    fn new(transaction: &'t WriteTransaction) -> Self {
        Self {
            transaction,
            events: None,
            nodes: None,
            runs: None,
            ids: None,
            ready: None,
            timers: None,
            published: None,
            keys: None,
            versions: None,
            active: None,
            components: None,
        }
    }

    /// Whether a change may be made. Writes nothing.
    fn check(&mut self, change: &Change) -> Result<(), StoreError> {
        let Change::Commit(commit) = change else { return Ok(()) };
        let events = opened(&mut self.events, self.transaction, events::TABLE)?;
        let tail = events::tail(events, &commit.tenant, commit.run_id)?;
        // A closed history takes no event, though rows beside it may still change.
        if tail.length != commit.expected_length || (tail.closed && commit.events.is_some()) {
            return Err(StoreError::Conflict {
                run_id: commit.run_id,
                expected: commit.expected_length,
                actual: tail.length,
            });
        }
        let Some((_, id)) = commit.run.as_ref().filter(|_| commit.starts()) else { return Ok(()) };
        let ids = opened(&mut self.ids, self.transaction, runs::IDS)?;
        if let Some(latest) = runs::latest(ids, &commit.tenant, id)? {
            let rows = opened(&mut self.runs, self.transaction, runs::TABLE)?;
            if runs::get(rows, &commit.tenant, latest)?.is_some_and(|run| run.status.is_open()) {
                return Err(StoreError::RunAlreadyOpen(latest));
            }
        }
        Ok(())
    }

    /// Writes a change that was checked. Whatever error comes now breaks the whole transaction.
    fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Commit(commit) => self.commit(commit),
            Change::Version { tenant, version, component } => versions::put(
                opened(&mut self.versions, self.transaction, versions::TABLE)?,
                opened(&mut self.active, self.transaction, versions::ACTIVE)?,
                opened(&mut self.components, self.transaction, versions::COMPONENTS)?,
                tenant,
                version,
                component,
            ),
        }
    }

    fn commit(&mut self, commit: &Prepared) -> Result<(), StoreError> {
        if let Some(row) = &commit.events {
            row.insert(opened(&mut self.events, self.transaction, events::TABLE)?)?;
        }
        for row in &commit.nodes {
            let table = opened(&mut self.nodes, self.transaction, nodes::TABLE)?;
            if !row::has(table, &row.key)? {
                row.insert(table)?;
            }
        }
        if let Some((row, id)) = &commit.run {
            if commit.starts() {
                let ids = opened(&mut self.ids, self.transaction, runs::IDS)?;
                runs::claim(ids, &commit.tenant, id, commit.run_id)?;
            }
            row.insert(opened(&mut self.runs, self.transaction, runs::TABLE)?)?;
        }
        if let Some((key, ready)) = &commit.ready {
            ready::set(opened(&mut self.ready, self.transaction, ready::TABLE)?, key, *ready)?;
        }
        // A timer that is set and cleared by the same change is cleared: a call that is dropped at once.
        for key in commit.timers_set.iter().filter(|key| !commit.timers_cleared.contains(key)) {
            let table = opened(&mut self.timers, self.transaction, timers::TABLE)?;
            table.insert(key.as_slice(), &[][..]).map_err(unavailable)?;
        }
        for key in &commit.timers_cleared {
            let table = opened(&mut self.timers, self.transaction, timers::TABLE)?;
            table.remove(key.as_slice()).map_err(unavailable)?;
        }
        for row in &commit.published {
            row.insert(opened(&mut self.published, self.transaction, published::TABLE)?)?;
        }
        if let Some(row) = &commit.key {
            row.insert(opened(&mut self.keys, self.transaction, keys::TABLE)?)?;
        }
        Ok(())
    }
}
