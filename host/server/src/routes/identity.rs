//! Who asks, tokens, and the record of who did what.

use abide_model::{AuditId, Error, ErrorCode};
use abide_runtime::view::{Audit, CreateToken, CreatedToken, Identity, TokenView, Tokens};
use axum::Json;
use axum::extract::State;
use http::StatusCode;

use super::Answer;
use crate::extract::{Body, Caller, Given, Parameters, Query, TokenPath};
use crate::problem::Problem;
use crate::state::Shared;

/// `GET /v1/whoami`.
pub(crate) async fn whoami(caller: Caller) -> Json<Identity> {
    let host = caller.actor.is_host_admin();
    Json(Identity { actor: caller.actor.name, tenant: caller.tenant, role: caller.actor.role, host })
}

/// `?host`.
pub(crate) struct HostParameters {
    host: bool,
}

impl Parameters for HostParameters {
    const NAMES: &'static [&'static str] = &["host"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { host: given.flag("host")?.unwrap_or(false) })
    }
}

/// `?host&before&limit`.
pub(crate) struct AuditParameters {
    host: bool,
    before: Option<AuditId>,
    limit: usize,
}

impl Parameters for AuditParameters {
    const NAMES: &'static [&'static str] = &["host", "before", "limit"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self {
            host: given.flag("host")?.unwrap_or(false),
            before: given.parsed("before", AuditId::parse)?,
            limit: given.limit(100, 1000)?,
        })
    }
}

impl Caller {
    /// The tenant that is meant; nobody where it is the host itself, which only its own admin may ask about.
    fn concerned(&self, host: bool) -> Result<Option<&abide_model::Tenant>, Error> {
        if !host {
            return Ok(Some(&self.tenant));
        }
        if self.actor.is_host_admin() {
            return Ok(None);
        }
        let message = format!("`host` needs a token of the host's own, and `{}` is a tenant's", self.actor.name);
        Err(Error::new(ErrorCode::Forbidden, message))
    }
}

/// `GET /v1/audit`: latest first.
pub(crate) async fn audit(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<AuditParameters>,
) -> Answer<Audit> {
    let AuditParameters { host, before, limit } = parameters;
    Ok(Json(shared.host.audit(caller.concerned(host)?, before, limit).await?))
}

/// `POST /v1/tokens`.
pub(crate) async fn create_token(
    State(shared): State<Shared>,
    caller: Caller,
    Body(create): Body<CreateToken>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let tenant = caller.concerned(create.host)?;
    let created = shared.host.create_token(tenant, create, &caller.actor.name).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// `GET /v1/tokens`.
pub(crate) async fn tokens(
    State(shared): State<Shared>,
    caller: Caller,
    Query(parameters): Query<HostParameters>,
) -> Answer<Tokens> {
    Ok(Json(shared.host.tokens(caller.concerned(parameters.host)?).await?))
}

/// `DELETE /v1/tokens/{token}`.
pub(crate) async fn revoke_token(
    State(shared): State<Shared>,
    caller: Caller,
    TokenPath(id): TokenPath,
    Query(parameters): Query<HostParameters>,
) -> Answer<TokenView> {
    Ok(Json(shared.host.revoke_token(caller.concerned(parameters.host)?, &id).await?))
}
