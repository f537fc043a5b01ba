//! Replays: the history again, with no live calls.

use abide_runtime::view::ReplayReport;
use axum::Json;
use axum::extract::State;

use super::Answer;
use crate::extract::{Caller, Component, RunPath};
use crate::state::Shared;

/// `POST /v1/runs/{run}/replay`: on the run's own version, or on the component in the body.
pub(crate) async fn replay(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Component(file): Component,
) -> Answer<ReplayReport> {
    let component = Some(file).filter(|file| !file.is_empty());
    Ok(Json(shared.unless_stopping(shared.host.replay(&caller.tenant, &run, component)).await?))
}
