//! Shares out what tenants compete for: a turn to compute, a slot of a provider, a place in the next batch of the disk, a seat in memory.
//!
//! [`FairQueue`] is the machine: it decides who is next, and does nothing else. [`Slots`] lets tasks wait in it for one of a number of
//! slots, [`Fairly`] lets them wait for each poll, and [`Slice`] says when a long one has to give way. [`Rate`] says when the next of so many a second may begin. None of them knows what a tenant is.
//!
//! ```
//! use abide_fair::FairQueue;
//!
//! let mut queue = FairQueue::new();
//! for number in 0..100 {
//!     queue.push(&"flood", 1, number);
//! }
//! queue.push(&"neighbour", 1, 7);
//! assert_eq!(queue.pop(10), Some(("flood", 0)));
//! // Who comes late does not wait for all that came before.
//! assert_eq!(queue.pop(10), Some(("neighbour", 7)));
//! ```

mod polls;
mod queue;
mod rate;
mod recent;
mod slice;
mod slots;

pub use polls::{Fairly, give_way};
pub use queue::{Due, FairQueue, Fit, Place};
pub use rate::Rate;
pub use slice::Slice;
pub use slots::{Ask, Charge, Slot, Slots};
