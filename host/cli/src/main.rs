//! The command `abide`. Everything is in the library; here the process begins and ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One thread more than cores: guests compute on as many as there are cores, and never on all threads.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores + 1).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(abide_cli::main()),
        Err(error) => {
            eprintln!("cannot start the threads: {error}");
            ExitCode::FAILURE
        }
    }
}
