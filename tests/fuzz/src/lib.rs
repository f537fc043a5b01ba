//! What reads input that nobody trusts, as functions of bytes. `fuzz/` gives them to cargo-fuzz, which is guided by coverage; the tests give them
//! the corpus and mutations of it.
//!
//! A target fails by a panic: that of the code under test, or of an assertion about what it gave.

pub mod corpus;
mod filter;
pub mod mutate;
mod places;
mod store;
mod values;

#[cfg(feature = "host")]
mod capsule;
#[cfg(feature = "host")]
mod component;
#[cfg(feature = "host")]
mod http;

/// Something that reads bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Reads an input.
    pub run: fn(&[u8]),
    /// Words that its inputs are made of.
    pub words: &'static [&'static [u8]],
    /// Executions of the mutator in the tests, beside the corpus.
    pub executions: u64,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "filter", run: filter::run, words: filter::WORDS, executions: 100_000 },
    Target { name: "values", run: values::run, words: &[], executions: 50_000 },
    Target { name: "store", run: store::run, words: store::WORDS, executions: 4_000 },
    #[cfg(feature = "host")]
    Target { name: "capsule", run: capsule::run, words: &[], executions: 20_000 },
    #[cfg(feature = "host")]
    Target { name: "component", run: component::run, words: component::WORDS, executions: 10_000 },
    #[cfg(feature = "host")]
    Target { name: "http", run: http::run, words: http::WORDS, executions: 2_000 },
];

/// The target of a name.
pub fn target(name: &str) -> &'static Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("there is no target `{name}`"))
}
