//! What the exports made by `#[abide::workflow]` do: decode, run with or without the race against cancellation, encode. For generated code only.

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::abide::workflow::types as wire;
use crate::{Either, Failure, cancellation, json, panic, queries, race};

/// Who reacts to a request to end the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The body is dropped where it waits.
    Automatic,
    /// The body looks for itself.
    Manual,
}

/// What a workflow's function may give.
#[diagnostic::on_unimplemented(
    message = "a workflow gives `Result<Output, Failure>`, not `{Self}`",
    label = "write `Result<_, abide::Failure>`",
    note = "the output implements `serde::Serialize`, and the error becomes an `abide::Failure`"
)]
pub trait Outcome {
    /// The result of the run.
    fn into_result(self) -> Result<String, Failure>;
}

impl<T: Serialize, E: Into<Failure>> Outcome for Result<T, E> {
    fn into_result(self) -> Result<String, Failure> {
        json::encode(&self.map_err(Into::into)?, "the result of the workflow")
    }
}

/// What the exports give.
pub type WireResult = Result<String, wire::Failure>;

/// Compiles only for what a workflow may give. Generated code names it with the place of the return type, so that the error stands there.
pub fn check<T: Outcome>() {}

/// The export `run`.
pub async fn run<In, Body>(input: String, cancellation: Cancellation, workflow: impl FnOnce(In) -> Body) -> WireResult
where
    In: DeserializeOwned,
    Body: Future<Output: Outcome>,
{
    panic::install_hook();
    let body = workflow(json::decode(&input, "invalid-input", "the input does not fit")?);
    drop(input);
    let outcome = match cancellation {
        Cancellation::Manual => body.await,
        // The body comes first: when it ends in the very step that brings the request, it has ended.
        Cancellation::Automatic => match race(body, cancellation::requested()).await {
            Either::First(outcome) => outcome,
            Either::Second(reason) => {
                return Err(reason.map_or_else(Into::into, |reason| Failure::cancelled(reason).into()));
            }
        },
    };
    Ok(outcome.into_result()?)
}

/// The export `query`.
pub fn query(name: &str, arguments: &str) -> WireResult {
    panic::install_hook();
    Ok(queries::answer(name, arguments)?)
}
