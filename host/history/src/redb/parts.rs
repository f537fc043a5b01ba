//! A file in rows: pieces below one key, each with the size of the whole before it, so that a missing one shows.
//!
//! Key: the beginning, number of the part (32 bits, big-endian). Value: the size of the whole (64 bits, big-endian), then the part, packed.

use bytes::Bytes;

use super::key::Key;
use super::limits::COMPONENT_ROW_BYTES;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use super::{pack, seal};
use crate::StoreError;

/// The rows of `file` below `beginning`.
pub(super) fn rows(beginning: &Key, file: &[u8]) -> Vec<Row> {
    let size = file.len() as u64;
    // An empty file has one row too: it is there.
    let parts = file.chunks(COMPONENT_ROW_BYTES).chain(file.is_empty().then_some(file));
    (0..)
        .zip(parts)
        .map(|(number, part)| {
            let mut value = size.to_be_bytes().to_vec();
            pack::pack_into(&mut value, part);
            Row { key: beginning.clone().u32(number).done(), value }
        })
        .collect()
}

/// The file below `beginning`, whole again.
pub(super) fn read(table: &impl Readable, id: TableId, beginning: &Key) -> Result<Option<Bytes>, StoreError> {
    let first = beginning.clone().done();
    let mut whole: Option<(u64, Vec<u8>)> = None;
    for row in table.range(first.as_slice()..beginning.clone().after().as_slice()).map_err(unavailable)? {
        let (key, value) = row.map_err(unavailable)?;
        let wrong = |why: String| corrupt(id, key.value(), why);
        let value = seal::open(table.keys(), id, key.value(), value.value())?;
        let (size, packed) = value.split_first_chunk().ok_or_else(|| wrong("the value is short".into()))?;
        let part = pack::unpack(packed).map_err(wrong)?;
        whole.get_or_insert_with(|| (u64::from_be_bytes(*size), Vec::new())).1.extend_from_slice(&part);
    }
    match whole {
        None => Ok(None),
        Some((size, bytes)) if bytes.len() as u64 == size => Ok(Some(bytes.into())),
        Some((size, bytes)) => Err(corrupt(id, &first, format!("the parts have {} of {size} bytes", bytes.len()))),
    }
}
