//! Checks changes and writes them within a transaction, in the order in which they are given. It does not decide which changes
//! are in it, does not make it durable, and tells nobody.

use std::collections::BTreeSet;

use abide_model::{RunId, Tenant};

use super::key::KeyReader;
use super::ledger::{self, Days};
use super::prepare::Prepared;
use super::row::Row;
use super::schedules::{self, PreparedSchedule};
use super::tables::Writing;
use super::versions::PreparedVersions;
use super::{
    audit, deletion, documents, erasure, events, forks, index, keys, nodes, published, ready, runs, timers, tools,
    versions,
};
use crate::{DocumentChange, Owner, StoreError};

/// A change, ready to be written.
#[derive(Debug)]
pub(super) enum Change {
    Commit(Box<Prepared>),
    Schedule(PreparedSchedule),
    Versions(PreparedVersions),
    /// A tool component that takes the place of the one of its name; without rows, one that goes.
    Tool {
        tenant: Tenant,
        name: String,
        rows: Vec<Row>,
    },
    /// One step of a tenant's erasure.
    Erase {
        tenant: Tenant,
    },
    Documents(Vec<DocumentChange>),
    /// Somebody did something.
    Audit(Row),
    /// Some of what was done before a time.
    PruneAudit {
        owner: Owner,
        until_ms: u64,
    },
    /// One step of a deletion.
    Delete {
        tenant: Tenant,
        run_id: RunId,
    },
}

impl Change {
    /// Whose rows it writes, where those may have to be sealed.
    fn sealed_for(&self) -> Option<&Tenant> {
        match self {
            Self::Tool { rows, .. } if rows.is_empty() => None,
            Self::PruneAudit { .. } | Self::Erase { .. } => None,
            other => other.tenant(),
        }
    }

    /// Whose change it is. `None`: the host's own.
    pub(super) fn tenant(&self) -> Option<&Tenant> {
        match self {
            Self::Commit(commit) => Some(&commit.tenant),
            Self::Schedule(change) => Some(change.tenant()),
            Self::Versions(change) => Some(change.tenant()),
            Self::Tool { tenant, .. } | Self::Delete { tenant, .. } | Self::Erase { tenant } => Some(tenant),
            Self::PruneAudit { owner: Owner::Tenant(tenant), .. } => Some(tenant),
            // Tenants and their settings are the host's affair.
            Self::Documents(_) | Self::Audit(_) | Self::PruneAudit { owner: Owner::Host, .. } => None,
        }
    }
}

/// Writes those changes that may be made. Gives an answer for each; or one error, and then the transaction is broken.
pub(super) fn write<'c>(
    writing: &mut Writing<'_>,
    changes: impl Iterator<Item = &'c Change>,
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    // Many runs of a workflow count in the same rows, which are written once.
    let mut days = Days::default();
    let answers = changes
        // All is checked before anything is written: what is refused leaves no trace for the others to stumble over.
        .map(|change| match check(writing, change) {
            Ok(()) => apply(writing, change, &mut days).map(Ok),
            Err(error @ StoreError::Unavailable(_)) => Err(error),
            Err(refused) => Ok(Err(refused)),
        })
        .collect::<Result<_, _>>()?;
    days.put(writing)?;
    Ok(answers)
}

/// Whether a change may be made. Writes nothing.
fn check(writing: &mut Writing<'_>, change: &Change) -> Result<(), StoreError> {
    if let Some(tenant) = change.sealed_for() {
        writing.keys().sealing(tenant)?;
    }
    let commit = match change {
        Change::Commit(commit) => commit,
        Change::Schedule(change) => return schedules::check(writing, change),
        Change::Versions(change) => return versions::check(writing, change),
        Change::Audit(row) => {
            let owner = KeyReader::new(&row.key).tenant();
            return owner.map_or(Ok(()), |tenant| writing.keys().may_write(&tenant));
        }
        Change::Tool { tenant, .. } => return writing.keys().may_write(tenant),
        Change::PruneAudit { .. } | Change::Erase { .. } => return Ok(()),
        Change::Documents(changes) => return documents::check(writing, changes),
        Change::Delete { tenant, run_id } => return deletion::check(writing, tenant, *run_id),
    };
    if let Some(change) = &commit.schedule {
        schedules::check(writing, change)?;
    }
    check_commit(writing, commit, None)?;
    commit.successor.as_ref().map_or(Ok(()), |start| check_commit(writing, start, Some(commit.run_id)))
}

