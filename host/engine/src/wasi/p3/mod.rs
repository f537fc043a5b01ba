//! WASI 0.3, as far as it is here: clocks, random numbers and the command line, in the same deterministic form as those of WASI 0.2. Waiting is an
//! `async func`, so a program may wait for several things at once; standard input and output are streams that are ready at any time.

mod bindings;
mod cli;
mod clocks;
mod random;

use wasmtime::component::Linker;

use crate::calls::Imports;
use crate::state::GuestState;

/// Links what every component may import.
pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use bindings::wasi::{cli, clocks, random};

    fn data(state: &mut GuestState) -> &mut GuestState {
        state
    }
    clocks::types::add_to_linker::<_, Imports>(linker, data)?;
    clocks::monotonic_clock::add_to_linker::<_, Imports>(linker, data)?;
    clocks::system_clock::add_to_linker::<_, Imports>(linker, data)?;
    random::random::add_to_linker::<_, Imports>(linker, data)?;
    random::insecure::add_to_linker::<_, Imports>(linker, data)?;
    random::insecure_seed::add_to_linker::<_, Imports>(linker, data)?;
    cli::environment::add_to_linker::<_, Imports>(linker, data)?;
    cli::exit::add_to_linker::<_, Imports>(linker, data)?;
    cli::types::add_to_linker::<_, Imports>(linker, data)?;
    cli::stdin::add_to_linker::<_, Imports>(linker, data)?;
    cli::stdout::add_to_linker::<_, Imports>(linker, data)?;
    cli::stderr::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_input::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_output::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_stdin::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_stdout::add_to_linker::<_, Imports>(linker, data)?;
    cli::terminal_stderr::add_to_linker::<_, Imports>(linker, data)
}
