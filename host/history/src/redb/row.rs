//! What the rows of all tables have in common: a row ready to be written, and the errors of reading one.

use minicbor::{Decode, Encode};

use super::tables::{Readable, TableId, Writing};
use super::{pack, seal};
use crate::StoreError;

/// A row ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

impl Row {
    pub(super) fn put(&self, writing: &mut Writing<'_>, table: TableId) -> Result<(), StoreError> {
        writing.put(table, &self.key, &self.value)
    }

    /// Its size, with something for what a row costs beside its bytes.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.value.len() + 32
    }
}

/// Whether a row is there.
pub(super) fn has(table: &impl Readable, key: &[u8]) -> Result<bool, StoreError> {
    Ok(table.get(key).map_err(unavailable)?.is_some())
}

/// CBOR, packed.
pub(super) fn encode(value: &impl Encode<()>) -> Vec<u8> {
    pack::pack(&cbor(value))
}

pub(super) fn cbor(value: &impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a vector cannot fail, and our types have no other error")
}

/// Reads what [`encode`] wrote: one value and nothing after it.
pub(super) fn decode<T: for<'b> Decode<'b, ()>>(value: &[u8]) -> Result<T, String> {
    let bytes = pack::unpack(value)?;
    let mut decoder = minicbor::Decoder::new(&bytes);
    let decoded = decoder.decode().map_err(|error| error.to_string())?;
    if decoder.position() != bytes.len() {
        return Err(format!("{} bytes are left over", bytes.len() - decoder.position()));
    }
    Ok(decoded)
}

/// Reads what a row has that [`encode`] wrote, and that may be sealed since.
pub(super) fn read<T: for<'b> Decode<'b, ()>>(
    table: &impl Readable,
    id: TableId,
    key: &[u8],
    value: &[u8],
) -> Result<T, StoreError> {
    decode(&seal::open(table.keys(), id, key, value)?).map_err(|why| corrupt(id, key, why))
}

/// A row that cannot be read: names it, so that it can be looked at and cut out.
pub(super) fn corrupt(table: TableId, key: &[u8], why: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("row `{}` of table `{}`: {why}", key.escape_ascii(), table.name()))
}

/// An error of redb's as one of ours.
pub(super) fn unavailable(error: impl Into<::redb::Error>) -> StoreError {
    use ::redb::Error;
    match error.into() {
        Error::Corrupted(text) => StoreError::Corrupt(text),
        error @ (Error::UpgradeRequired(_)
        | Error::TableTypeMismatch { .. }
        | Error::TableIsMultimap(_)
        | Error::TableIsNotMultimap(_)
        | Error::TypeDefinitionChanged { .. }
        | Error::TableDoesNotExist(_)) => StoreError::Corrupt(error.to_string()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_left_over_are_an_error() {
        let mut value = encode(&7u32);
        assert_eq!(decode::<u32>(&value), Ok(7));
        value.push(0);
        assert!(decode::<u32>(&value).is_err());
    }
}