/// Whether a commit may be made after the one that ends the run `ended`.
fn check_commit(writing: &mut Writing<'_>, commit: &Prepared, ended: Option<RunId>) -> Result<(), StoreError> {
    let tail = events::tail(writing.table(events::TABLE)?, &commit.tenant, commit.run_id)?;
    // A run that is gone has no more to be changed than its timers, and does not begin again while its forks need its events.
    if tail.gone && commit.starts() && commit.events.is_none() {
        return Ok(());
    }
    // A closed history takes no event, though rows beside it may still change.
    if tail.gone || tail.length != commit.expected_length || (tail.closed && commit.events.is_some()) {
        return Err(StoreError::Conflict {
            run_id: commit.run_id,
            expected: commit.expected_length,
            actual: tail.length,
        });
    }
    if let Some(fork) = &commit.fork {
        forks::check(writing, &commit.tenant, fork)?;
    }
    let Some((_, id)) = commit.run.as_ref().filter(|_| commit.starts()) else { return Ok(()) };
    let Some(latest) = runs::latest(writing.table(runs::IDS)?, &commit.tenant, id)? else { return Ok(()) };
    match runs::get(writing.table(runs::TABLE)?, &commit.tenant, latest)? {
        Some(run) if run.status.is_open() && ended != Some(latest) => Err(StoreError::RunAlreadyOpen(latest)),
        Some(run) if !commit.id_reuse.allows_after(run.status) => {
            Err(StoreError::IdUsed { run_id: latest, status: run.status })
        }
        _ => Ok(()),
    }
}

/// Writes a change that was checked. Whatever error comes now breaks the whole transaction.
fn apply(writing: &mut Writing<'_>, change: &Change, days: &mut Days) -> Result<(), StoreError> {
    match change {
        Change::Commit(commit) => apply_commit(writing, commit, days),
        Change::Schedule(change) => schedules::apply(writing, change),
        Change::Versions(change) => versions::apply(writing, change),
        Change::Tool { tenant, name, rows } => tools::replace(writing, tenant, name, rows),
        Change::Documents(changes) => documents::apply(writing, changes),
        Change::Audit(row) => row.put(writing, audit::TABLE),
        Change::PruneAudit { owner, until_ms } => audit::prune(writing, owner, *until_ms),
        Change::Delete { tenant, run_id } => deletion::step(writing, tenant, *run_id),
        Change::Erase { tenant } => erasure::step(writing, tenant),
    }
}

fn apply_commit(writing: &mut Writing<'_>, commit: &Prepared, days: &mut Days) -> Result<(), StoreError> {
    if let Some(fork) = &commit.fork {
        forks::put(writing, &commit.tenant, commit.run_id, fork)?;
    }
    if let Some(row) = &commit.events {
        row.put(writing, events::TABLE)?;
    }
    for row in &commit.nodes {
        if !writing.has(nodes::TABLE, &row.key)? {
            row.put(writing, nodes::TABLE)?;
        }
    }
    if let Some((row, id)) = &commit.run {
        let old = match commit.starts() {
            true => BTreeSet::new(),
            false => index::stored(writing, &commit.tenant, commit.run_id)?,
        };
        index::change(writing, &old, &commit.index)?;
        if commit.starts() {
            runs::claim(writing, &commit.tenant, id, commit.run_id)?;
        }
        row.put(writing, runs::TABLE)?;
    }
    if let Some((key, ready)) = &commit.ready {
        ready::set(writing, key, *ready)?;
    }
    // A timer that is set and cleared by the same change is cleared: a call that is dropped at once.
    for key in commit.timers_set.iter().filter(|key| !commit.timers_cleared.contains(key)) {
        writing.put(timers::TABLE, key, &[])?;
    }
    for key in &commit.timers_cleared {
        writing.remove(timers::TABLE, key)?;
    }
    for row in &commit.published {
        row.put(writing, published::TABLE)?;
    }
    if let Some(row) = &commit.key {
        row.put(writing, keys::TABLE)?;
    }
    if let Some(change) = &commit.schedule {
        schedules::apply(writing, change)?;
    }
    if let Some(used) = &commit.ledger {
        ledger::add(writing, days, &commit.tenant, commit.run_id, used)?;
    }
    commit.successor.as_ref().map_or(Ok(()), |start| apply_commit(writing, start, days))
}
