//! Names in the path, percent-decoded.

use abide_model::{Error, ErrorCode, RunRef, ScheduleId, SecretName, Seq, SettingKind, Tenant, WorkflowName};
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::Caller;
use crate::problem::{Problem, invalid, shown};
use crate::state::Shared;

/// `{name}`, a workflow.
pub(crate) struct NamePath(pub(crate) WorkflowName);

impl FromRequestParts<Shared> for NamePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(WorkflowName::parse(part(&parameters(parts, shared).await?, "name"))?))
    }
}

/// `{name}` and `{version}`: a workflow and one of its versions, by digest or label.
pub(crate) struct VersionPath(pub(crate) WorkflowName, pub(crate) String);

impl FromRequestParts<Shared> for VersionPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let parameters = parameters(parts, shared).await?;
        Ok(Self(WorkflowName::parse(part(&parameters, "name"))?, part(&parameters, "version").to_owned()))
    }
}

/// `{run}`.
pub(crate) struct RunPath(pub(crate) RunRef);

impl FromRequestParts<Shared> for RunPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(RunRef::parse(part(&parameters(parts, shared).await?, "run"))?))
    }
}

/// `{id}`, a schedule.
pub(crate) struct SchedulePath(pub(crate) ScheduleId);

impl FromRequestParts<Shared> for SchedulePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(ScheduleId::parse(part(&parameters(parts, shared).await?, "id"))?))
    }
}

/// `{run}` and `{name}`, of a signal or a query, or the id of an update.
pub(crate) struct RunNamePath(pub(crate) RunRef, pub(crate) String);

impl FromRequestParts<Shared> for RunNamePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let parameters = parameters(parts, shared).await?;
        let name = part(&parameters, "name");
        if name.chars().any(char::is_control) {
            return Err(invalid("the name in the path has a control character").into());
        }
        Ok(Self(RunRef::parse(part(&parameters, "run"))?, name.to_owned()))
    }
}

/// `{run}` and `{event}`, one of its events.
pub(crate) struct RunEventPath(pub(crate) RunRef, pub(crate) Seq);

impl FromRequestParts<Shared> for RunEventPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let parameters = parameters(parts, shared).await?;
        let text = part(&parameters, "event");
        // `parse` alone would take a sign too.
        let event = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let event = event.ok_or_else(|| invalid(format!("`{}` is no number of an event", shown(text))))?;
        Ok(Self(RunRef::parse(part(&parameters, "run"))?, event))
    }
}

/// `{queue}`, a task queue.
pub(crate) struct QueuePath(pub(crate) String);

impl FromRequestParts<Shared> for QueuePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(part(&parameters(parts, shared).await?, "queue").to_owned()))
    }
}

/// `{token}`, of a task.
pub(crate) struct TokenPath(pub(crate) String);

impl FromRequestParts<Shared> for TokenPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(part(&parameters(parts, shared).await?, "token").to_owned()))
    }
}

/// `{name}`, a tool component. What may be a name, the host says.
pub(crate) struct ToolPath(pub(crate) String);

impl FromRequestParts<Shared> for ToolPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(part(&parameters(parts, shared).await?, "name").to_owned()))
    }
}

/// `{tenant}`. That of another tenant is not there for who asks, whether it is or not.
pub(crate) struct TenantPath(pub(crate) Tenant);

impl FromRequestParts<Shared> for TenantPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let tenant = Tenant::parse(part(&parameters(parts, shared).await?, "tenant"))?;
        let caller = Caller::from_request_parts(parts, shared).await?;
        match &caller.actor.tenant {
            Some(own) if *own != tenant => {
                Err(Error::new(ErrorCode::TenantNotFound, format!("there is no tenant `{tenant}`")).into())
            }
            _ => Ok(Self(tenant)),
        }
    }
}

/// `{name}`, a secret.
pub(crate) struct SecretPath(pub(crate) SecretName);

impl FromRequestParts<Shared> for SecretPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        Ok(Self(SecretName::parse(part(&parameters(parts, shared).await?, "name"))?))
    }
}

/// `{tenant}` and `{setting}`.
pub(crate) struct SettingPath(pub(crate) Tenant, pub(crate) SettingKind);

impl FromRequestParts<Shared> for SettingPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let TenantPath(tenant) = TenantPath::from_request_parts(parts, shared).await?;
        Ok(Self(tenant, SettingKind::parse(part(&parameters(parts, shared).await?, "setting"))?))
    }
}

async fn parameters(parts: &mut Parts, shared: &Shared) -> Result<RawPathParams, Error> {
    RawPathParams::from_request_parts(parts, shared)
        .await
        .map_err(|_| invalid("a name in the path is not UTF-8 once its `%` escapes are read"))
}

fn part<'a>(parameters: &'a RawPathParams, wanted: &str) -> &'a str {
    parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value).unwrap_or_default()
}
