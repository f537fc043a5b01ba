//! What can go wrong in a store.

use abide_model::{Error, ErrorCode, RunId, RunStatus, ScheduleId, Seq, Tenant, WorkflowName};

/// An error of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The history has another length than the writer thought.
    #[error("run {run_id} has {actual} events, its writer expected {expected}: another host wrote it")]
    Conflict {
        /// The run.
        run_id: RunId,
        /// What the writer expected.
        expected: Seq,
        /// What is there.
        actual: Seq,
    },
    /// A run with that id is open.
    #[error("a run with this id is open: {0}")]
    RunAlreadyOpen(RunId),
    /// A run with that id has ended, and the start does not want to take its id.
    #[error(
        "the id was used by run {run_id}, which is {status}: take another id, or allow it to be used again with `id_reuse`"
    )]
    IdUsed {
        /// The latest run of that id.
        run_id: RunId,
        /// How it ended.
        status: RunStatus,
    },
    /// The run that a new run is to share its history with is not there. Nothing was written.
    #[error("there is no run `{0}` to fork: it was deleted in between")]
    NoSuchRun(RunId),
    /// So many runs stand before it already whose history it shares. Nothing was written.
    #[error(
        "run `{run_id}` shares its history with {limit} runs, one before the other, and none can be added: fork one of those \
         before it, or copy it with `abide reset`"
    )]
    TooManyForks {
        /// The run that was to be forked.
        run_id: RunId,
        /// How many there may be.
        limit: u32,
    },
    /// A schedule was changed, made or deleted in between. Nothing was written.
    #[error("schedule `{0}` was changed by somebody else in between: look at it, then try again")]
    ScheduleChanged(ScheduleId),
    /// The versions of a workflow were changed in between. Nothing was written.
    #[error("the versions of `{0}` were changed by somebody else in between: look at them, then try again")]
    VersionsChanged(WorkflowName),
    /// A document was changed, made or removed in between. Nothing was written.
    #[error("`{0}` was changed by somebody else in between: look at it, then try again")]
    DocumentChanged(String),
    /// Another process has the data folder.
    #[error("{0}")]
    InUse(String),
    /// The disk failed. What was not acknowledged may be lost; what was is there.
    #[error("the store failed: {0}: free or repair the disk, then start the host again")]
    Unavailable(String),
    /// What is there cannot be read.
    #[error("the store holds something that this release cannot read: {0}")]
    Corrupt(String),
    /// What is there is sealed, and the host does not have the key.
    #[error("{0}")]
    Sealed(String),
    /// The tenant is being erased: nothing of it is written any more.
    #[error("tenant `{0}` is being deleted, with all that is stored of it")]
    Erased(Tenant),
    /// The change contradicts itself or is beyond the bounds of the store. Nothing was written.
    #[error("the store was asked for what it cannot store: {0}")]
    Invalid(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Conflict { .. }
            | StoreError::ScheduleChanged(_)
            | StoreError::VersionsChanged(_)
            | StoreError::DocumentChanged(_) => ErrorCode::Conflict,
            StoreError::RunAlreadyOpen(_) => ErrorCode::RunAlreadyOpen,
            StoreError::IdUsed { .. } => ErrorCode::RunIdUsed,
            StoreError::NoSuchRun(_) => ErrorCode::RunNotFound,
            StoreError::TooManyForks { .. } => ErrorCode::LimitExceeded,
            StoreError::InUse(_) => ErrorCode::DataInUse,
            StoreError::Unavailable(_) => ErrorCode::StoreUnavailable,
            StoreError::Corrupt(_) | StoreError::Sealed(_) => ErrorCode::StoreCorrupt,
            StoreError::Erased(_) => ErrorCode::TenantNotFound,
            StoreError::Invalid(_) => ErrorCode::Internal,
        };
        let converted = Error::new(code, error.to_string());
        match error {
            StoreError::Conflict { run_id, .. }
            | StoreError::RunAlreadyOpen(run_id)
            | StoreError::IdUsed { run_id, .. }
            | StoreError::TooManyForks { run_id, .. } => converted.about(run_id),
            _ => converted,
        }
    }
}
