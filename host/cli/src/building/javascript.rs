//! JavaScript and TypeScript: everything that this takes is in this binary.

use std::path::Path;

use abide_javascript::Error;
use bytes::Bytes;

use super::unbuildable;
use crate::exit::Fault;

/// The endings of the names of files that are built here.
pub(super) const ENDINGS: [&str; 4] = ["js", "mjs", "ts", "mts"];

/// Makes a component of the module `file`, and of those that it imports. Takes seconds, so nothing is kept for the next time.
pub(super) fn build(file: &Path) -> Result<Bytes, Fault> {
    match abide_javascript::build(file) {
        Ok(component) => Ok(component.into()),
        Err(error @ Error::Read { .. }) => Err(Fault::usage(error.to_string())),
        Err(error) => Err(unbuildable(error.to_string())),
    }
}
