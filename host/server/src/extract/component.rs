//! The bytes of a component.

use abide_model::{Error, ErrorCode};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;

use crate::body::receive;
use crate::problem::Problem;
use crate::state::Shared;

/// An uploaded file. Only a few are received at the same time, since each is in memory as a whole.
pub(crate) struct Component(pub(crate) Bytes);

impl FromRequest<Shared> for Component {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let _turn = shared
            .uploads
            .acquire()
            .await
            .map_err(|_| Error::new(ErrorCode::Unavailable, "the host takes no more uploads"))?;
        Ok(Self(receive(&parts.headers, body, shared.max_component_bytes, "the component").await?))
    }
}
