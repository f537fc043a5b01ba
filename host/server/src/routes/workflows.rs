//! Workflows and their versions.

use abide_runtime::view::Workflow;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::Answer;
use crate::extract::{Caller, NamePath};
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
