//! Drives runs: one task owns each, guests come and go from memory, timers ring, and everything a caller sees is durable.
//!
//! [`Host`] is the handle; it is cheap to clone. A host is opened over a [`Store`](abide_history::Store) and a
//! [`Performer`](abide_activities::Performer), and drives at once what the store says is to be driven.

mod batch;
mod checks;
mod driving;
mod errors;
mod followers;
mod forking;
mod host;
mod inner;
mod messages;
mod new_run;
mod prefix;
mod programs;
mod queries;
mod reading;
mod registry;
mod replaying;
mod resetting;
mod residency;
mod retention;
mod run_task;
mod schedules;
mod searching;
mod session;
mod slice;
mod starting;
mod tasks;
mod timers;
mod updating;
pub mod view;
mod warming;

pub use abide_engine::report;
pub use host::{Host, HostConfig};
pub use retention::Retention;
pub use schedules::{format_time, parse_time};
