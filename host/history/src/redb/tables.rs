//! The tables, and a transaction that writes to them. It keeps a record of what it wrote, for the log.
//!
//! All tables have bytes as keys and bytes as values: their form is ours, not redb's, and is kept by the golden files.

use std::borrow::Borrow;
use std::ops::RangeBounds;

use ::redb::{AccessGuard, Range, ReadOnlyTable, ReadableTable, StorageError, TableDefinition, WriteTransaction};

use super::record::Record;
use super::row::unavailable;
use super::seal;
use super::tally::{self, Tally};
use crate::StoreError;
use crate::keys::Keys;

/// What redb needs to know of a table.
pub(super) type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
/// A table in a write transaction.
pub(super) type Table<'t> = Opened<::redb::Table<'t, &'static [u8], &'static [u8]>>;
/// A table in a read transaction.
pub(super) type ReadTable = Opened<ReadOnlyTable<&'static [u8], &'static [u8]>>;

/// A table, and the keys that its sealed rows need.
pub(super) struct Opened<T> {
    rows: T,
    keys: Keys,
}

impl<T> Opened<T> {
    pub(super) fn new(rows: T, keys: Keys) -> Self {
        Self { rows, keys }
    }
}

/// A table that can be read, in a transaction of either sort.
pub(super) trait Readable {
    /// The rows as they are stored.
    fn rows(&self) -> &impl ReadableTable<&'static [u8], &'static [u8]>;

    /// What opens sealed ones, see `seal`.
    fn keys(&self) -> &Keys;

    /// A row as it is stored.
    fn get(&self, key: &[u8]) -> Result<Option<AccessGuard<'_, &'static [u8]>>, StorageError> {
        self.rows().get(key)
    }

    /// Rows as they are stored.
    fn range<'a, K: Borrow<&'a [u8]> + 'a>(
        &self,
        range: impl RangeBounds<K> + 'a,
    ) -> Result<Range<'_, &'static [u8], &'static [u8]>, StorageError> {
        self.rows().range(range)
    }
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Readable for Opened<T> {
    fn rows(&self) -> &impl ReadableTable<&'static [u8], &'static [u8]> {
        &self.rows
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }
}

/// A table. The numbers are written to the log: one is never used again for another table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum TableId {
    Meta = 0,
    Events = 1,
    Nodes = 2,
    Runs = 3,
    Ids = 4,
    Ready = 5,
    Timers = 6,
    Published = 7,
    Keys = 8,
    Versions = 9,
    Active = 10,
    Components = 11,
    Schedules = 12,
    ScheduleWakes = 13,
    Index = 14,
    Deletions = 15,
    Routings = 16,
    Forks = 17,
    Tools = 18,
    Documents = 19,
    Audit = 20,
    Ledger = 21,
    Stored = 22,
}

impl TableId {
    /// Every table, each at the place of its number.
    pub(super) const ALL: [Self; 23] = [
        Self::Meta,
        Self::Events,
        Self::Nodes,
        Self::Runs,
        Self::Ids,
        Self::Ready,
        Self::Timers,
        Self::Published,
        Self::Keys,
        Self::Versions,
        Self::Active,
        Self::Components,
        Self::Schedules,
        Self::ScheduleWakes,
        Self::Index,
        Self::Deletions,
        Self::Routings,
        Self::Forks,
        Self::Tools,
        Self::Documents,
        Self::Audit,
        Self::Ledger,
        Self::Stored,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Events => "events",
            Self::Nodes => "nodes",
            Self::Runs => "runs",
            Self::Ids => "ids",
            Self::Ready => "ready",
            Self::Timers => "timers",
            Self::Published => "published",
            Self::Keys => "keys",
            Self::Versions => "versions",
            Self::Active => "active",
            Self::Components => "components",
            Self::Schedules => "schedules",
            Self::ScheduleWakes => "schedule_wakes",
            Self::Index => "index",
            Self::Deletions => "deletions",
            Self::Routings => "routings",
            Self::Forks => "forks",
            Self::Tools => "tools",
            Self::Documents => "documents",
            Self::Audit => "audit",
            Self::Ledger => "ledger",
            Self::Stored => "stored",
        }
    }

    pub(super) fn definition(self) -> Definition {
        Definition::new(self.name())
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// A write transaction. A table is opened when it is first needed: a step opens one.
pub(super) struct Writing<'t> {
    transaction: &'t WriteTransaction,
    tables: [Option<Table<'t>>; TableId::ALL.len()],
    record: Record,
    keys: Keys,
    tally: Tally,
}

impl<'t> Writing<'t> {
    /// With the keys by which rows are opened and sealed.
    pub(super) fn new(transaction: &'t WriteTransaction, keys: Keys) -> Self {
        Self { transaction, tables: Default::default(), record: Record::default(), keys, tally: Tally::default() }
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A table, to read in it what was written so far.
    pub(super) fn table(&mut self, table: TableId) -> Result<&mut Table<'t>, StoreError> {
        let opened = &mut self.tables[table as usize];
        match opened {
            Some(table) => Ok(table),
            None => {
                let rows = self.transaction.open_table(table.definition()).map_err(unavailable)?;
                Ok(opened.insert(Opened::new(rows, self.keys.clone())))
            }
        }
    }

    /// Reads two tables at once, which are not the same.
    pub(super) fn two<T>(
        &mut self,
        one: TableId,
        other: TableId,
        read: impl FnOnce(&Table<'t>, &Table<'t>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.table(one)?;
        self.table(other)?;
        let opened = "both tables were opened just now";
        read(self.tables[one as usize].as_ref().expect(opened), self.tables[other as usize].as_ref().expect(opened))
    }

    pub(super) fn has(&mut self, table: TableId, key: &[u8]) -> Result<bool, StoreError> {
        super::row::has(self.table(table)?, key)
    }

    /// Writes a row, sealed where it has to be and is not.
    pub(super) fn put(&mut self, table: TableId, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let value = &*seal::seal(&self.keys, table, key, value)?;
        let old = self.table(table)?.rows.insert(key, value).map_err(unavailable)?.map(|old| old.value().len());
        self.tally.put(table, key, old, value.len());
        self.record.put(table, key, value);
        Ok(())
    }

    pub(super) fn remove(&mut self, table: TableId, key: &[u8]) -> Result<(), StoreError> {
        let old = self.table(table)?.rows.remove(key).map_err(unavailable)?.map(|old| old.value().len());
        if let Some(old) = old {
            self.tally.removed(table, key, old);
        }
        self.record.remove(table, key);
        Ok(())
    }

    /// Counts what was written, and closes the tables. Gives all that was written. A transaction that only repeats what the log has is not
    /// brought to its end by this: the log has the counts as well.
    pub(super) fn done(mut self) -> Result<Record, StoreError> {
        let tally = std::mem::take(&mut self.tally);
        if tally.is_empty() {
            return Ok(self.record);
        }
        let rows = tally.rows(self.table(tally::TABLE)?)?;
        for row in rows {
            self.put(tally::TABLE, &row.key, &row.value)?;
        }
        Ok(self.record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_stands_at_its_number() {
        for (number, table) in (0..).zip(TableId::ALL) {
            assert_eq!(table as u8, number);
            assert_eq!(TableId::from_number(number), Some(table));
        }
        assert_eq!(TableId::from_number(23), None);
    }
}
