//! Runs that this run starts and waits for: a workflow calls other workflows.
//!
//! ```no_run
//! use abide::{Failure, children, join_all};
//!
//! #[abide::workflow]
//! async fn run(cities: Vec<String>) -> Result<Vec<String>, Failure> {
//!     // A thousand of them are fine: each is a run of its own.
//!     let reports = cities.iter().map(|city| children::run::<String>("report", city));
//!     join_all(reports).await.into_iter().collect()
//! }
//! ```
//!
//! A child that fails gives the failure `child-failed` (or `child-cancelled`, `child-terminated`, `child-timed-out`), whose
//! [`cause`](crate::Failure::cause) is the child's own.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::abide::workflow::children as wire;
use crate::options::to_ms;
use crate::{Failure, json, runs};

/// What happens to a child that is open when this run has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParentClose {
    /// It is asked to end.
    #[default]
    Cancel,
    /// It is ended.
    Terminate,
    /// Nothing.
    Abandon,
}

/// How a child is started.
#[derive(Clone, Debug, Default)]
pub struct ChildOptions {
    id: Option<String>,
    version: Option<String>,
    parent_close: ParentClose,
    run_timeout: Option<Duration>,
}

impl ChildOptions {
    /// The defaults: an id that the host makes up, the active version, and `ParentClose::Cancel`.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to call it. Of the runs with one id at most one is open.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// On which version: 8 or more of the first digits of its digest.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// What happens to it when this run has ended.
    #[must_use]
    pub fn parent_close(mut self, what: ParentClose) -> Self {
        self.parent_close = what;
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn run_timeout(mut self, timeout: Duration) -> Self {
        self.run_timeout = Some(timeout);
        self
    }
}

/// A run that this run started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Child {
    /// What it is called.
    pub id: String,
    /// What the host calls it.
    pub run_id: String,
}

/// Starts a run of `workflow`, and gives it when its start is durable.
pub async fn start<In: Serialize + ?Sized>(workflow: &str, input: &In) -> Result<Child, Failure> {
    start_with(workflow, input, ChildOptions::new()).await
}

/// The same, with options.
pub async fn start_with<In: Serialize + ?Sized>(
    workflow: &str,
    input: &In,
    options: ChildOptions,
) -> Result<Child, Failure> {
    let input = json::encode(input, "the input of the child")?;
    let options = wire::ChildOptions {
        id: options.id,
        version: options.version,
        parent_close: Some(match options.parent_close {
            ParentClose::Cancel => wire::ParentClosePolicy::Cancel,
            ParentClose::Terminate => wire::ParentClosePolicy::Terminate,
            ParentClose::Abandon => wire::ParentClosePolicy::Abandon,
        }),
        run_timeout_ms: options.run_timeout.map(to_ms),
    };
    let child = wire::start(workflow.to_owned(), input, Some(options)).await?;
    Ok(Child { id: child.id, run_id: child.run_id })
}

/// Starts a run of `workflow`, and waits for its result.
pub async fn run<Out: DeserializeOwned>(workflow: &str, input: &(impl Serialize + ?Sized)) -> Result<Out, Failure> {
    start(workflow, input).await?.result().await
}

impl Child {
    /// Waits for its result. Where the child goes on as new runs, that of the last of them.
    pub async fn result<Out: DeserializeOwned>(&self) -> Result<Out, Failure> {
        let result = wire::await_result(self.run_id.clone()).await?;
        json::decode(&result, "invalid-result", &format!("the result of the child `{}` does not fit", self.id))
    }

    /// Sends it a signal.
    pub async fn signal<T: Serialize + ?Sized>(&self, name: &str, payload: &T) -> Result<(), Failure> {
        runs::signal(&self.run_id, name, payload).await
    }

    /// Asks it to end.
    pub async fn cancel(&self, reason: &str) -> Result<(), Failure> {
        runs::cancel(&self.run_id, reason).await
    }
}
