//! Events. The events of one commit are one row, since they are written together and mostly read together: a step touches one
//! leaf of one table.
//!
//! Key: tenant, run, number of the first event. Value: one byte of flags (1: the last event closes the run; 2: the run was
//! deleted, and what is left is kept for its forks), the number of events as a 32-bit big-endian number, then packed: the events one after another, each a CBOR value. So the length of a
//! history is known from the beginning of its last row.

use std::ops::Range;

use abide_model::{Recorded, RunId, Seq, Tenant};

use super::key::{Key, KeyReader};
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use super::{pack, seal};
use crate::StoreError;
use crate::keys::Keys;

pub(super) const TABLE: TableId = TableId::Events;

/// Reading stops after about this many bytes of events.
const PAGE_BYTES: usize = 4 << 20;

/// What a page has room for.
pub(super) struct Room {
    events: usize,
    bytes: usize,
}

impl Room {
    /// At most `limit` events, and about 4 MiB of them.
    pub(super) fn of(limit: usize) -> Self {
        Self { events: limit, bytes: PAGE_BYTES }
    }

    pub(super) fn is_full(&self) -> bool {
        self.events == 0 || self.bytes == 0
    }
}

/// What stands before the packed events: flags, and how many there are.
pub(super) const HEADER_BYTES: usize = 5;

const CLOSES: u8 = 1;
const GONE: u8 = 2;

/// How far a history goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    /// The number of events.
    pub(super) length: Seq,
    /// Whether no event may follow.
    pub(super) closed: bool,
    /// Whether the run was deleted: these are the events that its forks share.
    pub(super) gone: bool,
}

/// The row of the events of one commit, of which there is one at least, and how large each of them is before it is packed.
pub(super) fn row(
    tenant: &Tenant,
    run_id: RunId,
    first: Seq,
    events: &[Recorded],
) -> Result<(Row, Vec<u64>), StoreError> {
    let flags = if events.last().is_some_and(|last| last.event.is_last()) { CLOSES } else { 0 };
    flagged(tenant, run_id, first, events, flags)
}

fn flagged(
    tenant: &Tenant,
    run_id: RunId,
    first: Seq,
    events: &[Recorded],
    flags: u8,
) -> Result<(Row, Vec<u64>), StoreError> {
    let count = u32::try_from(events.len())
        .map_err(|_| StoreError::Invalid(format!("{} events in one commit", events.len())))?;
    let mut cbor = Vec::with_capacity(events.len() * 64);
    let mut sizes = Vec::with_capacity(events.len());
    for event in events {
        let before = cbor.len();
        minicbor::encode(event, &mut cbor).expect("writing to a vector cannot fail, and our types have no other error");
        sizes.push((cbor.len() - before) as u64);
    }
    let mut value = Vec::with_capacity(cbor.len() + 6);
    value.push(flags);
    value.extend_from_slice(&count.to_be_bytes());
    pack::pack_into(&mut value, &cbor);
    Ok((Row { key: Key::of_run(tenant, run_id).u64(first).done(), value }, sizes))
}

/// The beginning of a row.
struct Header {
    first: Seq,
    count: u32,
    closes: bool,
    gone: bool,
}

fn header(key: &[u8], value: &[u8]) -> Result<Header, StoreError> {
    let first = first_of(key).ok_or_else(|| corrupt(TABLE, key, "the key is not one of an event"))?;
    let start = value.first_chunk::<HEADER_BYTES>().ok_or_else(|| corrupt(TABLE, key, "the value is short"))?;
    let [flags, count @ ..] = *start;
    let count = u32::from_be_bytes(count);
    if flags & !(CLOSES | GONE) != 0 || count == 0 || first.checked_add(count.into()).is_none() {
        return Err(corrupt(TABLE, key, format!("flags {flags} and {count} events from {first} on cannot be")));
    }
    Ok(Header { first, count, closes: flags & CLOSES != 0, gone: flags & GONE != 0 })
}

fn first_of(key: &[u8]) -> Option<Seq> {
    let mut reader = KeyReader::new(key);
    reader.tenant()?;
    reader.run()?;
    let first = reader.u64()?;
    reader.end()?;
    Some(first)
}

