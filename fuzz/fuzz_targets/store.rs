//! `cargo fuzz run store`: see docs/fuzzing.md.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| (abide_fuzz::target("store").run)(input));
