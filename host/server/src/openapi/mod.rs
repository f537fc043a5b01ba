//! The OpenAPI document. `openapi.json` is kept by hand, since the types that it describes belong to crates that know nothing
//! of HTTP; the tests hold it against the routes, the parameters, the codes and samples of every type.

#[cfg(test)]
mod events;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod replays;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schedules;
#[cfg(test)]
#[path = "../../tests/http/support/schema.rs"]
mod schema;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod tasks;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod versions;

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../openapi.json");
