//! The ledger and budgets: what is counted is what the histories say, wherever the host dies, and who used up a budget is parked.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod budgets;
mod counting;
mod deaths;
mod support;
