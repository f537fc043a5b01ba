//! Published values of runs. Key: tenant, run, name. Value: the JSON text, packed.

use abide_model::{Json, RunId, Tenant};

use super::key::Key;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use super::{limits, pack, seal};
use crate::StoreError;

pub(super) const TABLE: TableId = TableId::Published;

/// The row of a value.
pub(super) fn row(tenant: &Tenant, run_id: RunId, name: &str, value: &Json) -> Result<Row, StoreError> {
    limits::check_name("a published value", name)?;
    Ok(Row { key: Key::of_run(tenant, run_id).rest(name).done(), value: pack::pack(value.as_str().as_bytes()) })
}

/// All values of a run, by name.
pub(super) fn read(table: &impl Readable, tenant: &Tenant, run_id: RunId) -> Result<Vec<(String, Json)>, StoreError> {
    let beginning = Key::of_run(tenant, run_id);
    let first = beginning.clone().done();
    let rows = table.range(first.as_slice()..beginning.after().as_slice()).map_err(unavailable)?;
    rows.map(|row| {
        let (key, value) = row.map_err(unavailable)?;
        let wrong = |why: String| corrupt(TABLE, key.value(), why);
        let name = std::str::from_utf8(&key.value()[first.len()..]).map_err(|why| wrong(why.to_string()))?;
        let value = seal::open(table.keys(), TABLE, key.value(), value.value())?;
        let bytes = pack::unpack(&value).map_err(wrong)?;
        let text = std::str::from_utf8(&bytes).map_err(|why| wrong(why.to_string()))?;
        Ok((name.to_owned(), Json::parse(text).map_err(|why| wrong(why.to_string()))?))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{golden, json, run_id, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was_written(tenant in tenant(), run_id in run_id(), name in ".{0,30}", value in json()) {
            let rows = [row(&tenant, run_id, &name, &value).unwrap()];
            let found = with_rows(TABLE, &rows, |writing| read(writing.table(TABLE).unwrap(), &tenant, run_id));
            prop_assert_eq!(found, Ok(vec![(name, value)]));
        }
    }

    #[test]
    fn golden_row() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let value = Json::parse(r#"{ "answered": 3 }"#).unwrap();
        let stored = golden("published", &row(&tenant, run_id, "progress", &value).unwrap());
        let found = with_rows(TABLE, &[stored], |writing| read(writing.table(TABLE).unwrap(), &tenant, run_id));
        assert_eq!(found, Ok(vec![("progress".into(), value)]));
    }

    #[test]
    fn a_name_is_bounded() {
        let error = row(&Tenant::default(), RunId::from_bytes([7; 16]), &"n".repeat(20_000), &Json::null());
        assert!(matches!(error, Err(StoreError::Invalid(_))), "{error:?}");
    }
}
