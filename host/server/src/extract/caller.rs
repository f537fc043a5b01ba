//! Who asks. There is one tenant now; a token will name it here.

use std::convert::Infallible;

use abide_model::Tenant;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::state::Shared;

/// Who sent the request.
pub(crate) struct Caller {
    /// Whose runs are meant.
    pub(crate) tenant: Tenant,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        Ok(Self { tenant: Tenant::default() })
    }
}
