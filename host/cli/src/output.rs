//! Standard output. A reader that goes away ends the command quietly.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

/// What results look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Nobody reads standard output any more.
#[derive(Debug)]
pub(crate) struct ClosedPipe;

impl std::fmt::Display for ClosedPipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for ClosedPipe {}

/// Writes a line, and gets it out.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    text_out(&format!("{}\n", text.as_ref()))
}

/// Writes a text as it is, and gets it out.
pub(crate) fn text_out(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => anyhow::Error::new(ClosedPipe),
        _ => anyhow::Error::new(error).context("cannot write to standard output"),
    })
}

/// Writes a value as a line of JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Says something beside the result, on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    // A note that nobody reads is no reason to stop.
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Whether colours are welcome (<https://no-color.org>).
pub(crate) fn wants_color() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A size, for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// Rows under a heading, each column as wide as its widest cell.
pub(crate) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([heading[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    let mut add = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    };
    add(heading);
    rows.iter().for_each(|row| add(std::array::from_fn(|column| row[column].as_str())));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size(12), "12 B");
        assert_eq!(size(50_000), "49 KiB");
        assert_eq!(size(22_020_096), "21.0 MiB");
    }

    #[test]
    fn columns_line_up() {
        let rows = [["a".to_owned(), "running".to_owned()], ["longer".to_owned(), "ok".to_owned()]];
        assert_eq!(table(["ID", "STATUS"], &rows), "ID      STATUS\na       running\nlonger  ok\n");
    }
}
