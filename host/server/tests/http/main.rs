//! The HTTP interface of a real host on a port of its own. Every answer is held against the OpenAPI document.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod bodies;
mod forks;
mod ids;
mod ledger;
mod origins;
mod refusals;
mod replays;
mod routes;
mod schedules;
mod search;
mod stopping;
mod streams;
mod support;
mod tasks;
mod tools;
mod updates;
mod versions;
