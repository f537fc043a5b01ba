//! Nodes: the parts of large requests, stored once a run. Nodes are never changed, and go with their run.
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

fn get(table: &impl Readable, tenant: &Tenant, run_id: RunId, digest: &Digest) -> Result<Node, StoreError> {
    let key = key(tenant, run_id, digest);
    let found = table.get(key.as_slice()).map_err(unavailable)?;
    let found = found.ok_or_else(|| corrupt(TABLE, &key, "the node is missing"))?;
    row::decode(found.value()).map_err(|why| corrupt(TABLE, &key, why))
}

/// A recorded request, whole again.
pub(super) fn request(
    table: &impl Readable,
    tenant: &Tenant,
    run_id: RunId,
    recorded: &RecordedRequest,
) -> Result<Request, StoreError> {
    let (head, last, count) = match recorded {
        RecordedRequest::Inline(json) => return Ok(Request::new(json.clone())),
        RecordedRequest::Stored(head, last, count) => (head, last, *count as usize),
    };
    let head = get(table, tenant, run_id, head)?.text;
    let mut messages: Vec<Json> = Vec::new();
    let mut next = *last;
    // The chain is walked from its end, at most as far as the request says: a chain that is wrong cannot be endless.
    while let Some(digest) = next {
        if messages.len() == count {
            return Err(wrong_length(tenant, run_id, &digest, count));
        }
        let node = get(table, tenant, run_id, &digest)?;
        messages.push(node.text);
        next = node.parent;
    }
    if messages.len() != count {
        let last = last.unwrap_or(Digest::from_bytes([0; 32]));
        return Err(wrong_length(tenant, run_id, &last, count));
    }
    messages.reverse();
    Ok(Request { head, messages })
}

fn wrong_length(tenant: &Tenant, run_id: RunId, digest: &Digest, count: usize) -> StoreError {
    corrupt(TABLE, &key(tenant, run_id, digest), format!("the chain does not have the {count} messages of its request"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{digest, golden, node, run_id, tenant, with_rows};
    use super::*;

    proptest! {
        #[test]
        fn a_node_is_read_as_it_was_written(tenant in tenant(), run_id in run_id(), digest in digest(), node in node()) {
            let rows = [row(&tenant, run_id, &digest, &node)];
            let found = with_rows(TABLE, &rows, |writing| get(writing.table(TABLE).unwrap(), &tenant, run_id, &digest));
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
            let found =
                with_rows(TABLE, &[stored], |writing| get(writing.table(TABLE).unwrap(), &tenant, run_id, &digest));
            assert_eq!(found, Ok(node));
        }
    }
}
