//! The content of one record of the log: what one transaction wrote, row by row, in order.
//!
//! Each change is one byte for the table (its number; 128 more where the row is removed), the length of the key as a 16-bit
//! little-endian number, and the key; where the row is written, also the length of the value as a 32-bit little-endian
//! number, and the value. Writing the same rows again changes nothing, so a record may be replayed twice.

use super::tables::TableId;

const REMOVED: u8 = 0x80;

/// What a transaction wrote.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Record(Vec<u8>);

impl Record {
    pub(super) fn put(&mut self, table: TableId, key: &[u8], value: &[u8]) {
        self.0.reserve(7 + key.len() + value.len());
        self.key(table as u8, key);
        let length = u32::try_from(value.len()).expect("redb has refused values of 4 GiB before");
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(value);
    }

    pub(super) fn remove(&mut self, table: TableId, key: &[u8]) {
        self.key(table as u8 | REMOVED, key);
    }

    fn key(&mut self, table: u8, key: &[u8]) {
        let length = u16::try_from(key.len()).expect("the parts of a key are bounded");
        self.0.push(table);
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(key);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// One change of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change<'r> {
    pub(super) table: TableId,
    pub(super) key: &'r [u8],
    /// `None` where the row is removed.
    pub(super) value: Option<&'r [u8]>,
}

/// The changes of a record. An item is an error where the record has no form that this release knows.
pub(super) fn changes(record: &[u8]) -> impl Iterator<Item = Result<Change<'_>, String>> {
    let mut rest = record;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let change = next(&mut rest).ok_or_else(|| format!("{} bytes are no change of a row", rest.len()));
        if change.is_err() {
            rest = &[];
        }
        Some(change)
    })
}

fn next<'r>(rest: &mut &'r [u8]) -> Option<Change<'r>> {
    let (head, after) = rest.split_first_chunk::<3>()?;
    let [table, length @ ..] = *head;
    let (key, after) = after.split_at_checked(u16::from_le_bytes(length).into())?;
    let (value, after) = if table & REMOVED == 0 {
        let (length, after) = after.split_first_chunk()?;
        let (value, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        (Some(value), after)
    } else {
        (None, after)
    };
    *rest = after;
    Some(Change { table: TableId::from_number(table & !REMOVED)?, key, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Written = (u8, Vec<u8>, Option<Vec<u8>>);

    proptest! {
        #[test]
        fn what_was_written_is_read(written: Vec<Written>) {
            let mut record = Record::default();
            let table = |number: &u8| TableId::from_number(number % TableId::ALL.len() as u8).unwrap();
            for (number, key, value) in &written {
                match value {
                    Some(value) => record.put(table(number), key, value),
                    None => record.remove(table(number), key),
                }
            }
            let read: Vec<_> = changes(record.as_bytes()).map(Result::unwrap).collect();
            let expected: Vec<_> = written
                .iter()
                .map(|(number, key, value)| Change { table: table(number), key, value: value.as_deref() })
                .collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn no_bytes_make_it_panic_or_go_on_for_ever(bytes: Vec<u8>) {
            prop_assert!(changes(&bytes).count() <= bytes.len());
        }
    }
}
