//! What an error of the MCP client means for a call.

use std::sync::Arc;

use abide_model::Clock;
use rmcp::ServiceError;
use rmcp::model::{ErrorCode, ErrorData};
use rmcp::service::ClientInitializeError;
use rmcp::transport::streamable_http_client::{AuthRequiredError, HttpStatusError, InsufficientScopeError};

use crate::client::cause;
use crate::quote::Redactor;
use crate::retry_after;
use crate::trouble::Trouble;

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
            error => self.by_cause(error).unwrap_or_else(|| {
                let said = self.redactor.quote(&cause(error));
                Trouble::passing("unavailable", format!("cannot connect to `{provider}`: {said}"))
            }),
        }
    }

    /// A request that failed.
    pub(crate) fn of_request(&self, error: &ServiceError) -> Trouble {
        let provider = &self.provider;
        match error {
            ServiceError::McpError(error) => self.of_server(error),
            ServiceError::TransportSend(_) => self.by_cause(error).unwrap_or_else(|| {
                let said = self.redactor.quote(&cause(error));
                Trouble::passing("unavailable", format!("`{provider}` cannot be reached: {said}"))
            }),
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
            if let Some(error) = error.downcast_ref::<reqwest::Error>()
                && let Some(status) = error.status()
            {
                let status = status.as_u16();
                let message = format!(
                    "`{provider}` refuses the request ({status}): check `url` and the headers of `[{provider}]`"
                );
                let code = if matches!(status, 401 | 403) { "denied" } else { "provider-error" };
                return Some(Trouble::lasting(code, message).with_status(status, None));
            }
            current = error.source();
        }
        None
    }
}
