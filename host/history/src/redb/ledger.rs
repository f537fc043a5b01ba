//! The ledger: what runs used. Every change of a run adds what its events say, and what was metered beside them, to the numbers of the run and
//! to those of the day, in the same transaction.
//!
//! Keys, after the tenant: `r`, run: what the run used, which goes with it. `t`, day (4): all that the tenant's runs used on that day. `d`, day
//! (4), workflow, zero byte, line: the same by workflow and line. Values: CBOR, packed. What is in `t` and `d` stays.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use abide_model::ledger::{Line, Sizes, entries};
use abide_model::{Counters, Day, Digest, Event, Node, RecordedRequest, RunId, RunLedger, Tenant, WorkflowName};

use super::key::{Key, KeyReader};
use super::row::{self, corrupt, unavailable};
use super::runs;
use super::tables::{Readable, TableId, Writing};
use crate::{Commit, LedgerKey, LedgerRow, Metered, StoreError};

pub(super) const TABLE: TableId = TableId::Ledger;

/// What a key is of.
const RUN: u8 = b'r';
const TOTAL: u8 = b't';
const DAY: u8 = b'd';

/// About how much the rows of one line take, in bytes.
const LINE_SIZE: usize = 320;

fn run_key(tenant: &Tenant, run_id: RunId) -> Vec<u8> {
    Key::of(tenant).byte(RUN).run(run_id).done()
}

fn total_key(tenant: &Tenant, day: Day) -> Vec<u8> {
    Key::of(tenant).byte(TOTAL).u32(day.0).done()
}

fn line_key(tenant: &Tenant, day: Day, workflow: &WorkflowName, line: &str) -> Vec<u8> {
    Key::of(tenant).byte(DAY).u32(day.0).name(workflow.as_str()).rest(line).done()
}

/// What one commit adds.
#[derive(Debug)]
pub(super) struct Used {
    /// The workflow, where the commit says it.
    workflow: Option<WorkflowName>,
    metered: Metered,
    lines: BTreeMap<(Day, Line), Counters>,
}

impl Used {
    /// What a commit adds, if anything. `sizes` are those of its events.
    pub(super) fn of(commit: &Commit, sizes: &[u64]) -> Option<Self> {
        let events = commit.events.iter().zip(sizes).skip(commit.counted);
        if commit.ledger.is_none() && events.len() == 0 {
            return None;
        }
        let metered = commit.ledger.unwrap_or_default();
        let mut lines: BTreeMap<_, Counters> = BTreeMap::new();
        if metered.fuel > 0 || metered.resident_ms > 0 {
            let Metered { fuel, resident_ms, .. } = metered;
            let counters = Counters { fuel, resident_ms, ..Counters::default() };
            lines.insert((Day::of(metered.time_ms), Line::Runs), counters);
        }
        let nodes: HashMap<&Digest, &Node> = commit.nodes.iter().map(|(digest, node)| (digest, node)).collect();
        for (recorded, size) in events {
            let request = match &recorded.event {
                Event::CallRequested(requested) => request_size(&requested.request, &nodes),
                _ => 0,
            };
            for (line, counters) in entries(recorded, Sizes { event: *size, request }) {
                lines.entry((Day::of(recorded.time_ms), line)).or_default().add(&counters);
            }
        }
        Some(Self { workflow: commit.run.as_ref().map(|run| run.workflow.clone()), metered, lines })
    }

    pub(super) fn size(&self) -> usize {
        self.lines.len() * LINE_SIZE
    }
}

/// The bytes of a whole request. Its parts come in the commit of the event.
fn request_size(request: &RecordedRequest, nodes: &HashMap<&Digest, &Node>) -> u64 {
    let (head, last, count) = match request {
        RecordedRequest::Inline(json) => return json.len() as u64,
        RecordedRequest::Stored(head, last, count) => (head, last, *count),
    };
    let messages = std::iter::successors(last.as_ref().and_then(|last| nodes.get(last)), |node| {
        node.parent.as_ref().and_then(|parent| nodes.get(parent))
    });
    // A chain is as long as it says; hostile nodes could lead in a circle.
    let messages = messages.take(count as usize).map(|node| node.text.len() as u64).sum::<u64>();
    nodes.get(head).map_or(0, |node| node.text.len() as u64).saturating_add(messages)
}

