//! The turn in which a batch is written: one of a tenant whose changes wait, like those that its tasks take to compute. Where a tenant is
//! alone, and for the host's own changes, none is needed.

use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use abide_fair::Slot;

use super::Shared;
use super::queue::{Flow, MOST_ASKED, Queue};

/// A turn, where one was needed.
pub(super) type Turn = Option<Slot<u64>>;

/// What is asked for.
struct Asked {
    flow: Flow,
    turn: Pin<Box<dyn Future<Output = Slot<u64>>>>,
}

/// Wakes the thread that writes. One that is rung before anybody listens is heard.
#[derive(Debug, Default)]
pub(super) struct Bell {
    is_rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }

    fn wait(&self) {
        let mut is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_rung {
            is_rung = self.rings.wait(is_rung).unwrap_or_else(PoisonError::into_inner);
        }
        *is_rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

/// What there is to do.
enum Next {
    /// Nothing, now or ever.
    Wait,
    End,
    /// To write, and no turn is needed for that.
    Write,
    /// To wait for one of the turns that are asked for.
    Ask,
}

impl Shared {
    /// Waits for changes, and for a turn to write them. `None` where none will come.
    pub(super) fn wait_for_turn(&self, waker: &Waker) -> Option<Turn> {
        let mut asked = Vec::new();
        loop {
            match self.next(&mut asked) {
                Next::End => return None,
                Next::Write => return Some(None),
                Next::Wait => {}
                Next::Ask => {
                    // Not under the lock of the queue: to ask may give others their turns, and so wake them.
                    if let Some(turn) = first_of(&mut asked, waker) {
                        self.queue().waits_for_turn = false;
                        return Some(Some(turn));
                    }
                }
            }
            self.bell.wait();
        }
    }

    /// Looks what waits, and asks for the turns of those who do.
    fn next(&self, asked: &mut Vec<Asked>) -> Next {
        let mut queue = self.queue();
        let next = queue.next(asked);
        queue.waits_for_turn = matches!(next, Next::Ask);
        next
    }
}

impl Queue {
    /// Asks for turns of those who wait: the first that is given is taken.
    fn next(&self, asked: &mut Vec<Asked>) -> Next {
        match (self.waiting.is_empty(), self.closed) {
            (true, true) => return Next::End,
            (true, false) => return Next::Wait,
            // There may be nobody any more who gives back turns.
            (false, true) => return Next::Write,
            (false, false) => {}
        }
        for flow in self.waiting.flows().take(MOST_ASKED) {
            if asked.iter().any(|known| known.flow == *flow) {
                continue;
            }
            let Some((turns, ask)) = self.share(flow).and_then(|share| share.turn()) else { return Next::Write };
            let turns = turns.clone();
            asked.push(Asked { flow: flow.clone(), turn: Box::pin(async move { turns.take(ask).await }) });
        }
        Next::Ask
    }
}

fn first_of(asked: &mut [Asked], waker: &Waker) -> Option<Slot<u64>> {
    let mut context = Context::from_waker(waker);
    asked.iter_mut().find_map(|asked| match asked.turn.as_mut().poll(&mut context) {
        Poll::Ready(turn) => Some(turn),
        Poll::Pending => None,
    })
}
