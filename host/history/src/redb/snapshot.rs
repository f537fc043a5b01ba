//! What is durable at one moment, to read in; and reads that take long, where they disturb nobody.

use ::redb::{Database, ReadTransaction, ReadableDatabase};
use abide_model::{RunId, Tenant};

use super::nodes::Nodes;
use super::row::unavailable;
use super::tables::{ReadTable, TableId};
use super::{events, forks, nodes};
use crate::StoreError;
use crate::keys::Keys;

/// Does work that takes long on a thread where that disturbs nobody.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime
            .spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(format!("a read was given up: {error}")))),
        Err(_) => work(),
    }
}

/// A read transaction.
pub(super) struct Snapshot {
    transaction: ReadTransaction,
    keys: Keys,
}

impl Snapshot {
    pub(super) fn of(database: &Database, keys: Keys) -> Result<Self, StoreError> {
        Ok(Self { transaction: database.begin_read().map_err(unavailable)?, keys })
    }

    pub(super) fn table(&self, table: TableId) -> Result<ReadTable, StoreError> {
        let rows = self.transaction.open_table(table.definition()).map_err(unavailable)?;
        Ok(ReadTable::new(rows, self.keys.clone()))
    }

    /// Whether a run was deleted, and something of it is kept for its forks.
    pub(super) fn is_gone(&self, tenant: &Tenant, run_id: RunId) -> Result<bool, StoreError> {
        Ok(events::tail(&self.table(events::TABLE)?, tenant, run_id)?.gone)
    }

    /// Gives the nodes of a run to `read`.
    pub(super) fn nodes<T>(
        &self,
        tenant: &Tenant,
        run_id: RunId,
        read: impl FnOnce(&Nodes<'_, ReadTable>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let origins = forks::lineage(&self.table(forks::TABLE)?, tenant, run_id)?.split_off(1);
        read(&Nodes { table: &self.table(nodes::TABLE)?, tenant, run_id, origins })
    }
}