/// The numbers of the days that the changes of a transaction are about, as they stood and what was added.
#[derive(Debug, Default)]
pub(super) struct Days(BTreeMap<Vec<u8>, Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    counters: Counters,
    changed: bool,
}

impl Days {
    /// Reads the numbers of a key, unless they are known.
    fn read(&mut self, writing: &mut Writing<'_>, key: Vec<u8>) -> Result<(), StoreError> {
        if let Entry::Vacant(place) = self.0.entry(key) {
            let counters = counters(writing.table(TABLE)?, place.key())?;
            place.insert(Numbers { counters, changed: false });
        }
        Ok(())
    }

    fn add(&mut self, key: Vec<u8>, added: &Counters) {
        let numbers = self.0.entry(key).or_default();
        numbers.counters.add(added);
        numbers.changed = true;
    }

    /// Forgets what is known of a tenant whose rows are erased.
    pub(super) fn forget(&mut self, tenant: &Tenant) {
        let beginning = Key::of(tenant).done();
        self.0.retain(|key, _| !key.starts_with(&beginning));
    }

    /// Writes those that changed.
    pub(super) fn put(self, writing: &mut Writing<'_>) -> Result<(), StoreError> {
        for (key, numbers) in self.0.iter().filter(|(_, numbers)| numbers.changed) {
            writing.put(TABLE, key, &row::encode(&numbers.counters))?;
        }
        Ok(())
    }
}

/// The rows of days that a line adds to.
fn day_keys(tenant: &Tenant, day: Day, workflow: &WorkflowName, line: &Line) -> [Vec<u8>; 2] {
    [total_key(tenant, day), line_key(tenant, day, workflow, &line.to_text())]
}

/// The numbers of a run before a change. `None` where there is no such run.
fn before(
    writing: &mut Writing<'_>,
    tenant: &Tenant,
    run_id: RunId,
    used: &Used,
) -> Result<Option<RunLedger>, StoreError> {
    if let Some(ledger) = of_run(writing.table(TABLE)?, tenant, run_id)? {
        return Ok(Some(ledger));
    }
    let workflow = match &used.workflow {
        Some(workflow) => Some(workflow.clone()),
        // Of a run that an earlier release began.
        None => runs::get(writing.table(runs::TABLE)?, tenant, run_id)?.map(|run| run.workflow),
    };
    Ok(workflow.map(|workflow| RunLedger { workflow, settled: None, counters: Counters::default() }))
}

/// Reads what [`add`] will need: an error while something is written would break the writes of others too.
pub(super) fn check(
    writing: &mut Writing<'_>,
    days: &mut Days,
    tenant: &Tenant,
    run_id: RunId,
    used: &Used,
) -> Result<(), StoreError> {
    let Some(ledger) = before(writing, tenant, run_id, used)? else { return Ok(()) };
    for (day, line) in used.lines.keys() {
        for key in day_keys(tenant, *day, &ledger.workflow, line) {
            days.read(writing, key)?;
        }
    }
    Ok(())
}

/// Adds what a run used to its own row, and to the days.
pub(super) fn add(
    writing: &mut Writing<'_>,
    days: &mut Days,
    tenant: &Tenant,
    run_id: RunId,
    used: &Used,
) -> Result<(), StoreError> {
    let Some(mut ledger) = before(writing, tenant, run_id, used)? else { return Ok(()) };
    ledger.settled = used.metered.settled.or(ledger.settled);
    for ((day, line), counters) in &used.lines {
        ledger.counters.add(counters);
        for key in day_keys(tenant, *day, &ledger.workflow, line) {
            days.add(key, counters);
        }
    }
    writing.put(TABLE, &run_key(tenant, run_id), &row::encode(&ledger))
}

/// Removes the numbers of a run.
pub(super) fn remove(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId) -> Result<(), StoreError> {
    let key = run_key(tenant, run_id);
    match writing.has(TABLE, &key)? {
        true => writing.remove(TABLE, &key),
        false => Ok(()),
    }
}

fn counters(table: &impl Readable, key: &[u8]) -> Result<Counters, StoreError> {
    match table.get(key).map_err(unavailable)? {
        Some(value) => row::decode(value.value()).map_err(|why| corrupt(TABLE, key, why)),
        None => Ok(Counters::default()),
    }
}

