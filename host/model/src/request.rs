//! The request of a call, as it is made and as it is recorded.
//!
//! A small request is recorded as it is. A large one, and every conversation with a model, is content-addressed: its
//! messages form a chain of nodes, each the digest of the one before and of its own text, so a request that repeats the
//! earlier messages shares their nodes, and a thousand-turn chat grows linearly. Whether a replayed call is the
//! recorded one is then a comparison of two digests.

use minicbor::{Decode, Encode};

use crate::{Digest, Json};

/// Requests up to this many bytes, without messages, are recorded in place.
const INLINE_BYTES: usize = 1024;

/// A request: a JSON object, and the items of its one list that grows (the messages of a conversation).
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The object without the growing list.
    pub head: Json,
    /// The growing list, oldest first. Empty for calls that have none.
    pub messages: Vec<Json>,
}

impl Request {
    /// A request without a growing list.
    pub fn new(head: Json) -> Self {
        Self { head, messages: Vec::new() }
    }

    /// Its size in bytes.
    pub fn len(&self) -> usize {
        self.head.len() + self.messages.iter().map(Json::len).sum::<usize>()
    }

    /// Never: a request is a JSON object at least.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The whole request as one JSON object, with the list as its last member `messages`.
    pub fn to_json(&self) -> Json {
        if self.messages.is_empty() {
            return self.head.clone();
        }
        let head = self.head.as_str().trim_end();
        let open = head.strip_suffix('}').unwrap_or("{").trim_end();
        let comma = if open.ends_with('{') { "" } else { "," };
        let list: Vec<&str> = self.messages.iter().map(Json::as_str).collect();
        Json::parse(format!("{open}{comma}\"messages\":[{}]}}", list.join(",")))
            .expect("an object of checked JSON texts is JSON")
    }
}

/// A stored part of a request.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub struct Node {
    /// The node before it in its chain.
    #[n(0)]
    pub parent: Option<Digest>,
    /// Its text.
    #[n(1)]
    pub text: Json,
}

impl Node {
    /// What names the node: the digest of its parent and its text.
    pub fn digest(&self) -> Digest {
        match &self.parent {
            Some(parent) => Digest::of_parts([&b"\x01"[..], parent.as_bytes(), self.text.as_str().as_bytes()]),
            None => Digest::of_parts([&b"\x00"[..], self.text.as_str().as_bytes()]),
        }
    }
}

/// A request as a history records it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RecordedRequest {
    /// In place.
    #[n(0)]
    Inline(#[n(0)] Json),
    /// By digest: the node of the head, the last node of the chain of messages, and their number.
    #[n(1)]
    Stored(#[n(0)] Digest, #[n(1)] Option<Digest>, #[n(2)] u32),
}

impl RecordedRequest {
    /// How `request` is recorded.
    pub fn of(request: &Request) -> Self {
        Self::with_nodes(request, |_, _| ())
    }

    /// The same, giving each node that has to be in the store to `store`.
    pub fn with_nodes(request: &Request, mut store: impl FnMut(Digest, Node)) -> Self {
        if request.messages.is_empty() && request.head.len() <= INLINE_BYTES {
            return Self::Inline(request.head.clone());
        }
        let mut add = |parent, text: &Json| {
            let node = Node { parent, text: text.clone() };
            let digest = node.digest();
            store(digest, node);
            digest
        };
        let head = add(None, &request.head);
        let last = request.messages.iter().fold(None, |parent, message| Some(add(parent, message)));
        Self::Stored(head, last, u32::try_from(request.messages.len()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn a_small_request_is_recorded_in_place() {
        let request = Request::new(json(r#"{"a":1}"#));
        assert_eq!(RecordedRequest::of(&request), RecordedRequest::Inline(json(r#"{"a":1}"#)));
    }

    #[test]
    fn a_growing_conversation_shares_its_nodes() {
        let mut nodes = HashMap::new();
        let mut request = Request::new(json(r#"{"model":"m"}"#));
        for turn in 0..100 {
            request.messages.push(json(&format!("\"turn {turn}\"")));
            RecordedRequest::with_nodes(&request, |digest, node| {
                nodes.insert(digest, node);
            });
        }
        assert_eq!(nodes.len(), 101, "one node a message and one for the head");
    }

    #[test]
    fn another_order_is_another_request() {
        let head = json("{}");
        let one = Request { head: head.clone(), messages: vec![json("1"), json("2")] };
        let two = Request { head, messages: vec![json("2"), json("1")] };
        assert_ne!(RecordedRequest::of(&one), RecordedRequest::of(&two));
    }

    #[test]
    fn messages_are_the_last_member() {
        let request = Request { head: json(r#"{"model":"m"}"#), messages: vec![json("1"), json("2")] };
        assert_eq!(request.to_json().as_str(), r#"{"model":"m","messages":[1,2]}"#);
        let request = Request { head: json("{}"), messages: vec![json("1")] };
        assert_eq!(request.to_json().as_str(), r#"{"messages":[1]}"#);
    }
}
