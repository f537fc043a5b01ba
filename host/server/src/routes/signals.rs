//! Signals and queries.

use abide_model::Json as AnyJson;
use abide_runtime::view::Signalled;
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::Answer;
use crate::extract::{Caller, IdempotencyKey, RunNamePath, Value};
use crate::problem::Problem;
use crate::state::Shared;

/// `POST /v1/runs/{run}/signals/{name}`: 202 once the signal is durable; the run receives it when it asks.
pub(crate) async fn signal(
    State(shared): State<Shared>,
    caller: Caller,
    RunNamePath(run, name): RunNamePath,
    IdempotencyKey(key): IdempotencyKey,
    Value(payload): Value,
) -> Result<(StatusCode, Json<Signalled>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(shared.host.signal(&caller.tenant, &run, &name, payload, key).await?)))
}

/// `POST /v1/runs/{run}/queries/{name}`: the answer is the query's own JSON.
pub(crate) async fn query(
    State(shared): State<Shared>,
    caller: Caller,
    RunNamePath(run, name): RunNamePath,
    Value(arguments): Value,
) -> Answer<AnyJson> {
    Ok(Json(shared.unless_stopping(shared.host.query(&caller.tenant, &run, &name, arguments)).await?))
}
