//! The bytes of a component, or of a capsule.

use abide_model::{Error, ErrorCode};
use abide_runtime::MAX_CAPSULE_BYTES;
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
        Ok(Self(upload(request, shared, shared.max_component_bytes, "the component").await?))
    }
}

/// A file that is to be a capsule. It counts among the uploads.
pub(crate) struct CapsuleFile(pub(crate) Bytes);

impl FromRequest<Shared> for CapsuleFile {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(upload(request, shared, MAX_CAPSULE_BYTES, "the capsule").await?))
    }
}

async fn upload(request: Request, shared: &Shared, limit: usize, what: &str) -> Result<Bytes, Error> {
    let (parts, body) = request.into_parts();
    let _turn = shared
        .uploads
        .acquire()
        .await
        .map_err(|_| Error::new(ErrorCode::Unavailable, "the host takes no more uploads"))?;
    receive(&parts.headers, body, limit, what).await
}
