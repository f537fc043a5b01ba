//! WASI 0.2 in a deterministic form, so that ordinary programs are durable: clocks tell the run's time, waiting for a time is a timer,
//! random numbers come from the run's seed, `wasi:http` requests are recorded calls, standard output becomes log lines. The file system
//! is empty and read-only, sockets are refused.
//!
//! A guest waits in two functions only, `poll` and `block` of `wasi:io/poll`; everything else answers at once from what the history gave. `p3` is what
//! there is of WASI 0.3.

#![expect(unreachable_pub, reason = "the generated bindings re-export the types of the resources")]

mod bindings;
pub(crate) mod cli;
mod clocks;
pub(crate) mod filesystem;
pub(crate) mod http;
pub(crate) mod offered;
mod p3;
pub(crate) mod poll;
mod random;
mod sockets;
pub(crate) mod stdio;
pub(crate) mod streams;

use wasmtime::component::{Component, Linker, Resource, ResourceTable};

use crate::calls::Imports;
use crate::state::GuestState;

/// The most things of WASI that a guest holds at the same time: pollables, streams, requests.
const MAX_RESOURCES: usize = 100_000;

/// What WASI keeps for a guest.
pub(crate) struct Wasi {
    table: ResourceTable,
    /// What the guest sees of its surroundings.
    surroundings: Surroundings,
}

/// What a program is started with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// Environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// The arguments, the name of the program first.
    pub(crate) arguments: Vec<String>,
    /// What it reads from its standard input.
    pub(crate) stdin: Vec<u8>,
}

impl Wasi {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        Self { table, surroundings }
    }
}

/// Links what every component may import.
pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use bindings::wasi::{cli, clocks, filesystem, http, io, random};

    // Not by the bindings: its functions wait, and begin a new step.
    poll::add_to_linker(linker)?;
    fn data(state: &mut GuestState) -> &mut GuestState {
        state
    }
    io::error::add_to_linker::<_, Imports>(linker, data)?;
    io::streams::add_to_linker::<_, Imports>(linker, data)?;
    clocks::wall_clock::add_to_linker::<_, Imports>(linker, data)?;
    clocks::monotonic_clock::add_to_linker::<_, Imports>(linker, data)?;
    random::random::add_to_linker::<_, Imports>(linker, data)?;
    random::insecure::add_to_linker::<_, Imports>(linker, data)?;
    random::insecure_seed::add_to_linker::<_, Imports>(linker, data)?;
    cli::environment::add_to_linker::<_, Imports>(linker, data)?;
    cli::exit::add_to_linker::<_, Imports>(linker, data)?;
    cli::stdin::add_to_linker::<_, Imports>(linker, data)?;
    cli::stdout::add_to_linker::<_, Imports>(linker, data)?;
    cli::stderr::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_input::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_output::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_stdin::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_stdout::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_stderr::add_to_linker::<_, Imports>(linker, data)?;
    filesystem::types::add_to_linker::<_, Imports>(linker, data)?;
    filesystem::preopens::add_to_linker::<_, Imports>(linker, data)?;
    http::types::add_to_linker::<_, Imports>(linker, &http::types::LinkOptions::default(), data)?;
    http::outgoing_handler::add_to_linker::<_, Imports>(linker, data)?;
    p3::add_to_linker(linker)
}

/// Links what `component` imports of the interfaces that are refused as a whole.
pub(crate) fn add_refused(linker: &mut Linker<GuestState>, component: &Component) -> wasmtime::Result<()> {
    sockets::add_to_linker(linker, component)
}

impl GuestState {
    fn hold<T: Send + 'static>(&mut self, value: T) -> wasmtime::Result<Resource<T>> {
        Ok(self.wasi.table.push(value)?)
    }
}
