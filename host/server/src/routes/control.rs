//! What operators do to a run: cancel, terminate, resume, pin, reset.

use abide_model::Run;
use abide_runtime::view::{PinRun, ResetRun, Started};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

use super::Answer;
use crate::extract::{Body, Caller, OptionalBody, RunPath};
use crate::problem::Problem;
use crate::state::Shared;

/// Why.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Because {
    #[serde(default)]
    reason: String,
}

/// `POST /v1/runs/{run}/cancel`: asks the run to end. It may clean up first.
pub(crate) async fn cancel(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    OptionalBody(because): OptionalBody<Because>,
) -> Answer<Run> {
    Ok(Json(shared.host.cancel(&caller.tenant, &run, &because.reason).await?))
}

/// `POST /v1/runs/{run}/terminate`: ends the run without asking it.
pub(crate) async fn terminate(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    OptionalBody(because): OptionalBody<Because>,
) -> Answer<Run> {
    Ok(Json(shared.host.terminate(&caller.tenant, &run, &because.reason).await?))
}

/// On which version.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct On {
    #[serde(default)]
    version: Option<String>,
}

/// `POST /v1/runs/{run}/resume`: lets a parked run go on.
pub(crate) async fn resume(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    OptionalBody(on): OptionalBody<On>,
) -> Answer<Run> {
    Ok(Json(shared.host.resume(&caller.tenant, &run, on.version.as_deref()).await?))
}

/// `POST /v1/runs/{run}/pin`: keeps the run on its version, or no longer.
pub(crate) async fn pin(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Body(pin): Body<PinRun>,
) -> Answer<Run> {
    Ok(Json(shared.host.pin(&caller.tenant, &run, pin.pinned).await?))
}

/// `POST /v1/runs/{run}/reset`: lets the run go on from one of its events, as a new run.
pub(crate) async fn reset(
    State(shared): State<Shared>,
    caller: Caller,
    RunPath(run): RunPath,
    Body(reset): Body<ResetRun>,
) -> Result<(StatusCode, Json<Started>), Problem> {
    Ok((StatusCode::CREATED, Json(shared.host.reset(&caller.tenant, &run, reset).await?)))
}
