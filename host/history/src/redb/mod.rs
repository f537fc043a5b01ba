//! The store of a single host: one redb file, and a log beside it. Their form is described in `FORMAT.md`, and beside each
//! row's codec.
//!
//! Reads are transactions on a snapshot and never wait for writes. All writing goes through one thread, which shares one disk
//! sync among the changes that wait: that of the log. This module puts the parts together; what a row is, each part says itself.

mod audit;
mod batch;
mod committer;
mod deletion;
mod documents;
mod erasure;
mod events;
mod forks;
mod index;
mod key;
mod keys;
mod ledger;
mod limits;
mod list;
mod log;
mod meta;
mod nodes;
mod open;
mod pace;
mod pack;
mod parts;
mod prepare;
mod published;
mod ready;
mod record;
mod routing;
mod row;
mod runs;
mod schedules;
mod seal;
mod snapshot;
mod store;
mod tables;
mod tally;
#[cfg(test)]
mod testing;
mod timers;
mod tools;
mod versions;
mod writer;

use std::path::Path;
use std::sync::Arc;

use ::redb::{Database, StorageBackend};
use abide_model::{RunId, Tenant};

use self::batch::Change;
use self::committer::Committer;
use self::prepare::Prepared;
use self::row::Row;
use self::snapshot::{Snapshot, aside};
use self::tables::ReadTable;
use self::writer::Writer;
use crate::keys::{Keyring, Keys};
use crate::{Commit, StoreError, StoreFuture};

/// How a [`RedbStore`] is opened.
#[derive(Debug, Clone)]
pub struct RedbOptions {
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
    /// The size of the log, in bytes. When it is full, the database is made durable as a whole, which takes some syncs and some
    /// ten milliseconds. A larger log makes that rarer, and a start after a crash longer.
    pub log_bytes: u64,
    /// The keys of tenants. With them what runs say may be sealed, and is opened.
    pub keyring: Option<Keyring>,
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self { cache_bytes: limits::CACHE_BYTES, log_bytes: limits::LOG_BYTES, keyring: None }
    }
}

/// A store in one file. Dropping it writes what is queued, then lets go of the file.
#[derive(Debug)]
pub struct RedbStore {
    /// Declared before the database: the writing thread ends first.
    committer: Committer,
    database: Arc<Database>,
    keyring: Keyring,
}

impl RedbStore {
    /// Opens the store in `folder`, and makes the folder if it is not there. One process at a time may have it.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Self::open_with(folder, &RedbOptions::default())
    }

    /// The same, with options.
    pub fn open_with(folder: &Path, options: &RedbOptions) -> Result<Self, StoreError> {
        let (database, log) = open::files(folder, options)?;
        Self::over(database, log, options).map_err(|error| open::about(folder, error))
    }

    /// Opens a store in something other than files, for tests: one for the database, one for the log.
    pub fn open_with_backends(
        database: impl StorageBackend,
        log: impl StorageBackend,
        options: &RedbOptions,
    ) -> Result<Self, StoreError> {
        Self::over(open::backend(database, options)?, log, options)
    }

    /// Opens a store in memory, for tests. It is gone when it is dropped.
    pub fn in_memory() -> Result<Self, StoreError> {
        use ::redb::backends::InMemoryBackend;
        Self::open_with_backends(InMemoryBackend::new(), InMemoryBackend::new(), &RedbOptions::default())
    }

    fn over(database: Database, log: impl StorageBackend, options: &RedbOptions) -> Result<Self, StoreError> {
        let database = Arc::new(database);
        let keyring = options.keyring.clone().unwrap_or_default();
        let writer = Writer::open(Arc::clone(&database), log, options.log_bytes, keyring.clone())?;
        index::build(&database, &keyring.keys())?;
        tally::build(&database)?;
        Ok(Self { committer: Committer::start(writer)?, database, keyring })
    }

    /// What is durable now. It does not change while it is looked at.
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::of(&self.database, self.keyring.keys())
    }

    /// Makes the rows of a commit. The snapshot does not live while they wait: it would keep pages from being used again.
    fn prepare(&self, commit: Commit) -> Result<Prepared, StoreError> {
        let keys = self.sealing(&commit.tenant)?;
        let prepared = if commit.nodes.is_empty() {
            prepare::prepare::<ReadTable>(commit, None)?
        } else {
            let (snapshot, tenant) = (self.snapshot()?, commit.tenant.clone());
            snapshot.nodes(&tenant, commit.run_id, |nodes| prepare::prepare(commit, Some(nodes)))?
        };
        prepared.sealed(&keys)
    }

    /// The keys to seal with what is written for a tenant. One that needs a key and has none is given one.
    fn sealing(&self, tenant: &Tenant) -> Result<Keys, StoreError> {
        let keys = self.keyring.keys();
        match keys.sealing(tenant) {
            Ok(_) => Ok(keys),
            Err(StoreError::Sealed(_)) => {
                // A new key in place of one that was lost would hide that it was.
                let first = erasure::first_run(&self.snapshot()?.table(runs::TABLE)?, tenant)?;
                if let Some(Row { key, value }) = first
                    && seal::is_sealed(runs::TABLE, &key, &value)
                {
                    seal::open(&keys, runs::TABLE, &key, &value)?;
                }
                self.keyring.make(tenant)?;
                Ok(self.keyring.keys())
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a run, in as many changes as it takes.
    async fn delete_steps(&self, tenant: &Tenant, run_id: RunId) -> Result<(), StoreError> {
        loop {
            let change = Change::Delete { tenant: tenant.clone(), run_id };
            self.committer.write(change, deletion::SIZE).await?;
            if !self.deletion_is_begun(tenant, run_id)? {
                return Ok(());
            }
        }
    }

    fn deletion_is_begun(&self, tenant: &Tenant, run_id: RunId) -> Result<bool, StoreError> {
        deletion::is_begun(&self.snapshot()?.table(deletion::TABLE)?, tenant, run_id)
    }

    /// Reads much, on a thread where that disturbs nobody.
    fn scan<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, StoreError> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (database, keys) = (Arc::clone(&self.database), self.keyring.keys());
        Box::pin(aside(move || read(&Snapshot::of(&database, keys)?)))
    }
}
