//! What a file is, before it is uploaded.

use abide_runtime::view::Inspection;
use axum::Json;
use axum::extract::State;

use super::Answer;
use crate::extract::{Caller, Component};
use crate::state::Shared;

/// `POST /v1/inspect`: what is refused stands in the answer.
pub(crate) async fn inspect(
    State(shared): State<Shared>,
    caller: Caller,
    Component(file): Component,
) -> Answer<Inspection> {
    Ok(Json(shared.host.inspect(&caller.tenant, file).await?))
}
