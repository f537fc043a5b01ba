//! The one error of the host's surface. Its code decides the HTTP status, the exit status and whether trying again helps.

use serde::{Deserialize, Serialize};

/// What kind of error. The text of a code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// A parameter, header or field is malformed.
    InvalidArgument,
    /// The request carries no token, or one that is good no more.
    Unauthenticated,
    /// The token may not do this.
    Forbidden,
    /// A text that must be JSON is not.
    InvalidJson,
    /// An uploaded file is no component that can run here.
    InvalidComponent,
    /// There is no such run.
    RunNotFound,
    /// There is no such workflow.
    WorkflowNotFound,
    /// There is no such version of the workflow.
    VersionNotFound,
    /// There is no such schedule.
    ScheduleNotFound,
    /// There is no such tenant.
    TenantNotFound,
    /// There is no such token.
    TokenNotFound,
    /// The tenant has no such setting.
    SettingNotFound,
    /// The tenant has no secret of that name.
    SecretNotFound,
    /// There is no such path.
    NotFound,
    /// The path exists, not with this method.
    MethodNotAllowed,
    /// A run with this id is open.
    RunAlreadyOpen,
    /// The id is that of a run that has ended, and the caller does not want to use it again.
    RunIdUsed,
    /// A schedule with this id is there.
    ScheduleExists,
    /// A tenant of this name is there.
    TenantExists,
    /// The run has ended.
    RunClosed,
    /// The run has not ended.
    RunOpen,
    /// The run is not parked.
    RunNotParked,
    /// The run is parked, and this needs one that is not.
    RunParked,
    /// A component does not do what a history says.
    HistoryDiffers,
    /// An idempotency key was used before with another request.
    IdempotencyConflict,
    /// The run was sent no such update.
    UpdateNotFound,
    /// The workflow has no query of that name.
    QueryNotFound,
    /// The query's own code failed.
    QueryFailed,
    /// There is no task queue of that name.
    QueueNotFound,
    /// No open call has this token, or its run is not back yet after a restart of the host.
    TaskNotFound,
    /// The call of this token has an outcome, or nobody waits for it any more.
    TaskClosed,
    /// The token is of an earlier attempt; a later one is under way.
    TaskSuperseded,
    /// There is no tool component of that name.
    ToolNotFound,
    /// A workflow needs the tool component.
    ToolInUse,
    /// Somebody else has the name or the interface.
    NameTaken,
    /// Something is larger than its limit.
    TooLarge,
    /// A count is at its limit.
    LimitExceeded,
    /// The tenant is at a quota.
    QuotaExceeded,
    /// The result did not come in the time that the caller gave.
    NotYet,
    /// Another owner wrote the run in between.
    Conflict,
    /// The configuration is wrong.
    InvalidConfig,
    /// Another process has the data folder.
    DataInUse,
    /// The store failed; nothing was acknowledged.
    StoreUnavailable,
    /// What the store holds cannot be read.
    StoreCorrupt,
    /// The host is stopping or not ready.
    Unavailable,
    /// A fault of the host itself.
    Internal,
}

impl ErrorCode {
    /// The HTTP status of an answer with this code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::InvalidJson | Self::InvalidConfig => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::RunNotFound
            | Self::WorkflowNotFound
            | Self::VersionNotFound
            | Self::ScheduleNotFound
            | Self::NotFound
            | Self::UpdateNotFound
            | Self::QueryNotFound
            | Self::QueueNotFound
            | Self::TaskNotFound
            | Self::ToolNotFound
            | Self::TenantNotFound
            | Self::TokenNotFound
            | Self::SettingNotFound
            | Self::SecretNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotYet => 408,
            Self::RunAlreadyOpen
            | Self::RunIdUsed
            | Self::ScheduleExists
            | Self::TenantExists
            | Self::RunClosed
            | Self::RunOpen
            | Self::RunNotParked
            | Self::RunParked
            | Self::HistoryDiffers
            | Self::IdempotencyConflict
            | Self::Conflict
            | Self::TaskClosed
            | Self::TaskSuperseded
            | Self::ToolInUse
            | Self::NameTaken
            | Self::DataInUse => 409,
            Self::TooLarge => 413,
            Self::InvalidComponent | Self::QueryFailed => 422,
            Self::LimitExceeded | Self::QuotaExceeded => 429,
            Self::StoreUnavailable | Self::Unavailable => 503,
            Self::StoreCorrupt | Self::Internal => 500,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::NotYet
                | Self::Conflict
                | Self::LimitExceeded
                | Self::QuotaExceeded
                | Self::TaskNotFound
                | Self::StoreUnavailable
                | Self::Unavailable
        )
    }

    /// The code as users see it, such as `run-not-found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid-argument",
            Self::InvalidJson => "invalid-json",
            Self::InvalidComponent => "invalid-component",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::TenantNotFound => "tenant-not-found",
            Self::TokenNotFound => "token-not-found",
            Self::SettingNotFound => "setting-not-found",
            Self::SecretNotFound => "secret-not-found",
            Self::TenantExists => "tenant-exists",
            Self::RunNotFound => "run-not-found",
            Self::WorkflowNotFound => "workflow-not-found",
            Self::VersionNotFound => "version-not-found",
            Self::ScheduleNotFound => "schedule-not-found",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::RunAlreadyOpen => "run-already-open",
            Self::RunIdUsed => "run-id-used",
            Self::ScheduleExists => "schedule-exists",
            Self::RunClosed => "run-closed",
            Self::RunOpen => "run-open",
            Self::RunNotParked => "run-not-parked",
            Self::RunParked => "run-parked",
            Self::HistoryDiffers => "history-differs",
            Self::IdempotencyConflict => "idempotency-conflict",
            Self::UpdateNotFound => "update-not-found",
            Self::QueryNotFound => "query-not-found",
            Self::QueryFailed => "query-failed",
            Self::QueueNotFound => "queue-not-found",
            Self::TaskNotFound => "task-not-found",
            Self::TaskClosed => "task-closed",
            Self::TaskSuperseded => "task-superseded",
            Self::ToolNotFound => "tool-not-found",
            Self::ToolInUse => "tool-in-use",
            Self::NameTaken => "name-taken",
            Self::TooLarge => "too-large",
            Self::LimitExceeded => "limit-exceeded",
            Self::QuotaExceeded => "quota-exceeded",
            Self::NotYet => "not-yet",
            Self::Conflict => "conflict",
            Self::InvalidConfig => "invalid-config",
            Self::DataInUse => "data-in-use",
            Self::StoreUnavailable => "store-unavailable",
            Self::StoreCorrupt => "store-corrupt",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error with a code for programs and a sentence for people that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The kind.
    pub code: ErrorCode,
    /// The sentence.
    pub message: String,
    /// The run that it is about, where there is one.
    pub run: Option<crate::RunId>,
    /// When the same request may succeed, where that is known.
    pub retry_after_ms: Option<u64>,
}

impl Error {
    /// An error.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), run: None, retry_after_ms: None }
    }

    /// The same, about a run.
    #[must_use]
    pub fn about(mut self, run: crate::RunId) -> Self {
        self.run = Some(run);
        self
    }

    /// The same, with the time after which the same request may succeed.
    #[must_use]
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_code_is_its_json() {
        for code in [ErrorCode::InvalidArgument, ErrorCode::RunAlreadyOpen, ErrorCode::StoreCorrupt] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
