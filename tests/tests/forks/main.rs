//! Forks: a run that shares the beginning of another one's history, and goes on differently.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod deaths;
mod goes_on;
mod outcomes;
mod races;
mod relatives;
mod support;
