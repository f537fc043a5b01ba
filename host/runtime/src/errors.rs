//! The errors of the host in words, each in one place.

use abide_model::{Error, ErrorCode, Run, RunId, ScheduleId, WorkflowName};

use crate::inner::RunKey;

pub(crate) fn no_run(key: &RunKey) -> Error {
    let message = format!("there is no run `{}`: `abide list` shows the runs", key.run_id);
    Error::new(ErrorCode::RunNotFound, message)
}

pub(crate) fn no_start(key: &RunKey) -> Error {
    let message = format!("run `{}` does not begin with its start", key.run_id);
    Error::new(ErrorCode::StoreCorrupt, message)
}

pub(crate) fn closed(run: &Run) -> Error {
    let message = format!("run `{}` is {}: a run that ended takes nothing more", run.run_id, run.status);
    Error::new(ErrorCode::RunClosed, message).about(run.run_id)
}

pub(crate) fn open(run_id: RunId) -> Error {
    let message = format!("run `{run_id}` is open: only one that has ended can be deleted; `abide terminate` ends it");
    Error::new(ErrorCode::RunOpen, message).about(run_id)
}

pub(crate) fn not_parked(run_id: RunId) -> Error {
    Error::new(ErrorCode::RunNotParked, format!("run `{run_id}` is not parked: it runs")).about(run_id)
}

pub(crate) fn key_conflict(key: &str) -> Error {
    // The key of an update has a word in front.
    let shown: String = key.trim_start_matches("update\n").chars().take(80).flat_map(char::escape_debug).collect();
    Error::new(
        ErrorCode::IdempotencyConflict,
        format!("`{shown}` was used for another message to this run: use a new key, or a new id, for a new one"),
    )
}

pub(crate) fn no_workflow(name: &WorkflowName) -> Error {
    Error::new(
        ErrorCode::WorkflowNotFound,
        format!(
            "there is no workflow `{name}`: `abide deploy FILE --name {name}` uploads one, `abide workflows` shows them"
        ),
    )
}

pub(crate) fn no_schedule(id: &ScheduleId) -> Error {
    let message = format!("there is no schedule `{id}`: `abide schedule list` shows the schedules");
    Error::new(ErrorCode::ScheduleNotFound, message)
}

pub(crate) fn no_tool(name: &str) -> Error {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let message = format!("no tool component `{shown}` was uploaded: `abide tools` shows the tool components");
    Error::new(ErrorCode::ToolNotFound, message)
}

pub(crate) fn bad_version(text: &str) -> Error {
    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    Error::new(
        ErrorCode::InvalidArgument,
        format!("`{shown}` is no version: give its digest, or 8 or more of its first digits"),
    )
}
