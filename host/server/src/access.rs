//! Who may use a route, and what stands before every handler: who asks, for which tenant, whether they may, and the record of it.

use std::sync::Arc;

use abide_model::{AuditEntry, Error, ErrorCode, Role, Tenant};
use abide_runtime::Actor;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};

use crate::extract::Caller;
use crate::pass::Pass;
use crate::problem::{Problem, shown};
use crate::state::Shared;

/// The header by which the host's own tokens say for which tenant they act.
const TENANT_HEADER: &str = "abide-tenant";

/// The longest path that the audit log keeps, in bytes.
const MAX_TARGET_BYTES: usize = 1024;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without a token.
    Open,
    /// Who has this role in a tenant, or a higher one.
    Role(Role),
    /// The host's own admin.
    Host,
}

/// Short names for the table of routes.
pub(crate) const VIEWER: Access = Access::Role(Role::Viewer);
pub(crate) const OPERATOR: Access = Access::Role(Role::Operator);
pub(crate) const DEPLOYER: Access = Access::Role(Role::Deployer);
pub(crate) const ADMIN: Access = Access::Role(Role::Admin);

impl Access {
    /// Its text in the OpenAPI document.
    #[cfg(test)]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Role(role) => role.as_str(),
            Self::Host => "host",
        }
    }

    fn check(self, actor: &Actor) -> Result<(), Error> {
        let (is_allowed, needed) = match self {
            Self::Open => return Ok(()),
            Self::Role(role) => (actor.role >= role, format!("the role `{role}`")),
            Self::Host => (actor.is_host_admin(), "a token of the host's own with the role `admin`".to_owned()),
        };
        if is_allowed {
            return Ok(());
        }
        let message = format!("this needs {needed}, and `{}` has the role `{}`: ask an admin", actor.name, actor.role);
        Err(Error::new(ErrorCode::Forbidden, message))
    }
}

/// How a server knows who asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Auth {
    /// Every request carries a token.
    #[default]
    Tokens,
    /// Nobody is asked for one, and everybody may do all: for a host that only its own machine reaches.
    Open,
}

/// A route, as what stands before its handler knows it.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) shared: Shared,
    pub(crate) access: Access,
    /// Method and path, such as `POST /v1/runs/{run}/cancel`.
    pub(crate) action: Arc<str>,
    pub(crate) is_recorded: bool,
}

/// Stands before the handler of a route.
pub(crate) async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    if gate.access == Access::Open {
        return next.run(request).await;
    }
    let (caller, pass) = match admit(&gate, request.headers()).await {
        Ok(admitted) => admitted,
        Err(error) => return refusal(error),
    };
    if let Err(error) = gate.access.check(&caller.actor) {
        record_refusal(&gate, &caller, request.uri().path()).await;
        return refusal(error);
    }
    let (host, tenant) = (gate.shared.host.clone(), caller.tenant.clone());
    let is_get = request.method() == Method::GET;
    let handled = async {
        if gate.is_recorded && gate.shared.auth == Auth::Tokens {
            return recorded(&gate, caller, request, next).await;
        }
        request.extensions_mut().insert(caller);
        next.run(request).await
    };
    let handled = host.fairly(&tenant, Box::pin(handled));
    match pass {
        // What may change something goes on to its end; who only looks may wait for long.
        Some(mut pass) if is_get => tokio::select! {
            response = handled => pass.bound(response),
            error = pass.ended() => refusal(error),
        },
        Some(pass) => pass.bound(handled.await),
        None => handled.await,
    }
}

/// Runs the handler and records it: the entry is on its way to the disk before the handler begins, and durable before anybody is answered.
async fn recorded(gate: &Gate, caller: Caller, mut request: Request, next: Next) -> Response {
    let host = &gate.shared.host;
    let tenant = gate.record_of(&caller);
    let id = host.audit_id();
    let entry = gate.entry(&caller, request.uri().path());
    request.extensions_mut().insert(caller);
    let (written, response) =
        futures_util::future::join(host.record_audit(tenant.as_ref(), id, entry.clone()), next.run(request)).await;
    if let Err(error) = written {
        return refusal(error);
    }
    let (host, status) = (host.clone(), response.status().as_u16());
    // Nobody waits for what came of it.
    tokio::spawn(async move {
        let entry = AuditEntry { status: Some(status), ..entry };
        if let Err(error) = host.record_audit(tenant.as_ref(), id, entry).await {
            tracing::warn!(%error, "what came of a request is not in the audit log");
        }
    });
    response
}

/// Records that somebody tried what they may not do.
async fn record_refusal(gate: &Gate, caller: &Caller, path: &str) {
    let entry = AuditEntry { status: Some(403), ..gate.entry(caller, path) };
    let host = &gate.shared.host;
    if let Err(error) = host.record_audit(gate.record_of(caller).as_ref(), host.audit_id(), entry).await {
        tracing::warn!(%error, "a refusal is not in the audit log");
    }
}

impl Gate {
    fn entry(&self, caller: &Caller, path: &str) -> AuditEntry {
        let target = path[..path.floor_char_boundary(MAX_TARGET_BYTES)].to_owned();
        AuditEntry { actor: caller.actor.name.clone(), action: self.action.to_string(), target, status: None }
    }

    /// In whose record it stands: what concerns all tenants in the host's own.
    fn record_of(&self, caller: &Caller) -> Option<Tenant> {
        (self.access != Access::Host).then(|| caller.tenant.clone())
    }
}

/// Who asks, and for which tenant, and by what they were let in.
async fn admit(gate: &Gate, headers: &HeaderMap) -> Result<(Caller, Option<Pass>), Error> {
    let shared = &gate.shared;
    let (actor, pass) = match shared.auth {
        Auth::Open => (Actor::anonymous(), None),
        Auth::Tokens => {
            let (actor, pass) = Pass::of(&shared.host, bearer(headers)?).await?;
            (actor, Some(pass))
        }
    };
    let named = match headers.get(TENANT_HEADER) {
        Some(value) => {
            let text = value.to_str().unwrap_or("?");
            Some(
                Tenant::parse(text)
                    .map_err(|error| Error::new(error.code, format!("the header `Abide-Tenant`: {}", error.message)))?,
            )
        }
        None => None,
    };
    let tenant = match (&actor.tenant, named) {
        (Some(own), Some(named)) if *own != named => {
            let message = format!(
                "the token is of another tenant than `{}`: leave the header `Abide-Tenant` out",
                shown(named.as_str())
            );
            return Err(Error::new(ErrorCode::Forbidden, message));
        }
        (Some(own), _) => own.clone(),
        (None, named) => named.unwrap_or_default(),
    };
    if gate.access != Access::Host {
        shared.host.check_tenant(&tenant)?;
    }
    Ok((Caller { tenant, actor }, pass))
}

fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let value = headers.get(header::AUTHORIZATION).ok_or_else(|| {
        let message = "the request has no token: send `Authorization: Bearer TOKEN`; the command takes it from ABIDE_TOKEN or `--token-file`";
        Error::new(ErrorCode::Unauthenticated, message)
    })?;
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| Error::new(ErrorCode::Unauthenticated, "the header `Authorization` has to be `Bearer TOKEN`"))
}

fn refusal(error: Error) -> Response {
    let asks_for_a_token = error.code == ErrorCode::Unauthenticated;
    let mut response = Problem::from(error).into_response();
    if asks_for_a_token {
        // RFC 6750, section 3.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"abide\""));
    }
    response
}