/// What a run used.
pub(super) fn of_run(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Option<RunLedger>, StoreError> {
    let key = run_key(tenant, run_id);
    let value = table.get(key.as_slice()).map_err(unavailable)?;
    value.map(|value| row::decode(value.value()).map_err(|why| corrupt(TABLE, &key, why))).transpose()
}

/// What all runs of a tenant used on a day.
pub(super) fn of_day(table: &impl Readable, tenant: &Tenant, day: Day) -> Result<Counters, StoreError> {
    counters(table, &total_key(tenant, day))
}

/// The numbers of days, by workflow and line.
pub(super) fn list(
    table: &impl Readable,
    tenant: &Tenant,
    (from, to): (Day, Day),
    after: Option<&LedgerKey>,
    limit: usize,
) -> Result<Vec<LedgerRow>, StoreError> {
    let mut first = Key::of(tenant).byte(DAY).u32(from.0).done();
    if let Some(LedgerKey { day, workflow, line }) = after {
        let mut next = line_key(tenant, *day, workflow, &line.to_text());
        next.push(0);
        first = first.max(next);
    }
    let end = Key::of(tenant).byte(DAY).u32(to.0).after();
    if first >= end {
        return Ok(Vec::new());
    }
    let rows = table.range(first.as_slice()..end.as_slice()).map_err(unavailable)?;
    rows.take(limit)
        .map(|row| {
            let (key, value) = row.map_err(unavailable)?;
            let bad = |why: &str| corrupt(TABLE, key.value(), why);
            let counters = row::decode(value.value()).map_err(|why| bad(&why))?;
            let key = parse(key.value()).ok_or_else(|| bad("the key is not one of a day"))?;
            Ok(LedgerRow { key, counters })
        })
        .collect()
}

fn parse(key: &[u8]) -> Option<LedgerKey> {
    let mut reader = KeyReader::new(key);
    reader.tenant()?;
    if reader.byte()? != DAY {
        return None;
    }
    let day = Day(reader.u32()?);
    let workflow = WorkflowName::parse(reader.name()?).ok()?;
    Some(LedgerKey { day, workflow, line: Line::parse(reader.rest()?)? })
}

/// The rows of a run and of a day, for the golden files.
#[cfg(test)]
fn rows(tenant: &Tenant, run_id: RunId, ledger: &RunLedger, key: &LedgerKey) -> [super::row::Row; 3] {
    use super::row::Row;

    let LedgerKey { day, workflow, line } = key;
    let counters = row::encode(&ledger.counters);
    [
        Row { key: run_key(tenant, run_id), value: row::encode(ledger) },
        Row { key: total_key(tenant, *day), value: counters.clone() },
        Row { key: line_key(tenant, *day, workflow, &line.to_text()), value: counters },
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{golden, samples, tenant, with_rows, workflow};
    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_put_together(tenant in tenant(), day: u32, workflow in workflow(), model in "\\PC{0,20}") {
            let line = Line::Model("llm.openai".into(), model);
            let bytes = line_key(&tenant, Day(day), &workflow, &line.to_text());
            prop_assert_eq!(parse(&bytes), Some(LedgerKey { day: Day(day), workflow, line }));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn golden_rows() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let workflow = WorkflowName::parse("helpdesk").unwrap();
        let ledger = RunLedger { workflow: workflow.clone(), settled: Some(12), counters: samples::counters() };
        let key = LedgerKey { day: Day(20_780), workflow, line: Line::Model("llm.openai".into(), "gpt-5".into()) };
        let names = ["ledger-run", "ledger-day", "ledger-line"];
        let written = rows(&tenant, run_id, &ledger, &key);
        let stored: Vec<_> = names.iter().zip(&written).map(|(name, row)| golden(name, row)).collect();
        with_rows(TABLE, &stored, |writing| {
            let table = writing.table(TABLE).unwrap();
            assert_eq!(of_run(table, &tenant, run_id), Ok(Some(ledger)));
            assert_eq!(of_day(table, &tenant, key.day), Ok(samples::counters()));
            let listed = list(table, &tenant, (key.day, key.day), None, 10).unwrap();
            assert_eq!(listed, [LedgerRow { key: key.clone(), counters: samples::counters() }]);
            assert_eq!(list(table, &tenant, (key.day, key.day), Some(&key), 10), Ok(Vec::new()));
        });
    }
}
