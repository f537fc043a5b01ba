//! Calls for the tests of `join` and `select`: futures that complete when the test says so, as those of the host do.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What a test does to its calls, and sees of them.
#[derive(Clone, Default)]
pub(crate) struct Calls(Rc<RefCell<Vec<Record>>>);

#[derive(Default)]
struct Record {
    outcome: Option<u32>,
    waker: Option<Waker>,
    polls: usize,
    dropped: bool,
}

impl Calls {
    /// A call that is requested by its first poll. They count from 0.
    pub(crate) fn call(&self) -> Call {
        let mut records = self.0.borrow_mut();
        records.push(Record::default());
        Call { calls: self.clone(), number: records.len() - 1 }
    }

    /// Completes a call, and wakes who waits for it.
    pub(crate) fn complete(&self, number: usize, outcome: u32) {
        let waker = {
            let record = &mut self.0.borrow_mut()[number];
            record.outcome = Some(outcome);
            record.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn polls(&self, number: usize) -> usize {
        self.0.borrow()[number].polls
    }

    pub(crate) fn is_dropped(&self, number: usize) -> bool {
        self.0.borrow()[number].dropped
    }
}

pub(crate) struct Call {
    calls: Calls,
    number: usize,
}

impl Future for Call {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
        let record = &mut self.calls.0.borrow_mut()[self.number];
        record.polls += 1;
        record.waker = Some(context.waker().clone());
        record.outcome.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.calls.0.borrow_mut()[self.number].dropped = true;
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs a future: polls it, then lets `step` complete calls, and so on as long as it was woken. Panics where a wake is lost.
pub(crate) fn drive<F: Future>(future: F, mut step: impl FnMut(usize)) -> F::Output {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut future = pin!(future);
    for turn in 0..100 {
        let before = wakes.0.load(Ordering::Relaxed);
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        step(turn);
        assert!(wakes.0.load(Ordering::Relaxed) > before, "nothing woke the future in turn {turn}");
    }
    panic!("the future does not complete");
}
