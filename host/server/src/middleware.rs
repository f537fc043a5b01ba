//! What happens around every request: the guard, a log line, and a net for panics.

use std::panic::AssertUnwindSafe;

use abide_model::{Error, ErrorCode};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::problem::Problem;
use crate::state::Shared;

/// Wraps all routes.
pub(crate) async fn around(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let began = Instant::now();
    let response = match shared.guard.check(request.uri(), request.headers()) {
        Err(problem) => problem.into_response(),
        // A handler that panics is a bug; the request gets an answer all the same, and the others go on.
        Ok(()) => AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
            Problem::from(Error::new(ErrorCode::Internal, "the host has a bug: its log says more")).into_response()
        }),
    };
    tracing::debug!(%method, path, status = response.status().as_u16(), took = ?began.elapsed(), "answered a request");
    response
}
