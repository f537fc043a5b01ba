//! Who asks. What stands before the handler has found out.

use abide_model::{Error, ErrorCode, Tenant};
use abide_runtime::Actor;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::problem::Problem;
use crate::state::Shared;

/// Who sent the request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// Whose runs are meant.
    pub(crate) tenant: Tenant,
    /// Whose token it is.
    pub(crate) actor: Actor,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        let bug = || Error::new(ErrorCode::Internal, "a route that needs to know who asks is open to everybody");
        parts.extensions.get::<Self>().cloned().ok_or_else(|| bug().into())
    }
}
