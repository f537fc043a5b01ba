//! The deterministic core of a run: which outcome a guest is given next, and whether what it does is what the history says.
//!
//! A [`Machine`] is a value with no IO and no clock. The same machine serves a live run and a replay: the driver delivers
//! inputs in the order of the history, gives every output of the guest to the machine, and asks it which call to
//! resolve next. With a history behind it the machine compares each output with the recorded one, and answers
//! [`Seen::Recorded`], [`Seen::New`], or a [`Divergence`] that names both calls and the event.

mod divergence;
mod machine;
mod mailbox;

pub use divergence::Divergence;
pub use machine::{Machine, Seen};
