//! The log: what was committed since the database last became durable as a whole. Making a commit durable is one write at the
//! log's end and one disk sync, however many pages of the database it changes; those become durable together, much later.
//!
//! A record is a header of 24 bytes, its content, and zero bytes up to a multiple of 8. The header: CRC-32 of all that
//! follows, without the zero bytes at the end (32 bits), the length of the content (32 bits), the number of the record (64
//! bits), and 8 bytes that are zero, for later; all numbers little-endian.
//!
//! Numbers go up by one and are never used again. The database says up to which record it has everything; the log begins at the
//! start of its file with the next one, over the records that were there. So what is to be replayed are the records from the
//! start of the file on whose numbers go up by one; the first place that has none ends them. It is the end of the log, or a
//! record that a crash cut short, and nobody was told that this one is durable. A damaged record that has later ones behind it
//! is something else: then the log is corrupt, and is not silently cut.

use ::redb::StorageBackend;

use super::record::Record;
use crate::StoreError;

/// The file grows by this much, filled with zero bytes: a sync of bytes that the file has already is the cheapest one.
const GROWTH_BYTES: u64 = 256 << 10;
/// A file larger than this is no log: it is not read into memory. It is larger than any capacity should be.
const READ_BYTES: usize = 1 << 30;
const HEADER_BYTES: usize = 24;
/// Records begin at multiples of this.
const ALIGNMENT: u64 = 8;

/// The log of a database.
#[derive(Debug)]
pub(super) struct Log {
    disk: Box<dyn StorageBackend>,
    /// A log of this size is full.
    capacity: u64,
    /// The size of the file.
    size: u64,
    /// Where the next record begins.
    end: u64,
    /// The number of the last record.
    last: u64,
}

impl Log {
    /// Opens the log of a database that has everything up to record `applied`, and gives the content of each later record to
    /// `replay`, in order. The log stays as it is until [`Log::restart`].
    pub(super) fn open(
        disk: impl StorageBackend,
        capacity: u64,
        applied: u64,
        mut replay: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let size = disk.len().map_err(failed)?;
        let length = usize::try_from(size).ok().filter(|length| *length <= READ_BYTES).ok_or_else(|| {
            StoreError::Corrupt(format!("the log has {size} bytes, and {READ_BYTES} at most can be read"))
        })?;
        let mut bytes = vec![0; length];
        disk.read(0, &mut bytes).map_err(failed)?;
        let mut log = Self { disk: Box::new(disk), capacity, size, end: 0, last: applied };
        let mut place = 0;
        let mut next = None;
        while let Some(header) = header_at(&bytes, place) {
            let number = header.number;
            if next.is_some_and(|next| number != next) {
                break;
            }
            let Some(content) = content_at(&bytes, place, header) else { break };
            if number > log.last.saturating_add(1) {
                return Err(StoreError::Corrupt(format!(
                    "the log begins with record {number}, the database ends with record {applied}: the two files are not of \
                     the same time; restore both from one backup"
                )));
            }
            if number > log.last {
                replay(content)?;
                log.last = number;
            }
            next = Some(number + 1);
            place += padded(content.len()) as usize;
        }
        log.end = place as u64;
        log.check_rest(&bytes, place)?;
        Ok(log)
    }

    /// Whether anything later than the end of the log is in it.
    fn check_rest(&self, bytes: &[u8], end: usize) -> Result<(), StoreError> {
        // Cheap checks come first: every place is asked.
        let later = self.last + 1..=self.last.saturating_add(bytes.len() as u64);
        for place in (end..bytes.len()).step_by(ALIGNMENT as usize) {
            let header = header_at(bytes, place).filter(|header| later.contains(&header.number));
            if let Some(header) = header.filter(|header| content_at(bytes, place, *header).is_some()) {
                return Err(StoreError::Corrupt(format!(
                    "record {} of the log cannot be read, and record {} behind it can: restore a backup",
                    self.last + 1,
                    header.number
                )));
            }
        }
        Ok(())
    }

    /// The number of the last record.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Whether there are no records that the database does not have durably.
    pub(super) fn is_empty(&self) -> bool {
        self.end == 0
    }

    /// Whether a record finds room.
    pub(super) fn fits(&self, record: &Record) -> bool {
        self.has_room(padded(record.as_bytes().len()))
    }

    /// Whether so many more bytes find room.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.end.saturating_add(bytes) <= self.capacity
    }

    /// Appends a record, and gives `Ok` when it is durable.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        let number = self.last + 1;
        let bytes = encode(number, record.as_bytes());
        let end = self.end + bytes.len() as u64;
        if end > self.size {
            let size = end.next_multiple_of(GROWTH_BYTES).min(self.capacity);
            self.disk.set_len(size).map_err(failed)?;
            let zeros = vec![0; usize::try_from(size - end).expect("less than the capacity")];
            self.disk.write(end, &zeros).map_err(failed)?;
            self.size = size;
        }
        self.disk.write(self.end, &bytes).map_err(failed)?;
        self.disk.sync_data().map_err(failed)?;
        self.end = end;
        self.last = number;
        Ok(())
    }

    /// Begins at the start of the file again: the database has everything.
    pub(super) fn restart(&mut self) {
        self.end = 0;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Nothing is lost with it: all that matters was synced.
        let _ = self.disk.close();
    }
}

fn padded(content: usize) -> u64 {
    (HEADER_BYTES as u64 + content as u64).next_multiple_of(ALIGNMENT)
}

fn encode(number: u64, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a record fits into the log");
    let size = usize::try_from(padded(content.len())).expect("a record fits into the log");
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(content);
    let checksum = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    bytes.resize(size, 0);
    bytes
}

