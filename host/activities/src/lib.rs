//! Activities: what performs calls outside the guest.

mod perform;

pub use perform::{Activity, Performed, Performer};
