//! The command line of abide: one file for each group of commands, a client for the HTTP interface, and the timeline that
//! makes a history readable.
//!
//! ```
//! use abide_cli::timeline::{Look, Timeline};
//!
//! let history: abide_runtime::view::History = serde_json::from_str(
//!     r#"{"run_id": "run_01hf7yat00000000000000000f", "ended": false, "events": [
//!         {"seq": 0, "time_ms": 1700000000000, "type": "run-started", "workflow": "helpdesk", "id": "lisbon", "input": {"n": 1}}
//!     ]}"#,
//! ).expect("a history");
//! let mut timeline = Timeline::new(Look::plain());
//! let text: String = history.events.iter().map(|event| timeline.show(event)).collect();
//! assert_eq!(text, "   0       0ms  ● run started                helpdesk lisbon {\"n\": 1}\n");
//! ```

mod arguments;
mod building;
mod client;
mod commands;
mod exit;
mod input;
mod logs;
mod output;
mod scaffolding;
pub mod timeline;
mod when;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

/// Reads the arguments, runs the command, and says how it went.
pub async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.global.output;
    let done = commands::run(arguments).await;
    exit::report(done, format)
}
