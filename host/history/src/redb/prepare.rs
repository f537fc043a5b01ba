//! Turns a change into rows. It runs in the task of the caller, so that the one thread that writes only copies bytes.

use std::collections::BTreeSet;

use abide_model::{IdReuse, RunId, Seq, Tenant};

use super::ledger::Used;
use super::nodes::Nodes;
use super::row::Row;
use super::schedules::{self, PreparedSchedule};
use super::tables::Readable;
use super::{events, index, keys, nodes, published, ready, runs, seal, timers};
use crate::keys::Keys;
use crate::{Commit, ForkOf, StoreError};

/// A commit as rows.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) tenant: Tenant,
    pub(super) run_id: RunId,
    pub(super) expected_length: Seq,
    /// The run whose history this one begins with.
    pub(super) fork: Option<ForkOf>,
    pub(super) events: Option<Row>,
    pub(super) nodes: Vec<Row>,
    /// The row of the run, and whose id it claims if this starts it.
    pub(super) run: Option<(Row, abide_model::CallerId)>,
    /// What the row is found by.
    pub(super) index: BTreeSet<Vec<u8>>,
    pub(super) ready: Option<(Vec<u8>, bool)>,
    pub(super) timers_set: Vec<Vec<u8>>,
    pub(super) timers_cleared: Vec<Vec<u8>>,
    pub(super) published: Vec<Row>,
    pub(super) key: Option<Row>,
    pub(super) schedule: Option<PreparedSchedule>,
    pub(super) id_reuse: IdReuse,
    /// What the run used.
    pub(super) ledger: Option<Used>,
    /// The start of the run that takes over the id.
    pub(super) successor: Option<Box<Prepared>>,
}

impl Prepared {
    /// Whether this is the first commit of its run.
    pub(super) fn starts(&self) -> bool {
        self.expected_length == 0
    }

    /// The same with its rows sealed, where that is asked for: in the task of the caller, not by the one that writes.
    pub(super) fn sealed(mut self, keys: &Keys) -> Result<Self, StoreError> {
        if keys.are_plain() {
            return Ok(self);
        }
        self.events = self.events.map(|row| seal::row(keys, events::TABLE, row)).transpose()?;
        self.nodes = seal::rows(keys, nodes::TABLE, self.nodes)?;
        self.published = seal::rows(keys, published::TABLE, self.published)?;
        self.run =
            self.run.map(|(row, id)| Ok::<_, StoreError>((seal::row(keys, runs::TABLE, row)?, id))).transpose()?;
        self.schedule = self.schedule.map(|change| change.sealed(keys)).transpose()?;
        self.successor = self.successor.map(|start| start.sealed(keys).map(Box::new)).transpose()?;
        Ok(self)
    }

    /// About how many bytes it holds.
    pub(super) fn size(&self) -> usize {
        let rows = self.events.iter().chain(&self.nodes).chain(&self.published).chain(&self.key);
        let rows = rows.chain(self.run.iter().map(|(row, _)| row));
        let index = self.index.iter().map(|key| key.len() + 32).sum::<usize>();
        let timers = (self.timers_set.len() + self.timers_cleared.len()) * 128;
        let schedule = self.schedule.as_ref().map_or(0, PreparedSchedule::size);
        let successor = self.successor.as_ref().map_or(0, |start| start.size());
        let ledger = self.ledger.as_ref().map_or(0, Used::size);
        rows.map(Row::size).sum::<usize>() + ledger + index + timers + schedule + successor + 256
    }
}

