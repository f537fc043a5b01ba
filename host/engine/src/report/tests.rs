//! Reports of files that are right, wrong, and hostile.

use super::*;

const BOUNDS: Bounds = Bounds { component_bytes: 1 << 20, memory_bytes: 1 << 20 };

/// A core module with a memory of `pages` and a producers section that says C, with a length of a section that is `lie` too large.
fn module(pages: u8, shared: bool, lie: u8) -> Vec<u8> {
    let mut file = b"\0asm\x01\0\0\0".to_vec();
    if shared {
        file.extend([5, 4, 1, 3, pages, pages]);
    } else {
        file.extend([5, 3, 1, 0, pages]);
    }
    let mut producers = b"\x09producers\x01\x08language\x01\x03C11\x00".to_vec();
    file.extend([0, u8::try_from(producers.len()).expect("it is short") + lie]);
    file.append(&mut producers);
    file
}

#[test]
fn no_web_assembly_is_told_as_such() {
    for file in [&b""[..], b"\0as", b"#!/bin/sh\nexit 0\n", b"\0asm\x02\0\0\0"] {
        let report = report(file, BOUNDS);
        assert!(!report.accepted);
        assert_eq!(report.kind, Kind::Unknown);
        assert_eq!(report.refusals.len(), 1, "{:?}", report.refusals);
    }
}

#[test]
fn all_findings_are_told_not_the_first_one_only() {
    let report = report(&module(32, true, 0), BOUNDS);
    assert_eq!(report.kind, Kind::CoreModule);
    assert_eq!(report.origin.language.as_deref(), Some("C"));
    assert!(report.refusals.len() >= 2, "{:?}", report.refusals);
    assert!(report.refusals[0].contains("threads"), "{:?}", report.refusals);
    assert!(report.warnings[0].contains("limits.memory_bytes"), "{:?}", report.warnings);
    assert_eq!(report.modules[0].memories, [Memory { minimum_pages: 32, maximum_pages: Some(32) }]);
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let bounds = Bounds { component_bytes: 8, ..BOUNDS };
    assert!(report(&module(1, false, 0), bounds).refusals[0].contains("max_component_bytes"));
}

#[test]
fn lengths_that_lie_and_files_that_were_cut_are_survived() {
    let whole = module(1, false, 0);
    for end in 0..=whole.len() {
        assert!(!report(&whole[..end], BOUNDS).accepted);
    }
    assert!(!report(&module(1, false, 90), BOUNDS).accepted);
    // A section of 4 GiB, and a count of as many.
    let huge =
        [b"\0asm\x01\0\0\0".as_slice(), &[5, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    assert!(!report(&huge, BOUNDS).accepted);
    // Every byte of a file changed.
    for place in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut file = whole.clone();
            file[place] = byte;
            report(&file, BOUNDS);
        }
    }
}

#[test]
fn components_within_components_within_components() {
    let mut file = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let mut size = file.len();
        while size >= 0x80 {
            outer.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
            size >>= 7;
        }
        outer.push(u8::try_from(size).expect("seven bits"));
        outer.append(&mut file);
        file = outer;
    }
    assert!(!report(&file, BOUNDS).accepted);
}

#[test]
fn names_do_not_command_a_terminal() {
    assert_eq!(short("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    assert_eq!(short(&"x".repeat(300)).chars().count(), MAX_NAME_CHARS + 1);
}
