//! What is to be known of the file before anything else is read. Key `format`: the format of the file, a 32-bit big-endian
//! number. Key `applied`: the last record of the log that the database had when it last became durable as a whole, a 64-bit
//! big-endian number; 0, or no row, before the first. Key `indexed`, with an empty value: every run has its rows in the index. Key
//! `tallied`, with an empty value: what each tenant has is counted.

use ::redb::{Database, Durability, ReadTransaction, ReadableDatabase, TableError, TableHandle, WriteTransaction};

use super::row::{corrupt, unavailable};
use super::tables::TableId;
use crate::StoreError;

const TABLE: TableId = TableId::Meta;
const FORMAT_KEY: &[u8] = b"format";
const APPLIED_KEY: &[u8] = b"applied";
const INDEXED_KEY: &[u8] = b"indexed";
const TALLIED_KEY: &[u8] = b"tallied";

/// The format that this release writes. A later one that older releases cannot read has a higher number.
const FORMAT: u32 = 1;

/// Makes the tables of a new file; checks those of an old one. A file of a format that is not known is left as it is.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let found = read(&database.begin_read().map_err(unavailable)?, FORMAT_KEY)?;
    match found.map(u32::from_be_bytes) {
        Some(FORMAT) => make_missing(database),
        Some(other) => Err(StoreError::Corrupt(format!(
            "the file has format {other}, this release knows format {FORMAT}: start the release of abide that wrote it, or \
             a later one"
        ))),
        None => make(database),
    }
}

fn make(database: &Database) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(unavailable)?;
    if transaction.list_tables().map_err(unavailable)?.next().is_some() {
        return Err(corrupt(TABLE, FORMAT_KEY, "it is missing, and the file has tables: it is no history of abide"));
    }
    let durability = transaction.set_durability(Durability::Immediate);
    durability.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    transaction.set_quick_repair(true);
    for table in TableId::ALL {
        transaction.open_table(table.definition()).map_err(unavailable)?;
    }
    write(&transaction, FORMAT_KEY, &FORMAT.to_be_bytes())?;
    set_indexed(&transaction)?;
    set_tallied(&transaction)?;
    transaction.commit().map_err(unavailable)
}

/// Makes the tables that the release that wrote the file did not know.
fn make_missing(database: &Database) -> Result<(), StoreError> {
    let read = database.begin_read().map_err(unavailable)?;
    let known: Vec<_> = read.list_tables().map_err(unavailable)?.map(|table| table.name().to_owned()).collect();
    if TableId::ALL.iter().all(|table| known.iter().any(|known| known == table.name())) {
        return Ok(());
    }
    let mut transaction = database.begin_write().map_err(unavailable)?;
    let durability = transaction.set_durability(Durability::Immediate);
    durability.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    transaction.set_quick_repair(true);
    for table in TableId::ALL {
        transaction.open_table(table.definition()).map_err(unavailable)?;
    }
    transaction.commit().map_err(unavailable)
}

/// Whether every run has its rows in the index.
pub(super) fn is_indexed(transaction: &ReadTransaction) -> Result<bool, StoreError> {
    Ok(read::<0>(transaction, INDEXED_KEY)?.is_some())
}

/// Says so, in the transaction that makes it true.
pub(super) fn set_indexed(transaction: &WriteTransaction) -> Result<(), StoreError> {
    write(transaction, INDEXED_KEY, &[])
}

/// Whether what each tenant has is counted.
pub(super) fn is_tallied(transaction: &ReadTransaction) -> Result<bool, StoreError> {
    Ok(read::<0>(transaction, TALLIED_KEY)?.is_some())
}

/// Says so, in the transaction that makes it true.
pub(super) fn set_tallied(transaction: &WriteTransaction) -> Result<(), StoreError> {
    write(transaction, TALLIED_KEY, &[])
}

/// Up to which record of the log the database has everything.
pub(super) fn applied(database: &Database) -> Result<u64, StoreError> {
    let found = read(&database.begin_read().map_err(unavailable)?, APPLIED_KEY)?;
    Ok(found.map_or(0, u64::from_be_bytes))
}

/// Says so, in the transaction that makes it true.
pub(super) fn set_applied(transaction: &WriteTransaction, number: u64) -> Result<(), StoreError> {
    write(transaction, APPLIED_KEY, &number.to_be_bytes())
}

fn write(transaction: &WriteTransaction, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let mut table = transaction.open_table(TABLE.definition()).map_err(unavailable)?;
    table.insert(key, value).map_err(unavailable)?;
    Ok(())
}

/// A number, where there is one. A file that was just made has no table.
fn read<const N: usize>(transaction: &ReadTransaction, key: &[u8]) -> Result<Option<[u8; N]>, StoreError> {
    let table = match transaction.open_table(TABLE.definition()) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other.map_err(unavailable)?,
    };
    let Some(value) = table.get(key).map_err(unavailable)? else { return Ok(None) };
    let bytes = value.value().try_into();
    bytes.map(Some).map_err(|_| corrupt(TABLE, key, format!("the value does not have {N} bytes")))
}
