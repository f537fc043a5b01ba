//! [`Error`]: why no component could be made of a program.

use std::path::PathBuf;

/// Why no component could be made of a program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A text that is no program. It names the file, the line and the column, both counted from 1.
    #[error("{file}:{line}:{column}: {message}")]
    Syntax {
        /// Below the folder of the program.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// An import that leads nowhere, or nowhere that may be read.
    #[error("{0}")]
    Import(String),
    /// A program that throws while its modules load.
    #[error("the program fails while its modules load, which happens when it is built: {0}")]
    Load(String),
    /// A program that computes for too long, or needs too much memory, while its modules load.
    #[error("{0}")]
    Limit(String),
    /// Something that is wrong with this crate.
    #[error("cannot make a component of the program: {0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn internal(what: &str) -> impl FnOnce(wasmtime::Error) -> Self + '_ {
        move |error| Self::Internal(format!("{what}: {error:#}"))
    }

    /// The same for the crates that know other errors.
    pub(crate) fn other<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Self + '_ {
        move |error| Self::Internal(format!("{what}: {error:#}"))
    }
}