/// The header of a record.
#[derive(Debug, Clone, Copy)]
struct Header {
    checksum: u32,
    length: usize,
    number: u64,
}

/// What may be the header of a record at `place`. A record has content, and a number: zero bytes are none.
fn header_at(bytes: &[u8], place: usize) -> Option<Header> {
    let (header, rest) = bytes.get(place..)?.split_first_chunk::<HEADER_BYTES>()?;
    let [c0, c1, c2, c3, l0, l1, l2, l3, n0, n1, n2, n3, n4, n5, n6, n7, reserved @ ..] = *header;
    let header = Header {
        checksum: u32::from_le_bytes([c0, c1, c2, c3]),
        length: usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?,
        number: u64::from_le_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
    };
    let may_be = header.length > 0 && header.number > 0 && reserved == [0; 8] && header.length <= rest.len();
    may_be.then_some(header)
}

/// The content of a record, if that is what is there.
fn content_at(bytes: &[u8], place: usize, header: Header) -> Option<&[u8]> {
    let end = place + HEADER_BYTES + header.length;
    let intact = crc32fast::hash(&bytes[place + 4..end]) == header.checksum;
    intact.then(|| &bytes[place + HEADER_BYTES..end])
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("the log: {error}"))
}

#[cfg(test)]
mod tests {
    use ::redb::backends::InMemoryBackend;

    use super::super::row::Row;
    use super::super::tables::TableId;
    use super::super::testing::golden;
    use super::*;

    fn record(text: &str) -> Record {
        let mut record = Record::default();
        record.put(TableId::Events, text.as_bytes(), &[]);
        record
    }

    /// The bytes of a log with records `first` and so on.
    fn written(first: u64, texts: &[&str]) -> Vec<u8> {
        (first..).zip(texts).flat_map(|(number, text)| encode(number, record(text).as_bytes())).collect()
    }

    fn open(bytes: &[u8], applied: u64) -> Result<(Log, Vec<Vec<u8>>), StoreError> {
        let disk = InMemoryBackend::new();
        disk.set_len(bytes.len() as u64).unwrap();
        disk.write(0, bytes).unwrap();
        let mut replayed = Vec::new();
        let log = Log::open(disk, 8 << 20, applied, |content| {
            replayed.push(content.to_vec());
            Ok(())
        })?;
        Ok((log, replayed))
    }

    fn contents(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| record(text).as_bytes().to_vec()).collect()
    }

    #[test]
    fn replays_what_the_database_does_not_have() {
        let bytes = written(1, &["a", "bb", "ccc"]);
        for applied in 0..=3 {
            let (log, replayed) = open(&bytes, applied).unwrap();
            assert_eq!(replayed, contents(&["a", "bb", "ccc"])[applied as usize..]);
            assert_eq!(log.last(), 3);
        }
    }

    #[test]
    fn ends_where_a_record_is_cut_short() {
        let bytes = written(1, &["a", "bb", "ccc"]);
        let last = written(1, &["a", "bb"]).len();
        for cut in last..bytes.len() - 1 {
            let (log, replayed) = open(&bytes[..cut], 0).unwrap();
            // The last bytes are padding.
            let expected = if cut < last + HEADER_BYTES + 10 { 2 } else { 3 };
            assert_eq!((replayed.len(), log.last()), (expected, expected as u64), "cut at {cut}");
        }
    }

    #[test]
    fn a_record_of_an_earlier_round_ends_it() {
        let mut bytes = written(1, &["a", "bb", "ccc", "dddd"]);
        let newer = written(5, &["e"]);
        bytes[..newer.len()].copy_from_slice(&newer);
        let (log, replayed) = open(&bytes, 4).unwrap();
        assert_eq!(replayed, contents(&["e"]));
        assert_eq!(log.last(), 5);
    }

    #[test]
    fn a_damaged_record_with_later_ones_behind_it_is_corrupt() {
        let bytes = written(1, &["a", "bb", "ccc"]);
        let middle = written(1, &["a"]).len();
        for place in middle..middle + HEADER_BYTES {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            let error = open(&damaged, 0).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("record 2 of the log cannot be read"), "{error}");
        }
    }

    #[test]
    fn golden_record() {
        let mut record = record("a key");
        record.put(TableId::Runs, b"k", b"value");
        record.remove(TableId::Timers, b"gone");
        let row = Row { key: Vec::new(), value: encode(7, record.as_bytes()) };
        let stored = golden("log-record", &row);
        let (log, replayed) = open(&stored.value, 6).unwrap();
        assert_eq!((log.last(), replayed), (7, vec![record.as_bytes().to_vec()]));
    }

    #[test]
    fn a_log_of_another_time_is_refused() {
        let error = open(&written(9, &["a"]), 3).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("not of the same time"), "{error}");
    }

    #[test]
    fn appends_where_it_ended_and_starts_again() {
        let disk = InMemoryBackend::new();
        let mut log = Log::open(disk, 8 << 20, 7, |_| Ok(())).unwrap();
        assert!(log.is_empty());
        log.append(&record("a")).unwrap();
        log.append(&record(&"b".repeat(3000))).unwrap();
        assert_eq!(log.last(), 9);
        log.restart();
        log.append(&record("c")).unwrap();
        let mut bytes = vec![0; log.disk.len().unwrap() as usize];
        log.disk.read(0, &mut bytes).unwrap();
        let (_, replayed) = open(&bytes, 9).unwrap();
        assert_eq!(replayed, contents(&["c"]));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut state = 1u64;
        for _ in 0..200 {
            let noise: Vec<u8> = (0..500)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 60) as u8
                })
                .collect();
            let _ = open(&noise, 0);
        }
    }
}
