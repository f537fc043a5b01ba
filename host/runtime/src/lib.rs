//! Drives runs: one task owns each, guests come and go from memory, timers ring, and everything a caller sees is durable.
//!
//! [`Host`] is the handle; it is cheap to clone. A host is opened over a [`Store`](abide_history::Store) and a
//! [`Performer`](abide_activities::Performer), and drives at once what the store says is to be driven.

mod auditing;
mod batch;
mod budgets;
mod capabilities;
mod capsule;
mod checking;
mod checks;
mod driving;
mod errors;
mod exporting;
mod followers;
mod forking;
mod host;
mod importing;
mod inner;
mod inspecting;
mod ledger;
mod log_allowance;
mod messages;
mod new_run;
mod observed;
mod prefix;
mod programs;
mod queries;
mod reading;
mod registry;
mod replayer;
mod replaying;
mod resetting;
mod residency;
mod retention;
mod run_task;
mod schedules;
mod searching;
mod second_engines;
mod session;
mod settings;
mod sharing;
mod slice;
mod starting;
mod swapping;
mod tasks;
mod tenants;
mod time_travel;
mod timers;
mod tokens;
mod tool_components;
mod updating;
mod usage;
mod versions;
pub mod view;
mod warming;

pub use abide_engine::{Compiler, report, serve_compiler};
pub use capsule::{Capsule, MAGIC as CAPSULE_MAGIC, MAX_CAPSULE_BYTES};
pub use checking::{Check, Checking};
pub use host::{Host, HostConfig};
pub use replayer::Replayer;
pub use retention::Retention;
pub use schedules::{format_time, parse_time};
pub use tokens::Actor;
