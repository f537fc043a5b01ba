//! Workflows and their versions.

use abide_runtime::view::{ChangeWorkflow, SwapReport, SwapRuns, Workflow};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Answer;
use crate::extract::{Body, Caller, NamePath};
use crate::state::Shared;

/// All workflows.
#[derive(Debug, Serialize)]
pub(crate) struct Workflows {
    workflows: Vec<Workflow>,
}

/// `GET /v1/workflows`.
pub(crate) async fn list(State(shared): State<Shared>, caller: Caller) -> Answer<Workflows> {
    Ok(Json(Workflows { workflows: shared.host.workflows(&caller.tenant).await? }))
}

/// `GET /v1/workflows/{name}`.
pub(crate) async fn show(State(shared): State<Shared>, caller: Caller, NamePath(name): NamePath) -> Answer<Workflow> {
    Ok(Json(shared.host.workflow(&caller.tenant, &name).await?))
}

/// `PATCH /v1/workflows/{name}`: which versions new runs take, and what happens to the others.
pub(crate) async fn change(
    State(shared): State<Shared>,
    caller: Caller,
    NamePath(name): NamePath,
    Body(change): Body<ChangeWorkflow>,
) -> Answer<Workflow> {
    Ok(Json(shared.host.change_workflow(&caller.tenant, &name, change).await?))
}

/// `POST /v1/workflows/{name}/swap`: one page.
pub(crate) async fn swap(
    State(shared): State<Shared>,
    caller: Caller,
    NamePath(name): NamePath,
    Body(swap): Body<SwapRuns>,
) -> Answer<SwapReport> {
    Ok(Json(shared.unless_stopping(shared.host.swap(&caller.tenant, &name, swap)).await?))
}
