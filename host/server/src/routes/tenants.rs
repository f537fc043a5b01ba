//! Tenants and their settings.

use abide_model::{Error, ErrorCode, SettingKind};
use abide_runtime::view::{CreateTenant, TenantSetting, TenantUsage, TenantView, Tenants};
use axum::Json;
use axum::body::Body as HttpBody;
use axum::extract::State;
use http::{HeaderName, StatusCode, header};

use super::Answer;
use crate::extract::{Body, Caller, Given, Parameters, Query, SettingPath, TenantPath, Value};
use crate::problem::Problem;
use crate::state::Shared;

/// `POST /v1/tenants`.
pub(crate) async fn create(
    State(shared): State<Shared>,
    Body(create): Body<CreateTenant>,
) -> Result<(StatusCode, Json<TenantView>), Problem> {
    Ok((StatusCode::CREATED, Json(shared.host.create_tenant(&create.tenant).await?)))
}

/// `GET /v1/tenants`.
pub(crate) async fn list(State(shared): State<Shared>) -> Json<Tenants> {
    Json(shared.host.tenants())
}

/// `GET /v1/tenants/{tenant}`.
pub(crate) async fn describe(State(shared): State<Shared>, TenantPath(tenant): TenantPath) -> Answer<TenantView> {
    Ok(Json(shared.host.tenant(&tenant)?))
}

/// `GET /v1/tenants/{tenant}/usage`.
pub(crate) async fn usage(State(shared): State<Shared>, TenantPath(tenant): TenantPath) -> Answer<TenantUsage> {
    Ok(Json(shared.host.usage(&tenant).await?))
}

/// `DELETE /v1/tenants/{tenant}`: 202, nobody can use it any more, and what is left of it is being removed.
pub(crate) async fn delete(
    State(shared): State<Shared>,
    TenantPath(tenant): TenantPath,
) -> Result<(StatusCode, Json<TenantView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(shared.host.delete_tenant(&tenant).await?)))
}

/// `GET /v1/tenants/{tenant}/export`: lines, as they are read.
pub(crate) async fn export(
    State(shared): State<Shared>,
    TenantPath(tenant): TenantPath,
) -> Result<([(HeaderName, &'static str); 1], HttpBody), Problem> {
    let lines = shared.host.export_tenant(&tenant)?;
    let lines = futures_util::stream::unfold(lines, |mut lines| async move { Some((lines.recv().await?, lines)) });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], HttpBody::from_stream(lines)))
}

/// `?revision=3`.
pub(crate) struct SettingParameters {
    revision: Option<u64>,
}

impl Parameters for SettingParameters {
    const NAMES: &'static [&'static str] = &["revision"];

    fn read(given: &Given) -> Result<Self, Error> {
        Ok(Self { revision: given.number("revision")? })
    }
}

/// `GET /v1/tenants/{tenant}/settings/{setting}`.
pub(crate) async fn setting(
    State(shared): State<Shared>,
    SettingPath(tenant, kind): SettingPath,
) -> Answer<TenantSetting> {
    Ok(Json(shared.host.setting(&tenant, kind).await?))
}

/// `PUT /v1/tenants/{tenant}/settings/{setting}`: what it says holds from then on.
pub(crate) async fn put_setting(
    State(shared): State<Shared>,
    caller: Caller,
    SettingPath(tenant, kind): SettingPath,
    Query(parameters): Query<SettingParameters>,
    Value(value): Value,
) -> Answer<TenantSetting> {
    check_may_change(&caller, kind)?;
    Ok(Json(shared.host.put_setting(&tenant, kind, value, parameters.revision).await?))
}

/// `DELETE /v1/tenants/{tenant}/settings/{setting}`.
pub(crate) async fn delete_setting(
    State(shared): State<Shared>,
    caller: Caller,
    SettingPath(tenant, kind): SettingPath,
) -> Answer<TenantSetting> {
    check_may_change(&caller, kind)?;
    Ok(Json(shared.host.delete_setting(&tenant, kind).await?))
}

fn check_may_change(caller: &Caller, kind: SettingKind) -> Result<(), Error> {
    if kind.is_the_hosts() && !caller.actor.is_host_admin() {
        let message =
            format!("only a token of the host's own may change `{kind}`, which say what a tenant gets of the host");
        return Err(Error::new(ErrorCode::Forbidden, message));
    }
    Ok(())
}
