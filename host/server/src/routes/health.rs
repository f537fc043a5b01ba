//! Whether the process lives, whether it takes work, and what it speaks.

use axum::Json;
use axum::extract::State;
use http::{HeaderName, header};
use serde::Serialize;

use super::Answer;
use crate::openapi;
use crate::state::{Shared, stopping};

/// How it is.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    status: &'static str,
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// `GET /healthz`: the process answers.
pub(crate) async fn health() -> Json<Health> {
    Json(OK)
}

/// `GET /readyz`: the host takes work.
pub(crate) async fn ready(State(shared): State<Shared>) -> Answer<Health> {
    if shared.stopping.is_cancelled() {
        return Err(stopping().into());
    }
    shared.host.ready()?;
    Ok(Json(OK))
}

/// `GET /openapi.json`.
pub(crate) async fn document() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], openapi::DOCUMENT)
}
