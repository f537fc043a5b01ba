//! Calls a guest's entry, and reads what that gave.

use abide_model::{Failure, Json, Outcome};
use wasmtime::component::Accessor;

use crate::bindings::abide::workflow::types;
use crate::convert;
use crate::engine::RunExport;
use crate::state::GuestState;

/// What the guest's entry gave.
pub(crate) enum Given {
    /// A workflow, its result.
    Result(Result<String, types::Failure>),
    /// A program, its exit code.
    Status(u8),
}

/// Calls the guest's entry.
pub(crate) async fn begin(run: RunExport, accessor: &Accessor<GuestState>, input: Json) -> wasmtime::Result<Given> {
    let input = || input.as_str().to_owned();
    match run {
        RunExport::Workflow(run) => Ok(Given::Result(run.call_concurrent(accessor, (input(),)).await?.0)),
        RunExport::TextWorkflow(run) => {
            let (result,) = run.call_concurrent(accessor, (input(),)).await?;
            Ok(Given::Result(result.map_err(|message| convert::failure_to_guest(Failure::new("failed", message)))))
        }
        RunExport::Program(run) => {
            let (status,) = run.call_concurrent(accessor, ()).await?;
            Ok(Given::Status(u8::from(status.is_err())))
        }
    }
}

/// What `run` or `query` gave, checked: a guest's JSON is hostile like all else. One that is too large failed, whatever it is.
pub(crate) fn outcome_of_run(result: Result<String, types::Failure>, result_bytes: u64) -> Outcome {
    let outcome = outcome(result);
    let bytes = outcome.bytes();
    if bytes > result_bytes {
        let message = format!(
            "the workflow gave a result of {bytes} bytes, the limit is {result_bytes}: give less, or raise `limits.result_bytes`"
        );
        return Outcome::Failed(Failure::new("too-large", message));
    }
    outcome
}

fn outcome(result: Result<String, types::Failure>) -> Outcome {
    match result {
        Ok(text) => match Json::parse(text) {
            Ok(json) => Outcome::Ok(json),
            Err(error) => Outcome::Failed(Failure::new(
                "invalid-json",
                format!("the workflow gave a result that is no JSON: {error}"),
            )),
        },
        Err(failure) => Outcome::Failed(convert::failure_from_guest(failure)),
    }
}
