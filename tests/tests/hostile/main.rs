//! Hostile guests and hostile files: each is contained, while a neighbour of another tenant on the same host makes progress and the host answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asking;
mod components;
mod computing;
mod floods;
mod quotas;
mod support;
mod uploads;
