//! The binary itself, against hosts that are processes of their own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod building;
mod canaries;
mod compiling;
mod failures;
mod forks;
mod grants;
mod hosts;
mod ledger;
mod outages;
mod replays;
mod schedules;
mod search;
mod support;
mod tools;
mod updates;
mod versions;
mod words;
