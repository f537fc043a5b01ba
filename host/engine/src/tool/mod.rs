//! Tool components: components whose exported functions others call, each call in an instance of its own.
//!
//! A tool component at work is a [`Guest`](crate::Guest) like a workflow: it is polled, says what it did, and is given what comes of its calls.
//! The difference is its driver's: nothing of it is recorded, its calls are performed at once, and its time and randomness are real.

mod inspect;
mod program;
mod work;

pub use inspect::{InspectedTool, ToolFunction, inspect_tool};
pub use program::ToolProgram;
pub use work::ToolCall;
