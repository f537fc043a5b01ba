//! Rows that are sealed: what runs say is written with the key of their tenant, where `[encryption] payloads` asks for it.
//!
//! Sealed is the packed part of a value: the byte 2 in place of the form, the short name of the key (4 bytes), a nonce (24 bytes), then the
//! packed part as ciphertext (XChaCha20-Poly1305, with its tag of 16 bytes). The number of the table, the key of the row, and what stands before the packed part are
//! bound to it, so that no row can be put in the place of another. What is not packed stays as it is: keys of rows, lengths and
//! flags of histories, what runs are found by.

use std::borrow::Cow;

use abide_model::Tenant;

use super::key::KeyReader;
use super::pack::SEALED;
use super::row::{Row, corrupt};
use super::tables::TableId;
use crate::StoreError;
use crate::keys::Keys;

/// Where the packed part of a value begins. `None` for tables that are not sealed.
fn place(table: TableId, key: &[u8]) -> Option<usize> {
    match table {
        TableId::Events => Some(super::events::HEADER_BYTES),
        TableId::Nodes | TableId::Runs | TableId::Published | TableId::Schedules => Some(0),
        TableId::Versions | TableId::Components => Some(8),
        TableId::Tools => {
            let mut reader = KeyReader::new(key);
            reader.tenant()?;
            let is_row = reader.rest_bytes().first() == Some(&super::tools::ROW);
            Some(if is_row { 0 } else { 8 })
        }
        _ => None,
    }
}

/// What a sealed row is bound to.
fn about(table: TableId, key: &[u8], before: &[u8]) -> Vec<u8> {
    let mut about = b"abide row 1\0".to_vec();
    about.push(table as u8);
    about.extend_from_slice(&(key.len() as u64).to_be_bytes());
    about.extend_from_slice(key);
    about.extend_from_slice(before);
    about
}

fn tenant_of(table: TableId, key: &[u8]) -> Result<Tenant, StoreError> {
    KeyReader::new(key).tenant().ok_or_else(|| corrupt(table, key, "the key does not begin with a tenant"))
}

/// A value as it is to be stored. One that is sealed already stays so.
pub(super) fn seal<'v>(keys: &Keys, table: TableId, key: &[u8], value: &'v [u8]) -> Result<Cow<'v, [u8]>, StoreError> {
    if keys.are_plain() {
        return Ok(value.into());
    }
    let Some((before, packed)) = place(table, key).and_then(|place| value.split_at_checked(place)) else {
        return Ok(value.into());
    };
    if packed.first() == Some(&SEALED) {
        return Ok(value.into());
    }
    let tenant = tenant_of(table, key)?;
    let Some(with) = keys.sealing(&tenant)? else { return Ok(value.into()) };
    let sealed = with.seal(&about(table, key, before), packed)?;
    Ok([before, &[SEALED], &with.id(), &sealed].concat().into())
}

/// A row as it is to be stored.
pub(super) fn row(keys: &Keys, table: TableId, mut row: Row) -> Result<Row, StoreError> {
    if let Cow::Owned(sealed) = seal(keys, table, &row.key, &row.value)? {
        row.value = sealed;
    }
    Ok(row)
}

/// Rows as they are to be stored.
pub(super) fn rows(keys: &Keys, table: TableId, rows: Vec<Row>) -> Result<Vec<Row>, StoreError> {
    rows.into_iter().map(|one| row(keys, table, one)).collect()
}

/// A value as it was before it was sealed.
pub(super) fn open<'v>(keys: &Keys, table: TableId, key: &[u8], value: &'v [u8]) -> Result<Cow<'v, [u8]>, StoreError> {
    let place = place(table, key).filter(|place| value.get(*place) == Some(&SEALED));
    let Some((before, packed)) = place.map(|place| value.split_at(place)) else { return Ok(value.into()) };
    let Some((id, sealed)) = packed[1..].split_first_chunk() else {
        return Err(corrupt(table, key, "the sealed value is short"));
    };
    let with = keys.key(&tenant_of(table, key)?, *id);
    let with = with.map_err(|why| {
        StoreError::Sealed(format!("row `{}` of table `{}`: {why}", key.escape_ascii(), table.name()))
    })?;
    let packed = with.open(&about(table, key, before), sealed);
    let packed = packed.ok_or_else(|| corrupt(table, key, "the sealed value was changed, or is of another row"))?;
    Ok([before, &packed].concat().into())
}

