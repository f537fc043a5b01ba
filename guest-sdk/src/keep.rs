//! Futures that outlive one [`select!`](crate::select): [`keep`].

use std::pin::Pin;
use std::task::{Context, Poll};

/// Holds a future so that `&mut` of it can be given to more than one [`select!`](crate::select).
///
/// Losing a `select!` does not cancel it then: it goes on. Once it has completed, it is never ready again, so that a loop does not
/// trip over it. Dropping it cancels it.
///
/// ```no_run
/// use abide::{keep, select, signals, timer};
/// use std::time::Duration;
///
/// # async fn f() -> Result<String, abide::Failure> {
/// let mut answer = keep(signals::receive::<String>("answer"));
/// loop {
///     select! {
///         answer = &mut answer => break answer,
///         _ = timer::sleep(Duration::from_secs(3_600)) => abide::info!("still waiting"),
///     }
/// }
/// # }
/// ```
pub fn keep<F: Future>(future: F) -> Keep<F> {
    Keep { future: Some(Box::pin(future)) }
}

/// What [`keep`] gives.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Keep<F> {
    future: Option<Pin<Box<F>>>,
}

impl<F> Keep<F> {
    /// Whether it has completed, and its output was taken.
    pub fn is_completed(&self) -> bool {
        self.future.is_none()
    }
}

impl<F: Future> Future for Keep<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let poll = future.as_mut().poll(context);
        if poll.is_ready() {
            self.future = None;
        }
        poll
    }
}