/// The events of a row, and how many bytes they have.
fn decode(keys: &Keys, key: &[u8], value: &[u8], header: &Header) -> Result<(Vec<Recorded>, usize), StoreError> {
    let value = seal::open(keys, TABLE, key, value)?;
    let bytes = pack::unpack(&value[HEADER_BYTES..]).map_err(|why| corrupt(TABLE, key, why))?;
    let mut decoder = minicbor::Decoder::new(&bytes);
    // An event has more than 4 bytes: a wrong count must not be allocated.
    let mut events = Vec::with_capacity((header.count as usize).min(bytes.len() / 4));
    for number in 0..header.count {
        let seq = header.first + Seq::from(number);
        events.push(decoder.decode().map_err(|why| corrupt(TABLE, key, format!("event {seq}: {why}")))?);
    }
    if decoder.position() != bytes.len() {
        return Err(corrupt(TABLE, key, "bytes are left over after the last event"));
    }
    Ok((events, bytes.len()))
}

/// How far the history of a run goes. Nothing where there is none.
pub(super) fn tail(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Tail, StoreError> {
    let first = Key::of_run(tenant, run_id).u64(0).done();
    let last = Key::of_run(tenant, run_id).u64(Seq::MAX).done();
    let mut rows = table.range(first.as_slice()..=last.as_slice()).map_err(unavailable)?;
    let Some(row) = rows.next_back() else { return Ok(Tail::default()) };
    let (key, value) = row.map_err(unavailable)?;
    let header = header(key.value(), value.value())?;
    Ok(Tail { length: header.first + Seq::from(header.count), closed: header.closes, gone: header.gone })
}

/// The last row of a run that is deleted and keeps its first `shared` events for its forks. `None` where that stands there already.
pub(super) fn kept_row(
    table: &impl Readable,
    tenant: &Tenant,
    run_id: RunId,
    shared: Seq,
) -> Result<Option<Row>, StoreError> {
    let run = Key::of_run(tenant, run_id);
    let (first, last) = (run.clone().u64(0).done(), run.u64(shared.saturating_sub(1)).done());
    let Some(row) = table.range(first.as_slice()..=last.as_slice()).map_err(unavailable)?.next_back() else {
        return Ok(None);
    };
    let (key, value) = row.map_err(unavailable)?;
    let header = header(key.value(), value.value())?;
    if header.gone {
        return Ok(None);
    }
    let (mut events, _) = decode(table.keys(), key.value(), value.value(), &header)?;
    events.truncate(usize::try_from(shared - header.first).unwrap_or(usize::MAX));
    flagged(tenant, run_id, header.first, &events, GONE).map(|(row, _)| Some(row))
}

/// The events of a range, as far as there is room for them.
pub(super) fn read(
    table: &impl Readable,
    tenant: &Tenant,
    run_id: RunId,
    range: Range<Seq>,
    room: &mut Room,
) -> Result<Vec<(Seq, Recorded)>, StoreError> {
    let mut found = Vec::new();
    let run = Key::of_run(tenant, run_id);
    let from = range.start;
    let last = run.clone().u64(range.end.saturating_sub(1)).done();
    // The row that holds `from` may begin before it.
    let mut begin = run.clone().u64(from).done();
    if let Some(row) = table.range(run.u64(0).done().as_slice()..=begin.as_slice()).map_err(unavailable)?.next_back() {
        begin = row.map_err(unavailable)?.0.value().to_vec();
    }
    let mut next = None;
    for row in table.range(begin.as_slice()..=last.as_slice()).map_err(unavailable)? {
        if room.is_full() {
            break;
        }
        let (key, value) = row.map_err(unavailable)?;
        let key = key.value();
        let header = header(key, value.value())?;
        if next.is_some_and(|next| next != header.first) {
            return Err(corrupt(TABLE, key, "the events before it are missing"));
        }
        let end = header.first + Seq::from(header.count);
        next = Some(end);
        if end <= from {
            continue;
        }
        let (events, length) = decode(table.keys(), key, value.value(), &header)?;
        room.bytes = room.bytes.saturating_sub(length);
        let numbered = (header.first..).zip(events).skip_while(|(seq, _)| *seq < from);
        let before = found.len();
        found.extend(numbered.take_while(|(seq, _)| *seq < range.end).take(room.events));
        room.events -= found.len() - before;
    }
    if found.first().is_some_and(|(seq, _)| *seq != from) {
        return Err(corrupt(TABLE, &begin, format!("event {from} is missing")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use abide_model::{Digest, Event, Json, RunTerminated};
    use proptest::prelude::*;

    use super::super::testing::{self, golden_of_any_release, last_event, open_event, run_id, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn events_are_read_as_they_were_written(
            tenant in tenant(),
            run_id in run_id(),
            commits in proptest::collection::vec(proptest::collection::vec(open_event(), 1..4), 1..4),
            last in proptest::option::of(last_event()),
        ) {
            let mut all: Vec<Recorded> = Vec::new();
            let mut rows = Vec::new();
            let last = last.map(|last| vec![last]);
            let closed = last.is_some();
            for events in commits.into_iter().chain(last) {
                rows.push(row(&tenant, run_id, all.len() as Seq, &events).unwrap().0);
                all.extend(events);
            }
            with_rows(TABLE, &rows, |writing| {
                let table = writing.table(TABLE).unwrap();
                let length = all.len() as Seq;
                prop_assert_eq!(tail(table, &tenant, run_id).unwrap(), Tail { length, closed, gone: false });
                let found = read(table, &tenant, run_id, 0..Seq::MAX, &mut Room::of(100)).unwrap();
                prop_assert_eq!(found, (0..).zip(all).collect::<Vec<_>>());
                Ok(())
            })?;
        }

        #[test]
        fn no_bytes_make_the_reader_panic(value: Vec<u8>, lz4: bool) {
            let tenant = Tenant::default();
            let run_id = RunId::from_bytes([1; 16]);
            let begin = [0, 0, 0, 0, 1, u8::from(lz4)];
            for value in [value.clone(), [&begin[..], &value].concat()] {
                let row = Row { key: Key::of_run(&tenant, run_id).u64(0).done(), value };
                with_rows(TABLE, &[row], |writing| {
                    let table = writing.table(TABLE).unwrap();
                    let _ = (tail(table, &tenant, run_id), read(table, &tenant, run_id, 0..9, &mut Room::of(100)));
                });
            }
        }
    }

    /// The row as a release wrote it, read by this one.
    fn reads(stored: &Row, events: &[Recorded]) {
        let run_id = RunId::from_bytes([7; 16]);
        with_rows(TABLE, std::slice::from_ref(stored), |writing| {
            let found =
                read(writing.table(TABLE).unwrap(), &Tenant::default(), run_id, 3..Seq::MAX, &mut Room::of(100))
                    .unwrap();
            assert_eq!(found, (3..).zip(events.iter().cloned()).collect::<Vec<_>>());
        });
    }

    fn golden_row(events: &[Recorded]) -> Row {
        row(&Tenant::default(), RunId::from_bytes([7; 16]), 3, events).unwrap().0
    }

    #[test]
    fn golden_events() {
        for (name, event) in testing::samples::events() {
            let events = [Recorded { time_ms: 1_700_000_000_123, event }];
            reads(&testing::golden(&format!("event-{name}"), &golden_row(&events)), &events);
        }
    }

    #[test]
    fn golden_events_that_are_kept_for_forks() {
        let run_id = RunId::from_bytes([7; 16]);
        let event = Event::RunTerminated(RunTerminated { reason: "enough".into() });
        let events = [1, 2, 3].map(|time_ms| Recorded { time_ms, event: event.clone() });
        with_rows(TABLE, &[golden_row(&events)], |writing| {
            let table = writing.table(TABLE).unwrap();
            let kept = kept_row(table, &Tenant::default(), run_id, 5).unwrap().unwrap();
            let stored = testing::golden("events-kept", &kept);
            reads(&stored, &events[..2]);
            with_rows(TABLE, &[stored], |writing| {
                let table = writing.table(TABLE).unwrap();
                let tail = tail(table, &Tenant::default(), run_id).unwrap();
                assert_eq!(tail, Tail { length: 5, closed: false, gone: true });
                assert_eq!(kept_row(table, &Tenant::default(), run_id, 5), Ok(None));
            });
        });
    }

    #[test]
    fn golden_events_that_are_compressed() {
        let event = Event::RunTerminated(RunTerminated { reason: "again and ".repeat(200) });
        let digest = Event::VersionChanged(abide_model::VersionChanged { version: Digest::of(b"v"), settled: None });
        let input = Event::SignalReceived(abide_model::SignalReceived {
            name: "large".into(),
            payload: Json::parse(format!("\"{}\"", "abc".repeat(500))).unwrap(),
            key: None,
        });
        let events = [digest, input, event].map(|event| Recorded { time_ms: 5, event });
        // Compressors may change; what they wrote is read.
        reads(&golden_of_any_release("events-compressed", &golden_row(&events)), &events);
    }
}
