//! `abide compile-component`: the compiler of a host, in a process of its own. A host starts it; nobody else has a use for it.

use anyhow::Result;
use clap::Args;

use crate::exit::Exit;

/// Seconds of all cores together: the host's own patience is shorter, and this holds if the host dies meanwhile.
const CPU_SECONDS: u64 = 600;
/// Memory of the process. The compiler takes some hundred megabytes for the largest usual components.
const MEMORY_BYTES: u64 = 4 << 30;
/// It gives way to the guests of the host.
const NICE: i32 = 10;

/// `abide compile-component`.
#[derive(Debug, Args)]
pub(crate) struct CompileArguments {
    /// The largest memory of the host's guests
    #[arg(long)]
    memory_bytes: u64,
}

pub(crate) fn run(arguments: &CompileArguments) -> Result<Exit> {
    bound();
    std::process::exit(abide_runtime::serve_compiler(arguments.memory_bytes));
}

/// Bounds this process. Where the system does not allow it, the host's patience is the bound.
#[cfg(unix)]
fn bound() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
    // Not the address space: the engine reserves much of that, and uses none.
    for (resource, most) in [(Resource::Data, MEMORY_BYTES), (Resource::Cpu, CPU_SECONDS), (Resource::Core, 0)] {
        if let Err(error) = setrlimit(resource, limit(most)) {
            eprintln!("cannot bound the compiler: {error}");
        }
    }
    let _ = rustix::process::nice(NICE);
}

#[cfg(not(unix))]
fn bound() {}
