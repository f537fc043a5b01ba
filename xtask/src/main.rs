//! Chores of the repository: `cargo xtask COMMAND`. Only the dispatch is here; each command has a file.

mod apt;
mod bench;
mod demo;
mod guests;
mod guests_c;
mod guests_programs;
mod guests_python;
mod parts;
mod places;
mod test;
mod toolchain;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: cargo xtask COMMAND

  demo [--data DIR] [--abide FILE]
                     a run that outlives its host, shown and checked; with its data kept, or with a binary built before
  test               install what tests need, run all tests and the demo
  bench [--quick]    what abide costs, beside the raw limits of the machine
  guests [NAME…]     build the guests of examples/ and tests/guests/, or those named
  languages          build the guests in Python and C of examples/ and tests/, and the programs
  parts              install the programs that tests run against, and print where they are";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    match arguments.split_first() {
        Some((command, rest)) if command == "demo" => demo::command(rest),
        Some((command, [])) if command == "test" => test::command(),
        Some((command, rest)) if command == "bench" => bench::command(rest),
        Some((command, rest)) if command == "guests" => guests::command(rest),
        Some((command, [])) if command == "languages" => languages(),
        Some((command, [])) if command == "parts" => parts::command(),
        Some((command, _)) => bail!("there is no command `{command}`\n\n{USAGE}"),
        None => bail!("{USAGE}"),
    }
}

/// Builds the guests in other languages than Rust.
fn languages() -> Result<()> {
    let parts = parts::install()?;
    guests_c::build(&parts)?;
    guests_python::build(&parts)?;
    guests_programs::build(&parts)
}
