//! Forks: runs that begin with events of another run, which stay where they are.
//!
//! Key: tenant, run, `o`. Value: the origin (16 bytes), the cut (64 bits, big-endian), the depth (32 bits, big-endian): the events of
//! the run before the cut are those of the origin. Beside it, key tenant, origin, `f`, run; value the cut: a fork of it.
//!
//! The origin is never one that has the event before the cut from an origin of its own. So the cuts of a chain grow from the first run on,
//! each run of it adds something, and the depth counts them.
//!
//! A run that is deleted while it has forks keeps what they may need, and its last row of events says so. Nothing leads to it; it goes with the
//! last of them.

use abide_model::{RunId, Seq, Tenant};

use super::events::Room;
use super::key::Key;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId, Writing};
use super::{deletion, events, runs};
use crate::{ForkOf, StoreError};

pub(super) const TABLE: TableId = TableId::Forks;

/// So many runs may stand before one whose history they share. It bounds what reading a history costs.
const MAX_DEPTH: u32 = 256;

/// Where a run has its first events from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    origin: RunId,
    cut: Seq,
    depth: u32,
}

/// A part of a history: the events of `run` before `end` that no earlier part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) run: RunId,
    pub(super) end: Seq,
}

fn origin_key(tenant: &Tenant, run_id: RunId) -> Vec<u8> {
    Key::of_run(tenant, run_id).byte(b'o').done()
}

fn forks_of(tenant: &Tenant, origin: RunId) -> Key {
    Key::of_run(tenant, origin).byte(b'f')
}

fn rows(tenant: &Tenant, run_id: RunId, link: &Link) -> [Row; 2] {
    let mut value = link.origin.to_bytes().to_vec();
    value.extend_from_slice(&link.cut.to_be_bytes());
    value.extend_from_slice(&link.depth.to_be_bytes());
    let fork = forks_of(tenant, link.origin).run(run_id).done();
    [Row { key: origin_key(tenant, run_id), value }, Row { key: fork, value: link.cut.to_be_bytes().to_vec() }]
}

