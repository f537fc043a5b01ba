//! Idempotency keys that senders gave. Key: tenant, run, the sender's key. Value: the digest of what was sent (32 bytes), then
//! the event that it led to (64 bits, big-endian).

use abide_model::{Digest, RunId, Tenant};

use super::key::Key;
use super::limits;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use crate::{KeyUse, StoreError};

pub(super) const TABLE: TableId = TableId::Keys;

/// The row of a key.
pub(super) fn row(tenant: &Tenant, run_id: RunId, key: &str, used: &KeyUse) -> Result<Row, StoreError> {
    limits::check_name("an idempotency key", key)?;
    let mut value = used.digest.as_bytes().to_vec();
    value.extend_from_slice(&used.seq.to_be_bytes());
    Ok(Row { key: Key::of_run(tenant, run_id).rest(key).done(), value })
}

/// What a key was used for.
pub(super) fn get(
    table: &impl Readable,
    tenant: &Tenant,
    run_id: RunId,
    key: &str,
) -> Result<Option<KeyUse>, StoreError> {
    let key = Key::of_run(tenant, run_id).rest(key).done();
    let Some(found) = table.get(key.as_slice()).map_err(unavailable)? else { return Ok(None) };
    let parse = |value: &[u8]| {
        let (digest, seq) = value.split_first_chunk::<32>()?;
        Some(KeyUse { digest: Digest::from_bytes(*digest), seq: u64::from_be_bytes(seq.try_into().ok()?) })
    };
    let used = parse(found.value()).ok_or_else(|| corrupt(TABLE, &key, "the value does not have 40 bytes"))?;
    Ok(Some(used))
}