/// Whether a value of a table of runs is sealed.
pub(super) fn is_sealed(table: TableId, key: &[u8], value: &[u8]) -> bool {
    place(table, key).is_some_and(|place| value.get(place) == Some(&SEALED))
}

#[cfg(test)]
mod tests {
    use abide_model::{Event, Recorded, RunId, RunTerminated};

    use super::super::testing::golden;
    use super::super::{events, nodes, pack, published};
    use super::*;
    use crate::keys::TenantKey;

    fn keys() -> Keys {
        Keys::fixed(&Tenant::default(), TenantKey::fixed([3; 32]))
    }

    /// The row as it is sealed with a nonce that is known.
    fn sealed(table: TableId, row: &Row) -> Row {
        let (before, packed) = row.value.split_at(place(table, &row.key).unwrap());
        let key = TenantKey::fixed([3; 32]);
        let sealed = key.seal_with([9; 24], &about(table, &row.key, before), packed);
        Row { key: row.key.clone(), value: [before, &[SEALED], &key.id(), &sealed].concat() }
    }

    #[test]
    fn golden_rows() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let event = Event::RunTerminated(RunTerminated { reason: "again and ".repeat(200) });
        let (events, _) = events::row(&tenant, run_id, 3, &[Recorded { time_ms: 1, event }]).unwrap();
        let value = abide_model::Json::parse(r#"{ "answered": 3 }"#).unwrap();
        let published = published::row(&tenant, run_id, "progress", &value).unwrap();
        for (name, table, row) in
            [("sealed-events", TableId::Events, events), ("sealed-published", TableId::Published, published)]
        {
            let stored = golden(name, &sealed(table, &row));
            assert_eq!(open(&keys(), table, &stored.key, &stored.value).unwrap(), row.value);
            assert_eq!(seal(&keys(), table, &stored.key, &stored.value).unwrap(), stored.value, "once is enough");
        }
    }

    #[test]
    fn a_row_opens_in_its_place_only() {
        let tenant = Tenant::default();
        let node = abide_model::Node { parent: None, text: abide_model::Json::null() };
        let row = nodes::row(&tenant, RunId::from_bytes([7; 16]), &node.digest(), &node);
        let stored = seal(&keys(), TableId::Nodes, &row.key, &row.value).unwrap().into_owned();
        assert_ne!(stored, row.value);
        assert_eq!(open(&keys(), TableId::Nodes, &row.key, &stored).unwrap(), row.value);
        let other = nodes::key(&tenant, RunId::from_bytes([8; 16]), &node.digest());
        assert!(matches!(open(&keys(), TableId::Nodes, &other, &stored), Err(StoreError::Corrupt(_))));
        assert!(matches!(open(&keys(), TableId::Runs, &row.key, &stored), Err(StoreError::Corrupt(_))));
        for place in 5..stored.len() {
            let mut changed = stored.clone();
            changed[place] ^= 1;
            assert!(matches!(open(&keys(), TableId::Nodes, &row.key, &changed), Err(StoreError::Corrupt(_))));
        }
        let error = open(&Keys::default(), TableId::Nodes, &row.key, &stored).unwrap_err().to_string();
        assert!(error.contains("restore `keys/default.json`"), "{error}");
        let another = Keys::fixed(&tenant, TenantKey::fixed([4; 32]));
        assert!(matches!(open(&another, TableId::Nodes, &row.key, &stored), Err(StoreError::Sealed(_))));
    }

    #[test]
    fn what_stands_before_the_packed_part_is_bound_to_it() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let event = Event::RunTerminated(RunTerminated { reason: "enough".into() });
        let (row, _) = events::row(&tenant, run_id, 3, &[Recorded { time_ms: 1, event }]).unwrap();
        let mut stored = seal(&keys(), TableId::Events, &row.key, &row.value).unwrap().into_owned();
        assert_eq!(stored[..5], row.value[..5]);
        assert_eq!(
            pack::unpack(&open(&keys(), TableId::Events, &row.key, &stored).unwrap()[5..]).unwrap(),
            pack::unpack(&row.value[5..]).unwrap()
        );
        stored[4] ^= 2;
        assert!(open(&keys(), TableId::Events, &row.key, &stored).is_err());
    }

    #[test]
    fn rows_of_other_tenants_need_their_own_key() {
        let globex = Tenant::parse("globex").unwrap();
        let row = published::row(&globex, RunId::from_bytes([7; 16]), "x", &abide_model::Json::null()).unwrap();
        assert!(matches!(seal(&keys(), TableId::Published, &row.key, &row.value), Err(StoreError::Sealed(_))));
    }
}
