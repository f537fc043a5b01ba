//! Opening the files: their folder, their lock, their tables.

use std::fs::{File, TryLockError};
use std::path::Path;

use ::redb::backends::FileBackend;
use ::redb::{Builder, Database, DatabaseError, StorageBackend};

use super::row::unavailable;
use super::{RedbOptions, meta};
use crate::StoreError;

/// The names of the files within the data folder.
const DATABASE: &str = "history.redb";
const LOG: &str = "history.wal";
/// A database that is being made. redb cannot open one whose making was cut short, so it is given its name when it is whole.
const NEW_DATABASE: &str = "history.redb.new";

/// Opens the files in `folder`, and makes them and the folder if they are not there. Who has the lock of the log has the folder.
pub(super) fn files(folder: &Path, options: &RedbOptions) -> Result<(Database, FileBackend), StoreError> {
    let failed = |error: std::io::Error| about(folder, StoreError::Unavailable(error.to_string()));
    make_folder(folder).map_err(failed)?;
    let log = File::options().read(true).write(true).create(true).truncate(false).open(folder.join(LOG));
    let log = log.map_err(failed)?;
    match log.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(folder)),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let path = folder.join(DATABASE);
    if !path.try_exists().map_err(failed)? {
        make_database(folder, options).map_err(|error| about(folder, error))?;
    }
    let database = match builder(options).open(path) {
        Err(DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch) => return Err(in_use(folder)),
        other => other.map_err(|error| about(folder, unavailable(error)))?,
    };
    meta::prepare(&database).map_err(|error| about(folder, error))?;
    Ok((database, FileBackend::new(log).map_err(unavailable)?))
}

fn make_database(folder: &Path, options: &RedbOptions) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Unavailable(error.to_string());
    let new = folder.join(NEW_DATABASE);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let database = builder(options).create(&new).map_err(unavailable)?;
    meta::prepare(&database)?;
    database.close().map_err(unavailable)?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(failed)?;
    std::fs::rename(new, folder.join(DATABASE)).map_err(failed)?;
    sync_folder(folder).map_err(failed)
}

fn in_use(folder: &Path) -> StoreError {
    StoreError::InUse(format!(
        "data folder `{}` is in use by another abide host: stop that one, or give this one a folder of its own",
        folder.display()
    ))
}

/// Opens a database that is not in a file.
pub(super) fn backend(backend: impl StorageBackend, options: &RedbOptions) -> Result<Database, StoreError> {
    let database = builder(options).create_with_backend(backend).map_err(unavailable)?;
    meta::prepare(&database)?;
    Ok(database)
}

fn builder(options: &RedbOptions) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    builder.set_repair_callback(|session| {
        tracing::info!(
            percent = (session.progress() * 100.0) as u64,
            "the host was not stopped in order: checking the history"
        );
    });
    builder
}

/// Says which folder an error is about.
pub(super) fn about(folder: &Path, error: StoreError) -> StoreError {
    let named = |text: String| format!("data folder `{}`: {text}", folder.display());
    match error {
        StoreError::Corrupt(text) => StoreError::Corrupt(named(text)),
        StoreError::Unavailable(text) => StoreError::Unavailable(named(text)),
        other => other,
    }
}

/// Histories hold what users said: a folder that is made here is for its owner only.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes the names of the files durable, not only what is in them.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