fn link(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Option<Link>, StoreError> {
    let key = origin_key(tenant, run_id);
    let Some(found) = table.get(key.as_slice()).map_err(unavailable)? else { return Ok(None) };
    let parse = |value: &[u8]| {
        let (origin, rest) = value.split_first_chunk::<16>()?;
        let (cut, depth) = rest.split_first_chunk::<8>()?;
        let depth = u32::from_be_bytes(depth.try_into().ok()?);
        Some(Link { origin: RunId::from_bytes(*origin), cut: Seq::from_be_bytes(*cut), depth })
    };
    let link = parse(found.value()).filter(|link| link.cut > 0 && (1..=MAX_DEPTH).contains(&link.depth));
    link.map(Some).ok_or_else(|| corrupt(TABLE, &key, "the value is no origin, cut and depth"))
}

/// Where a new fork has its first events from.
fn resolve(table: &impl Readable, tenant: &Tenant, fork: &ForkOf) -> Result<Link, StoreError> {
    let mut origin = fork.run_id;
    loop {
        match link(table, tenant, origin)? {
            Some(above) if above.cut >= fork.cut => origin = above.origin,
            above => {
                let depth = above.map_or(0, |above| above.depth) + 1;
                return Ok(Link { origin, cut: fork.cut, depth });
            }
        }
    }
}

/// Whether a run may begin as a fork. Writes nothing.
pub(super) fn check(writing: &mut Writing<'_>, tenant: &Tenant, fork: &ForkOf) -> Result<(), StoreError> {
    if !writing.has(runs::TABLE, &runs::key(tenant, fork.run_id))? {
        return Err(StoreError::NoSuchRun(fork.run_id));
    }
    let length = events::tail(writing.table(events::TABLE)?, tenant, fork.run_id)?.length;
    if fork.cut == 0 || fork.cut > length {
        let message = format!("a fork of run {} at event {}: it has {length} events", fork.run_id, fork.cut);
        return Err(StoreError::Invalid(message));
    }
    match resolve(writing.table(TABLE)?, tenant, fork)?.depth {
        1..=MAX_DEPTH => Ok(()),
        _ => Err(StoreError::TooManyForks { run_id: fork.run_id, limit: MAX_DEPTH }),
    }
}

/// Writes that a run is a fork.
pub(super) fn put(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId, fork: &ForkOf) -> Result<(), StoreError> {
    let link = resolve(writing.table(TABLE)?, tenant, fork)?;
    rows(tenant, run_id, &link).iter().try_for_each(|row| row.put(writing, TABLE))
}

/// The parts of a run's history, in order; the last one is its own. One part where it is no fork.
pub(super) fn parts(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Vec<Part>, StoreError> {
    let mut parts = vec![Part { run: run_id, end: Seq::MAX }];
    let mut run = run_id;
    while let Some(link) = link(table, tenant, run)? {
        // The cuts fall on the way back, so that a chain that is wrong cannot be endless.
        if parts.last().is_some_and(|last| link.cut >= last.end) || parts.len() > MAX_DEPTH as usize {
            return Err(corrupt(TABLE, &origin_key(tenant, run), "its cut is not before that of its fork"));
        }
        parts.push(Part { run: link.origin, end: link.cut });
        run = link.origin;
    }
    parts.reverse();
    Ok(parts)
}

/// The runs whose nodes a run may use: its own, then those of its origins, the nearest one first.
pub(super) fn lineage(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Vec<RunId>, StoreError> {
    Ok(parts(table, tenant, run_id)?.into_iter().rev().map(|part| part.run).collect())
}

/// The events of a history from `from` on.
pub(super) fn read(
    stored: &impl Readable,
    parts: &[Part],
    tenant: &Tenant,
    from: Seq,
    limit: usize,
) -> Result<Vec<(Seq, abide_model::Recorded)>, StoreError> {
    let mut found = Vec::new();
    let mut room = Room::of(limit);
    let mut next = from;
    for part in parts.iter().filter(|part| part.end > from) {
        found.extend(events::read(stored, tenant, part.run, next..part.end, &mut room)?);
        next = found.last().map_or(from, |(seq, _)| seq + 1);
        if next == part.end {
            continue;
        }
        if part.end != Seq::MAX && !room.is_full() {
            let key = Key::of_run(tenant, part.run).u64(next).done();
            return Err(corrupt(events::TABLE, &key, "the event is missing, and a fork has it"));
        }
        break;
    }
    Ok(found)
}

/// How many events of a run its forks share; `None` where it has no fork.
pub(super) fn shared(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Option<Seq>, StoreError> {
    let beginning = forks_of(tenant, run_id);
    let first = beginning.clone().done();
    let mut shared = None;
    for row in table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)? {
        let (key, value) = row.map_err(unavailable)?;
        let cut = value.value().try_into().map(Seq::from_be_bytes);
        shared = shared.max(Some(cut.map_err(|_| corrupt(TABLE, key.value(), "the value is no cut"))?));
    }
    Ok(shared)
}

/// Lets go of the origin of a run of which nothing is left. One that was deleted before, and has no other fork, is removed next.
pub(super) fn release(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId) -> Result<(), StoreError> {
    let Some(link) = link(writing.table(TABLE)?, tenant, run_id)? else { return Ok(()) };
    for row in rows(tenant, run_id, &link) {
        writing.remove(TABLE, &row.key)?;
    }
    let gone = !writing.has(runs::TABLE, &runs::key(tenant, link.origin))?;
    if gone && !has_forks(writing.table(TABLE)?, tenant, link.origin)? {
        deletion::begin(writing, tenant, link.origin)?;
    }
    Ok(())
}

fn has_forks(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<bool, StoreError> {
    let beginning = forks_of(tenant, run_id);
    let first = beginning.clone().done();
    let mut rows = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    rows.next().transpose().map(|row| row.is_some()).map_err(unavailable)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{golden, with_rows};
    use super::*;

    fn run(number: u8) -> RunId {
        RunId::from_bytes([number; 16])
    }

    #[test]
    fn golden_rows() {
        let (tenant, link) = (Tenant::default(), Link { origin: run(6), cut: 4711, depth: 3 });
        let [origin, fork] = rows(&tenant, run(7), &link);
        let stored = [golden("fork-origin", &origin), golden("fork", &fork)];
        with_rows(TABLE, &stored, |writing| {
            let table = writing.table(TABLE).unwrap();
            assert_eq!(super::link(table, &tenant, run(7)), Ok(Some(link)));
            assert_eq!(shared(table, &tenant, run(6)), Ok(Some(4711)));
            assert_eq!(shared(table, &tenant, run(7)), Ok(None));
        });
    }

    #[test]
    fn a_fork_of_what_a_fork_shares_is_a_fork_of_its_origin() {
        let tenant = Tenant::default();
        with_rows(TABLE, &[], |writing| {
            let mut fork = |run_id, of, cut| put(writing, &tenant, run(run_id), &ForkOf { run_id: run(of), cut });
            for (run_id, of, cut) in [(2, 1, 10), (3, 2, 10), (4, 2, 11), (5, 4, 7)] {
                fork(run_id, of, cut).unwrap();
            }
            let table = writing.table(TABLE).unwrap();
            let parts_of = |number| {
                let parts = parts(table, &tenant, run(number)).unwrap();
                parts.iter().map(|part| (part.run.to_bytes()[0], part.end)).collect::<Vec<_>>()
            };
            assert_eq!(parts_of(1), [(1, Seq::MAX)]);
            assert_eq!(parts_of(3), [(1, 10), (3, Seq::MAX)]);
            assert_eq!(parts_of(4), [(1, 10), (2, 11), (4, Seq::MAX)]);
            assert_eq!(parts_of(5), [(1, 7), (5, Seq::MAX)]);
            assert_eq!(shared(table, &tenant, run(1)), Ok(Some(10)));
        });
    }

    #[test]
    fn chains_that_are_wrong_are_found() {
        let tenant = Tenant::default();
        let chain = |cut| [Link { origin: run(2), cut: 5, depth: 2 }, Link { origin: run(1), cut, depth: 1 }];
        for (cut, fine) in [(4, true), (5, false), (6, false)] {
            let [first, second] = chain(cut);
            let stored = [rows(&tenant, run(3), &first), rows(&tenant, run(2), &second)].concat();
            let found = with_rows(TABLE, &stored, |writing| parts(writing.table(TABLE).unwrap(), &tenant, run(3)));
            assert_eq!(found.is_ok(), fine, "{found:?}");
        }
        for length in [0, 27, 29] {
            let row = Row { key: origin_key(&tenant, run(3)), value: vec![0; length] };
            let found = with_rows(TABLE, &[row], |writing| parts(writing.table(TABLE).unwrap(), &tenant, run(3)));
            assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
        }
    }
}
