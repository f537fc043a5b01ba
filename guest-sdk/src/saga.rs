//! Sagas: steps that are undone in reverse order when a later one fails, or when the run is asked to end.
//!
//! ```no_run
//! use abide::{Failure, Saga, tools};
//! use serde_json::json;
//!
//! #[abide::workflow(cancellation = "manual")]
//! async fn run(city: String) -> Result<(), Failure> {
//!     abide::saga(async |saga: &Saga| {
//!         let trip = json!({ "city": city });
//!         saga.undo("cancel the flight", {
//!             let trip = trip.clone();
//!             async move { tools::call("travel", "cancel-flight", &trip).await?.ok().map(drop) }
//!         });
//!         tools::call("travel", "book-flight", &trip).await?.ok()?;
//!         tools::call("travel", "book-hotel", &trip).await?.ok()?;
//!         Ok(())
//!     })
//!     .await
//! }
//! ```
//!
//! Say how to undo a step *before* it is made: a step that fails may have done something all the same.

use std::cell::RefCell;
use std::pin::Pin;

use serde_json::json;

use crate::{Either, Failure, cancellation, race};

type Undo = (String, Pin<Box<dyn Future<Output = Result<(), Failure>>>>);

/// What is to be undone.
#[derive(Default)]
pub struct Saga {
    undo: RefCell<Vec<Undo>>,
}

impl std::fmt::Debug for Saga {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.undo.borrow().iter().map(|(what, _)| what)).finish()
    }
}

impl Saga {
    /// Remembers how to undo a step. Nothing of `undo` happens unless it is needed.
    pub fn undo(&self, what: impl Into<String>, undo: impl Future<Output = Result<(), Failure>> + 'static) {
        self.undo.borrow_mut().push((what.into(), Box::pin(undo)));
    }

    /// Undoes what was done, the last first. One that fails does not keep the others from being tried; they are named in the failure.
    async fn compensate(&self, mut failure: Failure) -> Failure {
        let mut failed = Vec::new();
        loop {
            let last = self.undo.borrow_mut().pop();
            let Some((what, undo)) = last else { break };
            if let Err(error) = undo.await {
                crate::error!("`{what}` failed: {error}");
                failed.push(json!({ "what": what, "failure": error }));
            }
        }
        if !failed.is_empty() {
            failure.message = format!("{} ({} steps could not be undone)", failure.message, failed.len());
            let details = failure.details.take();
            failure = failure.with_details(json!({ "details": details, "not_undone": failed }));
        }
        failure
    }
}

/// Makes the steps of `body`. When it fails, or the run is asked to end, what [`Saga::undo`] was told is undone, in reverse order; then the
/// failure is given. The workflow says `cancellation = "manual"`, else it is dropped before anything can be undone.
pub async fn saga<T>(body: impl AsyncFnOnce(&Saga) -> Result<T, Failure>) -> Result<T, Failure> {
    let saga = Saga::default();
    let ended = race(body(&saga), cancellation::requested()).await;
    match ended {
        Either::First(Ok(value)) => Ok(value),
        Either::First(Err(failure)) => Err(saga.compensate(failure).await),
        Either::Second(reason) => {
            let failure = reason.map_or_else(|failure| failure, Failure::cancelled);
            Err(saga.compensate(failure).await)
        }
    }
}
