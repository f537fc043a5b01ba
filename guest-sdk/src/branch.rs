//! One of several futures that wait together. It is polled only when it was woken, so that waiting for a thousand calls does not ask
//! for each of them whenever one completes. What is done with the outputs is the business of `join` and `select`.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future with a waker of its own. It is on the heap, so that it can be moved while it waits.
pub(crate) struct Branch<F: Future> {
    /// `None` once it has completed: what it held is released then, not when its siblings complete.
    future: Option<Pin<Box<F>>>,
    output: Option<F::Output>,
    bell: Arc<Bell>,
}

/// Remembers that a branch was woken, and wakes the whole.
struct Bell {
    rung: AtomicBool,
    parent: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        // Cloned out: the waker is foreign code, and no lock is held while that runs.
        let parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl<F: Future> Branch<F> {
    pub(crate) fn new(future: F) -> Self {
        // It begins as woken: the first poll starts it.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), parent: Mutex::new(None) });
        Self { future: Some(Box::pin(future)), output: None, bell }
    }

    /// Gives it a turn where it was woken, and says whether it has completed.
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> bool {
        let Some(future) = &mut self.future else {
            return true;
        };
        {
            let mut parent = self.bell.parent.lock().unwrap_or_else(PoisonError::into_inner);
            if !parent.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *parent = Some(context.waker().clone());
            }
        }
        if !self.bell.rung.swap(false, Ordering::AcqRel) {
            return false;
        }
        let waker = Waker::from(Arc::clone(&self.bell));
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => {
                self.output = Some(output);
                self.future = None;
                true
            }
            Poll::Pending => false,
        }
    }

    /// What it came back with; once, after it has completed.
    pub(crate) fn take(&mut self) -> Option<F::Output> {
        self.output.take()
    }
}

// The future is behind a pinned box and nothing else of a branch is ever pinned.
impl<F: Future> Unpin for Branch<F> {}
