//! Requests to this run from outside, which wait for its answer. A [signal](crate::signals) is a message without one.
//!
//! ```no_run
//! # async fn f() -> Result<(), abide::Failure> {
//! use abide::{Failure, updates};
//!
//! let mut total = 0;
//! while total < 100 {
//!     let update = updates::receive("add").await?;
//!     match update.arguments::<u32>() {
//!         Ok(amount) if amount > 0 => {
//!             total += amount;
//!             update.respond(Ok(total));
//!         }
//!         Ok(_) => update.reject(Failure::new("too-little", "add something")),
//!         Err(misfit) => update.reject(misfit),
//!     }
//! }
//! # Ok(()) }
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::abide::workflow::updates as wire;
use crate::{Failure, json};

/// A request. Dropped without an answer it is rejected, or, where it was accepted, fails; the code is `not-answered`.
#[derive(Debug)]
pub struct Update(wire::Update);

/// Waits for the next update of that name. Updates that came early wait for this, in their order.
pub async fn receive(name: &str) -> Result<Update, Failure> {
    Ok(Update(wire::receive(name.to_owned()).await?))
}

impl Update {
    /// What its sender calls it.
    pub fn id(&self) -> String {
        self.0.id()
    }

    /// What is asked for.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// With what. What does not fit `T` gives the failure `invalid-update`, good to be handed to [`Update::reject`].
    pub fn arguments<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json::decode(&self.0.arguments(), "invalid-update", &format!("the update `{}` does not fit", self.name()))
    }

    /// Says that it will be done: a sender that waits for no more goes on.
    pub fn accept(&self) {
        self.0.accept();
    }

    /// Says that it will not be done.
    pub fn reject(self, reason: Failure) {
        self.0.reject(&reason.into());
    }

    /// Says what came of it.
    pub fn respond<T: Serialize>(self, outcome: Result<T, Failure>) {
        let outcome = outcome.and_then(|answer| json::encode(&answer, "the answer to the update"));
        match outcome {
            Ok(answer) => self.0.respond(Ok(&answer)),
            Err(failure) => self.0.respond(Err(&failure.into())),
        }
    }
}
