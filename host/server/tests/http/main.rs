//! The HTTP interface of a real host on a port of its own. Every answer is held against the OpenAPI document.

mod bodies;
mod origins;
mod refusals;
mod routes;
mod stopping;
mod streams;
mod support;
