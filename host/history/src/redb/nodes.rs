//! Nodes: the parts of large requests, stored once a run. Nodes are never changed, and go with their run. A fork uses those of the runs
//! whose history it shares.
//!
//! Key: tenant, run, digest. Value: the node as CBOR, packed.

use abide_model::{Digest, Json, Node, RecordedRequest, Request, RunId, Tenant};

use super::key::Key;
use super::row::{self, Row, corrupt, unavailable};
use super::tables::{Readable, TableId};
use crate::StoreError;

pub(super) const TABLE: TableId = TableId::Nodes;

/// The row of a node.
pub(super) fn row(tenant: &Tenant, run_id: RunId, digest: &Digest, node: &Node) -> Row {
    Row { key: key(tenant, run_id, digest), value: row::encode(node) }
}

pub(super) fn key(tenant: &Tenant, run_id: RunId, digest: &Digest) -> Vec<u8> {
    Key::of_run(tenant, run_id).digest(digest).done()
}

/// The nodes that a run has: its own, and those of the runs whose history it shares.
pub(super) struct Nodes<'r, T> {
    pub(super) table: &'r T,
    pub(super) tenant: &'r Tenant,
    pub(super) run_id: RunId,
    /// The runs whose history it shares, the nearest one first.
    pub(super) origins: Vec<RunId>,
}

impl<T: Readable> Nodes<'_, T> {
    fn runs(&self) -> impl Iterator<Item = RunId> {
        std::iter::once(self.run_id).chain(self.origins.iter().copied())
    }

    /// Whether a node is there.
    pub(super) fn has(&self, digest: &Digest) -> Result<bool, StoreError> {
        for run_id in self.runs() {
            if row::has(self.table, &key(self.tenant, run_id, digest))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn get(&self, digest: &Digest) -> Result<Node, StoreError> {
        for run_id in self.runs() {
            let key = key(self.tenant, run_id, digest);
            if let Some(found) = self.table.get(key.as_slice()).map_err(unavailable)? {
                return row::read(self.table, TABLE, &key, found.value());
            }
        }
        Err(self.corrupt(digest, "the node is missing"))
    }

    /// A recorded request, whole again.
    pub(super) fn request(&self, recorded: &RecordedRequest) -> Result<Request, StoreError> {
        let (head, last, count) = match recorded {
            RecordedRequest::Inline(json) => return Ok(Request::new(json.clone())),
            RecordedRequest::Stored(head, last, count) => (head, last, *count as usize),
        };
        let head = self.get(head)?.text;
        let mut messages: Vec<Json> = Vec::new();
        let mut next = *last;
        // The chain is walked from its end, at most as far as the request says: a chain that is wrong cannot be endless.
        while let Some(digest) = next {
            if messages.len() == count {
                return Err(self.wrong_length(&digest, count));
            }
            let node = self.get(&digest)?;
            messages.push(node.text);
            next = node.parent;
        }
        if messages.len() != count {
            let last = last.unwrap_or(Digest::from_bytes([0; 32]));
            return Err(self.wrong_length(&last, count));
        }
        messages.reverse();
        Ok(Request { head, messages })
    }

    fn corrupt(&self, digest: &Digest, why: impl std::fmt::Display) -> StoreError {
        corrupt(TABLE, &key(self.tenant, self.run_id, digest), why)
    }

    fn wrong_length(&self, digest: &Digest, count: usize) -> StoreError {
        self.corrupt(digest, format!("the chain does not have the {count} messages of its request"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tables::Writing;
    use super::super::testing::{digest, golden, node, run_id, tenant, with_rows};
    use super::*;

    fn get(writing: &mut Writing<'_>, tenant: &Tenant, run_id: RunId, digest: &Digest) -> Result<Node, StoreError> {
        let table = &*writing.table(TABLE).unwrap();
        Nodes { table, tenant, run_id, origins: Vec::new() }.get(digest)
    }

    proptest! {
        #[test]
        fn a_node_is_read_as_it_was_written(tenant in tenant(), run_id in run_id(), digest in digest(), node in node()) {
            let rows = [row(&tenant, run_id, &digest, &node)];
            let found = with_rows(TABLE, &rows, |writing| get(writing, &tenant, run_id, &digest));
            prop_assert_eq!(found, Ok(node));
        }
    }

    #[test]
    fn golden_nodes() {
        let (tenant, run_id) = (Tenant::default(), RunId::from_bytes([7; 16]));
        let first = Node { parent: None, text: Json::parse(r#"{"role":"user"}"#).unwrap() };
        let second = Node { parent: Some(first.digest()), text: Json::parse("[1, 2]").unwrap() };
        for (name, node) in [("node-first", first), ("node-second", second)] {
            let stored = golden(name, &row(&tenant, run_id, &node.digest(), &node));
            let digest = node.digest();
            let found = with_rows(TABLE, &[stored], |writing| get(writing, &tenant, run_id, &digest));
            assert_eq!(found, Ok(node));
        }
    }
}
