//! The one that writes: makes each batch durable by the log, and now and then the database as a whole. What is in the log and
//! not yet durable in the database is replayed when the store is opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redb::{Database, Durability, StorageBackend, WriteTransaction};

use super::batch::{self, Change};
use super::log::Log;
use super::pace::Pace;
use super::row::{corrupt, unavailable};
use super::tables::{TableId, Writing};
use super::{meta, record};
use crate::StoreError;
use crate::keys::{Keyring, Keys};

/// Writes batches. There is one for a database.
#[derive(Debug)]
pub(super) struct Writer {
    database: Arc<Database>,
    log: Log,
    keyring: Keyring,
    pace: Pace,
}

impl Writer {
    /// Opens the log of a database, and writes to the database what it does not have.
    pub(super) fn open(
        database: Arc<Database>,
        log: impl StorageBackend,
        log_bytes: u64,
        keyring: Keyring,
    ) -> Result<Self, StoreError> {
        let applied = meta::applied(&database)?;
        // One transaction for all of it: it becomes durable as a whole, and until then the log is as it was.
        let transaction = begin(&database, Durability::Immediate)?;
        // The log has rows as they are stored: sealed or not, they are written as they are.
        let mut writing = Writing::new(&transaction, Keys::default());
        let log = Log::open(log, log_bytes, applied, |content| replay(&mut writing, content))?;
        drop(writing);
        let mut writer = Self { database, log, keyring, pace: Pace::default() };
        if writer.log.last() > applied {
            let records = writer.log.last() - applied;
            tracing::info!(records, "the host was not stopped in order: the log is replayed");
            writer.make_durable(transaction)?;
        } else {
            transaction.abort().map_err(unavailable)?;
            writer.log.restart();
        }
        Ok(writer)
    }

    /// Whether a change of about `size` bytes costs one sync, not the many of a full log.
    pub(super) fn has_room(&self, size: usize) -> bool {
        self.log.has_room(size as u64)
    }

    /// How long a sync of the disk takes of late. `None`: there was none.
    pub(super) fn sync_time(&self) -> Option<Duration> {
        self.pace.time()
    }

    /// Writes changes in one transaction with one disk sync, and tells when what is left to do is that sync. Gives an answer for each; or one
    /// error, and then nobody knows what is on the disk.
    pub(super) fn write<'c>(
        &mut self,
        changes: impl Iterator<Item = &'c Change>,
        is_computed: impl FnOnce(),
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let transaction = begin(&self.database, Durability::None)?;
        let mut writing = Writing::new(&transaction, self.keyring.keys());
        let answers = batch::write(&mut writing, changes)?;
        let record = writing.done()?;
        is_computed();
        if record.is_empty() {
            transaction.abort().map_err(unavailable)?;
        } else if self.log.fits(&record) {
            // The order matters: readers see it once it is durable, and not before.
            let began = Instant::now();
            self.log.append(&record)?;
            self.pace.saw(began.elapsed());
            transaction.commit().map_err(unavailable)?;
        } else {
            self.make_durable(transaction)?;
        }
        Ok(answers)
    }

    /// Makes the database durable as a whole, if it is not.
    pub(super) fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.log.is_empty() {
            return Ok(());
        }
        let transaction = begin(&self.database, Durability::Immediate)?;
        self.make_durable(transaction)
    }

    /// Commits a transaction, and with it all before it, so that the log is not needed any more.
    fn make_durable(&mut self, mut transaction: WriteTransaction) -> Result<(), StoreError> {
        set_durability(&mut transaction, Durability::Immediate)?;
        // With this, opening the file after a crash does not read all of it.
        transaction.set_quick_repair(true);
        meta::set_applied(&transaction, self.log.last())?;
        transaction.commit().map_err(unavailable)?;
        self.log.restart();
        Ok(())
    }
}

fn begin(database: &Database, durability: Durability) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(unavailable)?;
    set_durability(&mut transaction, durability)?;
    Ok(transaction)
}

fn set_durability(transaction: &mut WriteTransaction, durability: Durability) -> Result<(), StoreError> {
    transaction.set_durability(durability).map_err(|error| StoreError::Unavailable(error.to_string()))
}

/// Writes the content of a record of the log.
fn replay(writing: &mut Writing<'_>, content: &[u8]) -> Result<(), StoreError> {
    for change in record::changes(content) {
        let change = change.map_err(|why| StoreError::Corrupt(format!("a record of the log: {why}")))?;
        if change.table == TableId::Meta {
            return Err(corrupt(TableId::Meta, change.key, "the log does not write to this table"));
        }
        match change.value {
            Some(value) => writing.put(change.table, change.key, value)?,
            None => writing.remove(change.table, change.key)?,
        }
    }
    Ok(())
}
