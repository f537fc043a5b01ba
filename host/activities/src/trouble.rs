//! What went wrong in one attempt: the failure that the guest would see, and how long the provider asks to wait.

use std::pin::Pin;

use abide_model::{Failure, Json};

/// One attempt that did not succeed.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) failure: Failure,
    pub(crate) retry_after_ms: Option<u64>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// With an answer.
    Done(Json),
    /// With an answer that says that trying again may help. When there is no further attempt, it is the answer.
    Unsettled(Json, Trouble),
    /// Without one.
    Failed(Trouble),
    /// Not yet: it goes on outside the host, and needs no slot for that. The future minds its own time, up to the call's total.
    Elsewhere(Elsewhere),
}

/// The rest of an attempt that goes on outside the host.
pub(crate) struct Elsewhere(pub(crate) Pin<Box<dyn Future<Output = Late> + Send>>);

/// How such an attempt ended.
#[derive(Debug)]
pub(crate) enum Late {
    /// With an answer.
    Done(Json),
    /// Without one.
    Failed(Trouble),
    /// Without one, and for good, whatever the failure says of trying again.
    GivenUp(Failure),
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Elsewhere")
    }
}

impl Trouble {
    /// It may pass.
    pub(crate) fn passing(code: &str, message: impl Into<String>) -> Self {
        Self { failure: Failure::retryable(code, message), retry_after_ms: None }
    }

    /// It will not pass by itself.
    pub(crate) fn lasting(code: &str, message: impl Into<String>) -> Self {
        Self { failure: Failure::new(code, message), retry_after_ms: None }
    }

    /// The same, with the status and the wait that came with it.
    #[must_use]
    pub(crate) fn with_status(mut self, status: u16, retry_after_ms: Option<u64>) -> Self {
        self.retry_after_ms = retry_after_ms;
        let details = match retry_after_ms {
            Some(wait) => serde_json::json!({ "status": status, "retry_after_ms": wait }),
            None => serde_json::json!({ "status": status }),
        };
        self.failure.details = Some(Json::from(&details));
        self
    }
}

impl From<Trouble> for Attempt {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble)
    }
}

impl From<Result<Json, Trouble>> for Attempt {
    fn from(result: Result<Json, Trouble>) -> Self {
        match result {
            Ok(answer) => Self::Done(answer),
            Err(trouble) => Self::Failed(trouble),
        }
    }
}
