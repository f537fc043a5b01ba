//! Typed activities: functions of interfaces that are neither the host's nor WASI's. A guest imports them by WIT; the history has their
//! arguments and results as JSON.
//!
//! How values look in JSON, both ways:
//!
//! | WIT | JSON |
//! | --- | --- |
//! | `bool`, `string`, integers | `true`, `"text"`, `7`; integers of 64 bits are numbers with all their digits |
//! | `f32`, `f64` | numbers; `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char` | a string of one character |
//! | `list<T>`, `tuple<…>` | an array |
//! | `list<u8>` | a string in base64 |
//! | `record` | an object by the names of the fields |
//! | `option<T>` | `null`, or the value; `{"some": …}` where the value is an option itself |
//! | `result<T, E>` | `{"ok": …}` or `{"error": …}`, with `null` where there is no value |
//! | `variant` | `"case"`, or `{"case": …}` with its value |
//! | `enum` | `"case"` |
//! | `flags` | an array of the names that are set |
//!
//! Resources, streams and futures have no such form: they cannot be recorded. `check` refuses them when a file is uploaded. Maps and lists of
//! a fixed length are refused as well, since components with them are not compiled.

mod check;
mod docs;
mod failing;
mod link;
mod outcome;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use check::check_function;
pub(crate) use docs::Documents;
pub(crate) use link::link;
pub(crate) use outcome::check as check_outcome;
pub(crate) use read::arguments as read_arguments;
pub(crate) use schema::{of_parameters as schema_of_parameters, of_result as schema_of_result};
pub(crate) use write::result as write_result;

/// Whether an interface of this namespace is a typed activity where it is imported.
pub(crate) fn is_typed(namespace: &str) -> bool {
    !matches!(namespace, "abide" | "wasi")
}