/// Makes the rows of a commit. `stored` are the nodes that the run has now: since nodes stay as long as their run and its forks, those
/// need not be written, which is what makes a long conversation cheap.
pub(super) fn prepare<T: Readable>(commit: Commit, stored: Option<&Nodes<'_, T>>) -> Result<Prepared, StoreError> {
    check(&commit)?;
    let Commit { run_id, expected_length, .. } = commit;
    let tenant = commit.tenant.clone();
    let (events, sizes) = match commit.events.as_slice() {
        [] => (None, Vec::new()),
        events => {
            let first = commit.fork.map_or(expected_length, |fork| fork.cut);
            let (row, sizes) = events::row(&tenant, run_id, first, events)?;
            (Some(row), sizes)
        }
    };
    let ledger = Used::of(&commit, &sizes);
    let mut node_rows = Vec::new();
    for (digest, node) in &commit.nodes {
        let there = match stored {
            Some(nodes) => nodes.has(digest)?,
            None => false,
        };
        if !there {
            node_rows.push(nodes::row(&tenant, run_id, digest, node));
        }
    }
    let timer_key = |timer: &crate::RunTimer| timers::key(&tenant, run_id, *timer);
    Ok(Prepared {
        events,
        ledger,
        nodes: node_rows,
        run: commit.run.as_ref().map(|run| (runs::row(&tenant, run), run.id.clone())),
        index: commit.run.as_ref().map(|run| index::keys(&tenant, run)).unwrap_or_default(),
        ready: commit.ready.map(|ready| (ready::key(&tenant, run_id), ready)),
        timers_set: commit.timers_set.iter().map(timer_key).collect(),
        timers_cleared: commit.timers_cleared.iter().map(timer_key).collect(),
        published: commit
            .published
            .iter()
            .map(|(name, value)| published::row(&tenant, run_id, name, value))
            .collect::<Result<_, _>>()?,
        id_reuse: commit.id_reuse,
        // It is another run: it has none yet.
        successor: commit.successor.map(|start| prepare::<T>(*start, None).map(Box::new)).transpose()?,
        fork: commit.fork,
        key: commit.key.as_ref().map(|(key, used)| keys::row(&tenant, run_id, key, used)).transpose()?,
        schedule: commit.schedule.as_ref().map(schedules::prepare).transpose()?,
        tenant,
        run_id,
        expected_length,
    })
}

/// What may be done for a run that is not there: its timers are cleared, and that is all.
fn only_clears_timers(commit: &Commit) -> bool {
    let Commit { events, nodes, run, ready, timers_set, published, key, successor, fork, ledger, .. } = commit;
    let rows = events.is_empty() && nodes.is_empty() && run.is_none() && ready.is_none() && published.is_empty();
    let none = key.is_none() && successor.is_none() && fork.is_none() && ledger.is_none();
    rows && timers_set.is_empty() && none
}

/// Refuses a change that no caller should ask for. Stored, it would be rows that no history implies.
fn check(commit: &Commit) -> Result<(), StoreError> {
    let Commit { run_id, .. } = commit;
    let invalid = |why: &str| Err(StoreError::Invalid(format!("a commit of {run_id}: {why}")));
    if commit.run.as_ref().is_some_and(|run| run.run_id != *run_id) {
        return invalid("its row is of another run");
    }
    if commit.expected_length == 0 && (commit.events.is_empty() || commit.run.is_none()) && !only_clears_timers(commit)
    {
        return invalid("the first one of a run needs an event and the run's row");
    }
    if commit.fork.is_some_and(|fork| fork.cut == 0 || fork.run_id == *run_id || commit.expected_length > 0) {
        return invalid("a run is forked when it starts, from another run, at one of its events but the first");
    }
    let first = commit.fork.map_or(commit.expected_length, |fork| fork.cut);
    if first.checked_add(commit.events.len() as u64).is_none() {
        return invalid("its events have no numbers");
    }
    let last = commit.events.iter().position(|recorded| recorded.event.is_last());
    if last.is_some_and(|last| last + 1 != commit.events.len()) {
        return invalid("an event follows the last one");
    }
    if let Some(start) = &commit.successor {
        let id = |commit: &Commit| commit.run.as_ref().map(|run| run.id.clone());
        let takes_over = start.expected_length == 0 && start.tenant == commit.tenant && id(start) == id(commit);
        if last.is_none() || !takes_over || start.run_id == *run_id || start.successor.is_some() {
            return invalid("a run has a successor when it ends: the start of one other run with its id");
        }
    }
    Ok(())
}
