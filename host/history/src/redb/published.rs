//! Published values of runs. Key: tenant, run, name. Value: the JSON text, packed.

use abide_model::{Json, RunId, Tenant};

use super::key::Key;
use super::row::{Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use super::{limits, pack};
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
        let bytes = pack::unpack(value.value()).map_err(wrong)?;
        let text = std::str::from_utf8(&bytes).map_err(|why| wrong(why.to_string()))?;
        Ok((name.to_owned(), Json::parse(text).map_err(|why| wrong(why.to_string()))?))
    })
    .collect()
}
