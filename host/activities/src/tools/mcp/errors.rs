//! What an error of the MCP client means for a call.

use std::sync::Arc;

use abide_model::Clock;
use rmcp::ServiceError;
use rmcp::model::{ErrorCode, ErrorData};
use rmcp::service::ClientInitializeError;
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, HttpStatusError, InsufficientScopeError, StreamableHttpError,
};

use crate::client::cause;
use crate::quote::Redactor;
use crate::retry_after;
use crate::trouble::Trouble;

type HttpError = StreamableHttpError<reqwest::Error>;

/// Reads errors of one provider.
pub(crate) struct Errors {
    /// The provider as the configuration names it.
    pub(crate) provider: String,
    pub(crate) redactor: Redactor,
    /// A `Retry-After` may be a date.
    pub(crate) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Errors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Errors({})", self.provider)
    }
}

impl Errors {
    /// A connection that could not be made.
    pub(crate) fn of_connecting(&self, error: &ClientInitializeError) -> Trouble {
        let provider = &self.provider;
        match error {
            ClientInitializeError::NoCompatibleProtocolVersion { .. } => {
                Trouble::lasting("provider-error", format!("`{provider}` speaks no version of MCP that the host knows"))
            }
            // These two do not name their cause in the usual way.
            ClientInitializeError::LegacyFallbackFailed { fallback, .. } => self.of_connecting(fallback),
            ClientInitializeError::TransportError { error, .. } => self.unreachable(error.error.as_ref()),
            error => self.unreachable(error),
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> Trouble {
        self.by_cause(error).unwrap_or_else(|| {
            let mut innermost = error;
            while let Some(error) = inner(innermost) {
                innermost = error;
            }
            let said = self.redactor.quote(&cause(innermost));
            Trouble::passing("unavailable", format!("cannot connect to `{}`: {said}", self.provider))
        })
    }

    /// A request that failed.
    pub(crate) fn of_request(&self, error: &ServiceError) -> Trouble {
        let provider = &self.provider;
        match error {
            ServiceError::McpError(error) => self.of_server(error),
            ServiceError::TransportSend(error) => self.unreachable(error.error.as_ref()),
            ServiceError::TransportClosed => {
                Trouble::passing("unavailable", format!("`{provider}` closed the connection"))
            }
            ServiceError::Cancelled { .. } => {
                Trouble::passing("unavailable", format!("`{provider}` cancelled the request"))
            }
            ServiceError::Timeout { .. } => Trouble::passing("timeout", format!("`{provider}` did not answer in time")),
            ServiceError::InputRequiredRoundsExceeded { .. } => {
                Trouble::lasting("provider-error", format!("`{provider}` asks for input that a workflow cannot give"))
            }
            _ => Trouble::lasting("provider-error", format!("`{provider}` answered with something else than a result")),
        }
    }

    fn of_server(&self, error: &ErrorData) -> Trouble {
        let said = self.redactor.quote(&error.message);
        let message = format!("`{}` says: {said} ({})", self.provider, error.code.0);
        match error.code {
            ErrorCode::INVALID_PARAMS => {
                let text = error.message.to_ascii_lowercase();
                let is_unknown = text.contains("unknown tool") || (text.contains("tool") && text.contains("not found"));
                Trouble::lasting(if is_unknown { "unknown-tool" } else { "invalid-arguments" }, message)
            }
            ErrorCode::INTERNAL_ERROR => Trouble::passing("provider-error", message),
            _ => Trouble::lasting("provider-error", message),
        }
    }

    /// What the transport says further down in the chain of causes.
    fn by_cause(&self, error: &(dyn std::error::Error + 'static)) -> Option<Trouble> {
        let provider = &self.provider;
        let mut current = Some(error);
        while let Some(error) = current {
            if error.is::<AuthRequiredError>() || error.is::<InsufficientScopeError>() {
                let message = format!("`{provider}` refuses the credentials: check the headers of `[{provider}]`");
                return Some(Trouble::lasting("denied", message));
            }
            if let Some(HttpStatusError { status, retry_after, .. }) = error.downcast_ref() {
                let wait =
                    retry_after.as_deref().and_then(|value| retry_after::parse(value.trim(), self.clock.now_ms()));
                let (code, what) = match status {
                    429 => ("rate-limited", "takes no more requests now"),
                    _ => ("unavailable", "is out of order"),
                };
                return Some(
                    Trouble::passing(code, format!("`{provider}` {what} ({status})")).with_status(*status, wait),
                );
            }
            if let Some(status) = status(error) {
                let code = match status {
                    401 | 403 => "denied",
                    300..500 if status != 408 => "provider-error",
                    _ => return None,
                };
                let check = format!("check `url` and the headers of `[{provider}]`");
                let message = format!("`{provider}` refuses the request ({status}): {check}");
                return Some(Trouble::lasting(code, message).with_status(status, None));
            }
            current = inner(error);
        }
        None
    }
}

/// The cause of an error. The client's own errors have causes that they do not name as such.
fn inner<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<HttpError>() {
        Some(StreamableHttpError::Client(cause)) => Some(cause),
        Some(StreamableHttpError::HttpStatus(cause)) => Some(cause),
        _ => error.source(),
    }
}

/// The status of an answer that is no success. The client gives most of them in words only: `HTTP 401 Unauthorized: …`.
fn status(error: &(dyn std::error::Error + 'static)) -> Option<u16> {
    if let Some(StreamableHttpError::UnexpectedServerResponse(said)) = error.downcast_ref::<HttpError>() {
        return said.strip_prefix("HTTP ")?.get(..3)?.parse().ok();
    }
    error.downcast_ref::<reqwest::Error>()?.status().map(|status| status.as_u16())
}
