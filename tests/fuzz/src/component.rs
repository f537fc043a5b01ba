//! Uploads: any file is refused with a reason, or it is a component for this host. The report of a file and its inspection agree.

use abide_engine::report::{Bounds, report};
use abide_engine::{inspect, inspect_tool};

pub(crate) const WORDS: &[&[u8]] = &[
    b"\0asm\x01\0\0\0",
    b"\0asm\x0d\0\x01\0",
    b"\x07component-type",
    b"wasi:cli/run@0.2.9",
    b"abide:workflow/llm@0.1.0",
    b"wasi_snapshot_preview1",
    b"_start",
    b"memory",
    b"run",
    b"\xff\xff\xff\xff\x0f",
];

pub(crate) fn run(input: &[u8]) {
    let told = report(input, Bounds { component_bytes: 1 << 20, memory_bytes: 1 << 28 });
    match inspect(input) {
        Ok(inspected) => assert!(!inspected.component.is_empty()),
        Err(error) => {
            assert!(!error.message.is_empty());
            assert!(!told.accepted, "the report accepts what is refused: {}", error.message);
        }
    }
    // Such a file may be a tool component instead.
    drop(inspect_tool(input, None));
}
