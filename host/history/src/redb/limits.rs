//! The bounds of this store: of its queue, its transactions and its keys.

use std::time::Duration;

use crate::StoreError;

/// Memory for pages of the file.
pub(super) const CACHE_BYTES: usize = 64 << 20;
/// The log is full at this size. The bound keeps a restart fast.
pub(super) const LOG_BYTES: u64 = 8 << 20;
/// Bytes of commits that wait, in units of [`QUEUE_UNIT_BYTES`].
pub(super) const QUEUE_UNITS: u32 = 64 << 10;
/// The unit in which waiting bytes are counted.
pub(super) const QUEUE_UNIT_BYTES: usize = 1 << 10;
/// A change takes at least so many units, so that no more than 4096 wait.
pub(super) const LEAST_UNITS: usize = 16;
/// The size of one commit. It is far beyond what the limits of runs allow: a larger one is a mistake of the host.
pub(super) const COMMIT_BYTES: usize = 256 << 20;
/// Commits of one transaction.
pub(super) const BATCH_COMMITS: usize = 1024;
/// Bytes of one transaction, but for the first change in it: what others wait for is a batch.
pub(super) const BATCH_BYTES: usize = 2 << 20;
/// What a change costs beside its bytes, when tenants share the disk.
pub(super) const CHANGE_BYTES: usize = 512;
/// A change up to this size may be written by the task that made it.
pub(super) const DIRECT_BYTES: usize = 64 << 10;
/// It may be as long as syncs take less than this: a task must not hold up others for long. Of such a disk, the thread that writes keeps its turn to
/// compute while it waits.
pub(super) const DIRECT_TIME: Duration = Duration::from_micros(500);
/// While tenants share the disk, one has about so much of a batch as the sync takes, where a change takes so long to be written. So who comes while
/// it is written waits for about two syncs.
pub(super) const CHANGE_TIME: Duration = Duration::from_micros(20);
/// And so many changes at least.
pub(super) const SHARED_CHANGES: usize = 8;
/// A component is stored in rows of this size. redb gives a row a power of two of bytes, some of them for itself.
pub(super) const COMPONENT_ROW_BYTES: usize = (1 << 20) - (1 << 10);
/// The longest name of a published value and the longest idempotency key: they are parts of keys.
const NAME_BYTES: usize = 16 << 10;

/// Refuses a change that is too large.
pub(super) fn check_commit(size: usize) -> Result<(), StoreError> {
    if size > COMMIT_BYTES {
        return Err(StoreError::Invalid(format!("a change has {size} bytes, and {COMMIT_BYTES} are allowed")));
    }
    Ok(())
}

/// Refuses a name that is too long for a key.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), StoreError> {
    if name.len() > NAME_BYTES {
        return Err(StoreError::Invalid(format!(
            "the name of {what} has {} bytes: give at most {NAME_BYTES}",
            name.len()
        )));
    }
    Ok(())
}
