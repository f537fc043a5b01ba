//! Secrets. Their values come in and never go out.

use abide_runtime::view::{PutSecret, SecretView, Secrets};
use axum::Json;
use axum::extract::State;

use super::Answer;
use crate::extract::{Body, Caller, SecretPath};
use crate::state::Shared;

/// `GET /v1/secrets`: their names, and where they may be sent.
pub(crate) async fn list(State(shared): State<Shared>, caller: Caller) -> Answer<Secrets> {
    Ok(Json(shared.host.secrets(&caller.tenant)?))
}

/// `PUT /v1/secrets/{name}`: calls that begin from then on use it.
pub(crate) async fn put(
    State(shared): State<Shared>,
    caller: Caller,
    SecretPath(name): SecretPath,
    Body(secret): Body<PutSecret>,
) -> Answer<SecretView> {
    Ok(Json(shared.host.put_secret(&caller.tenant, &name, secret).await?))
}

/// `DELETE /v1/secrets/{name}`.
pub(crate) async fn delete(
    State(shared): State<Shared>,
    caller: Caller,
    SecretPath(name): SecretPath,
) -> Answer<SecretView> {
    Ok(Json(shared.host.delete_secret(&caller.tenant, &name).await?))
}
