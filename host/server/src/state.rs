//! What the handlers share: the host, what requests may cost, and whether the server is stopping.

use std::sync::Arc;

use abide_model::{Error, ErrorCode};
use abide_runtime::Host;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::access::Auth;
use crate::guard::Guard;

/// How many components may be received at the same time. Each is held in memory while it comes.
const UPLOADS: usize = 4;

/// The state of the router.
pub(crate) type Shared = Arc<State>;

/// See [`Shared`].
pub(crate) struct State {
    pub(crate) host: Host,
    pub(crate) guard: Guard,
    pub(crate) auth: Auth,
    pub(crate) max_component_bytes: usize,
    /// Taken by uploads while they come in.
    pub(crate) uploads: Semaphore,
    /// Cancelled when the server stops: waits and streams end then.
    pub(crate) stopping: CancellationToken,
}

impl State {
    pub(crate) fn new(host: Host, guard: Guard, auth: Auth, max_component_bytes: usize) -> Self {
        Self {
            host,
            guard,
            auth,
            max_component_bytes,
            uploads: Semaphore::new(UPLOADS),
            stopping: CancellationToken::new(),
        }
    }

    /// `work`, or `unavailable` where the server stops before it is done. For requests that wait.
    pub(crate) async fn unless_stopping<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.stopping.cancelled() => Err(stopping()),
        }
    }
}

/// The error of requests that the stop of the server interrupts.
pub(crate) fn stopping() -> Error {
    Error::new(ErrorCode::Unavailable, "the host is stopping: ask again when it is back")
}
