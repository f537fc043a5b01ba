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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{digest, golden, run_id, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_use_is_read_as_it_was_written(
            tenant in tenant(),
            run_id in run_id(),
            key in ".{0,30}",
            digest in digest(),
            seq: u64,
        ) {
            let used = KeyUse { digest, seq };
            let rows = [row(&tenant, run_id, &key, &used).unwrap()];
            let found = with_rows(TABLE, &rows, |writing| get(writing.table(TABLE).unwrap(), &tenant, run_id, &key));
            prop_assert_eq!(found, Ok(Some(used)));
        }
    }

    #[test]
    fn golden_row() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let used = KeyUse { digest: Digest::of(b"payload"), seq: 4711 };
        let stored = golden("key", &row(&tenant, run_id, "order-17", &used).unwrap());
        let found =
            with_rows(TABLE, &[stored], |writing| get(writing.table(TABLE).unwrap(), &tenant, run_id, "order-17"));
        assert_eq!(found, Ok(Some(used)));
    }
}
