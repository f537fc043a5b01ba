//! Runs guests: the only crate that names wasmtime.
//!
//! An [`Engine`] inspects, compiles and loads components; a [`Guest`] is one of them at work. A guest does nothing by itself: it is
//! polled until it is quiescent, says what it did ([`Output`]), and is given outcomes one at a time. This crate knows nothing of
//! histories, stores or providers, and does no IO but reading and writing its cache of compiled components.

mod bindings;
mod blocking;
mod cache;
mod calls;
mod compiler;
mod convert;
mod engine;
mod entry;
mod guest;
mod imports;
mod inspect;
mod memory;
mod others;
mod outcome;
pub mod report;
mod second;
mod state;
mod tool;
mod trap;
mod typed;
mod updates;
mod wasi;
mod watch;

pub use cache::CompiledCache;
pub use compiler::{Compiler, serve_compiler};
pub use engine::{Engine, EngineConfig, Program, wasmtime_config};
pub use guest::{Guest, GuestSpec, Stop, Turn};
pub use inspect::{Inspected, TypedImport, inspect};
pub use memory::MemoryDigest;
pub use second::Backend;
pub use state::{Ending, LogLevel, Output};
pub use tool::{InspectedTool, ToolCall, ToolFunction, ToolProgram, inspect_tool};
pub use watch::Look;
