//! The store in one file, from outside: the suite that every store passes, crashes and failing disks, random changes beside a
//! reference, damaged files, and the stores of earlier releases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod deleting;
mod disk;
mod faults;
mod open;
mod random;
mod reference;
mod releases;
mod sealed;
mod sharing;
