//! The command `abide`. Everything is in the library; here the process begins and ends.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    abide_cli::main().await
}
