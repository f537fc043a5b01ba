//! The format of the file, and the tables that it has. Key: `format`; value: a 32-bit big-endian number.

use ::redb::{Database, ReadableDatabase, TableError};

use super::row::{Definition, corrupt, unavailable};
use super::{events, keys, nodes, published, ready, runs, timers, versions};
use crate::StoreError;

const TABLE: Definition = Definition::new("meta");
const FORMAT_KEY: &[u8] = b"format";

/// The format that this release writes. A later one that older releases cannot read has a higher number.
const FORMAT: u32 = 1;

/// All tables but `meta`.
const TABLES: [Definition; 11] = [
    events::TABLE,
    nodes::TABLE,
    runs::TABLE,
    runs::IDS,
    ready::TABLE,
    timers::TABLE,
    published::TABLE,
    keys::TABLE,
    versions::TABLE,
    versions::ACTIVE,
    versions::COMPONENTS,
];

/// Makes the tables of a new file; checks those of an old one. A file of a format that is not known is left as it is.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    if format(database)?.is_some() {
        return Ok(());
    }
    let transaction = database.begin_write().map_err(unavailable)?;
    for table in TABLES {
        transaction.open_table(table).map_err(unavailable)?;
    }
    let mut meta = transaction.open_table(TABLE).map_err(unavailable)?;
    meta.insert(FORMAT_KEY, &FORMAT.to_be_bytes()[..]).map_err(unavailable)?;
    drop(meta);
    transaction.commit().map_err(unavailable)
}

/// The format of the file, where it has one and can be read.
fn format(database: &Database) -> Result<Option<u32>, StoreError> {
    let transaction = database.begin_read().map_err(unavailable)?;
    let table = match transaction.open_table(TABLE) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        other => other.map_err(unavailable)?,
    };
    let Some(value) = table.get(FORMAT_KEY).map_err(unavailable)? else {
        return Err(corrupt(&TABLE, FORMAT_KEY, "it is missing"));
    };
    let bytes = value.value().try_into().map_err(|_| corrupt(&TABLE, FORMAT_KEY, "the value does not have 4 bytes"))?;
    match u32::from_be_bytes(bytes) {
        FORMAT => Ok(Some(FORMAT)),
        other => Err(StoreError::Corrupt(format!(
            "the file has format {other}, this release knows format {FORMAT}: start the release of abide that wrote it, or \
             a later one"
        ))),
    }
}
