//! The binary itself, against hosts that are processes of their own.

mod failures;
mod hosts;
mod outages;
mod support;
mod words;
