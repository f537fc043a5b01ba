//! The log of the process, on standard error. What is written is chosen with `ABIDE_LOG`, or else `RUST_LOG`.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use crate::exit::Fault;

/// What log lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts the log. `default` holds where no variable says otherwise.
pub(crate) fn start(format: LogFormat, default: &str) -> Result<(), Fault> {
    let given = ["ABIDE_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value)));
    let filter = match given {
        Some((name, value)) => EnvFilter::try_new(&value).map_err(|error| {
            Fault::usage(format!("the variable `{name}` is no log filter: {error}: try `{name}=info`"))
        })?,
        None => EnvFilter::new(default),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // It fails only where a log was started before, and that one is as good.
    let _ = match format {
        LogFormat::Text => {
            use std::io::IsTerminal;
            lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
        }
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
