//! Fairness between tasks: a future that is polled when it is its flow's turn.
//!
//! An executor polls what is woken in the order in which it was woken, so that who wakes a thousand tasks makes all others wait for a thousand
//! polls. Here a task that is woken first takes one of the slots for polls, has it for that one poll, and gives it back. So no slot is ever
//! held by somebody who waits, and what each flow is charged is the time that its tasks compute. The executor needs a thread more than there
//! are slots: the one that lets tasks ask while all slots are taken.

use std::cell::Cell;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::queue::Due;
use crate::slots::{Ask, Slots, Taking};

/// A future that takes a slot for each of its polls. To be spawned, or awaited by somebody who waits for nothing else meanwhile: the slot that
/// it was given is kept for it until it is polled. One inside another that competes for the same slots is polled with the slot of that one.
#[derive(Debug)]
pub struct Fairly<F: Clone + Eq + Ord + Hash, A, Fut> {
    slots: Slots<F>,
    ask: A,
    taking: Option<Taking<F>>,
    /// What it owes among the tasks of its flow: one that computed much comes after those that did not.
    due: Due,
    future: Fut,
}

impl<F: Clone + Eq + Ord + Hash> Slots<F> {
    /// Polls `future` with a slot that is asked for by `ask`, each time anew.
    pub fn fairly<A: FnMut() -> Ask<F>, Fut: Future + Unpin>(&self, ask: A, future: Fut) -> Fairly<F, A, Fut> {
        Fairly { slots: self.clone(), ask, taking: None, due: Due::default(), future }
    }
}

impl<F: Clone + Eq + Ord + Hash, A: FnMut() -> Ask<F> + Unpin, Fut: Future + Unpin> Future for Fairly<F, A, Fut> {
    type Output = Fut::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Fut::Output> {
        let this = self.get_mut();
        let Some(_polling) = Polling::begin(&this.slots) else {
            this.taking = None;
            return Pin::new(&mut this.future).poll(context);
        };
        let slot = match &mut this.taking {
            Some(taking) => std::task::ready!(Pin::new(taking).poll(context)),
            None => match this.slots.begin(&(this.ask)().due(this.due)) {
                Ok(slot) => slot,
                Err(taking) => {
                    let taking = this.taking.insert(taking);
                    std::task::ready!(Pin::new(taking).poll(context))
                }
            },
        };
        this.taking = None;
        let polled = Pin::new(&mut this.future).poll(context);
        this.due = slot.due();
        let is_shared = slot.is_shared();
        drop(slot);
        if is_shared {
            give_core(this.due.cost);
        }
        polled
    }
}

/// A thread that computed for so long, in microseconds, offers its core to others.
const OFFER_AFTER: u64 = 250;

thread_local! {
    /// For which slots this thread polls something now.
    static POLLS: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
    /// For how long it computed since it last offered its core, in microseconds.
    static COMPUTED: Cell<u64> = const { Cell::new(0) };
}

/// Lets another thread have the core, after a while: who has a slot that is free may be on a thread that was woken on a core that is not, and
/// operating systems let it wait there for milliseconds, though another core is idle.
fn give_core(computed: u64) {
    let since = COMPUTED.get().saturating_add(computed);
    COMPUTED.set(if since < OFFER_AFTER { since } else { 0 });
    if since >= OFFER_AFTER {
        std::thread::yield_now();
    }
}

/// While a thread polls, or asks whether it may.
struct Polling {
    before: *const (),
}

impl Polling {
    /// `None` where the thread has a slot of these already.
    fn begin<F: Clone + Eq + Ord + Hash>(slots: &Slots<F>) -> Option<Self> {
        let before = POLLS.replace(slots.address());
        (before != slots.address()).then_some(Self { before })
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        POLLS.set(self.before);
    }
}

/// Gives the turn back, and asks for the next one at once. (The one of tokio asks again only when its thread has nothing else to do, or after
/// many polls of others.)
pub async fn give_way() {
    let mut gave_way = false;
    let once = std::future::poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    once.await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::Charge;

    /// Computes for a millisecond, so many times.
    async fn computes(times: u32) {
        for _ in 0..times {
            let until = Instant::now() + Duration::from_millis(1);
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            give_way().await;
        }
    }

    /// So many tasks of a flow that each compute for so many milliseconds, and how many have done that.
    fn compute(
        slots: &Slots<&'static str>,
        flow: &'static str,
        tasks: usize,
        times: u32,
    ) -> (tokio::task::JoinSet<()>, Arc<AtomicU32>) {
        let (mut computing, done) = (tokio::task::JoinSet::new(), Arc::new(AtomicU32::new(0)));
        for _ in 0..tasks {
            let done = done.clone();
            let work = Box::pin(async move {
                computes(times).await;
                done.fetch_add(1, Ordering::SeqCst);
            });
            computing.spawn(slots.fairly(move || Ask::one(flow, 1), work));
        }
        (computing, done)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_are_polled_than_there_are_slots() {
        let slots = Slots::new(2, Charge::Time);
        let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..20_u32 {
            let (now, most) = (now.clone(), most.clone());
            let work = Box::pin(async move {
                for _ in 0..20 {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_micros(100));
                    now.fetch_sub(1, Ordering::SeqCst);
                    give_way().await;
                }
            });
            tasks.spawn(slots.fairly(move || Ask::one(number % 3, 1), work));
        }
        tasks.join_all().await;
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!((slots.waiting(), slots.used_by(&0)), (0, 0));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_flood_of_tasks_costs_another_its_share() {
        let slots = Slots::new(1, Charge::Time);
        let (flood, done) = compute(&slots, "flood", 200, 2);
        let neighbour = slots.fairly(|| Ask::one("neighbour", 1), Box::pin(computes(20)));
        tokio::spawn(neighbour).await.unwrap();
        // About 20 polls each; without shares, the neighbour would come last.
        assert!(done.load(Ordering::SeqCst) < 100, "{} of the flood were done before", done.load(Ordering::SeqCst));
        flood.join_all().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_one_flow_too_none_waits_for_all_that_compute() {
        let slots = Slots::new(1, Charge::Time);
        // For five seconds.
        let (tasks, done) = compute(&slots, "one", 50, 100);
        // Until all have computed.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let short = Box::pin(async {
            for _ in 0..100 {
                give_way().await;
            }
        });
        tokio::spawn(slots.fairly(|| Ask::one("one", 1), short)).await.unwrap();
        // It asked a hundred times, and did not wait a round of all others each time.
        assert!(done.load(Ordering::SeqCst) < 25, "{} were done before", done.load(Ordering::SeqCst));
        drop(tasks);
    }

    #[tokio::test]
    async fn one_inside_another_is_polled_with_its_slot() {
        let slots = Slots::new(1, Charge::Time);
        let ask = || Ask::one("one", 1);
        let inner = slots.fairly(ask, Box::pin(computes(5)));
        let beside = slots.fairly(ask, Box::pin(computes(5)));
        let outer = Box::pin(async move {
            computes(1).await;
            inner.await;
        });
        let outer = tokio::spawn(slots.fairly(ask, outer));
        let beside = tokio::spawn(beside);
        tokio::time::timeout(Duration::from_secs(30), async { outer.await.and(beside.await) })
            .await
            .expect("an end")
            .unwrap();
        assert_eq!((slots.waiting(), slots.used_by(&"one")), (0, 0));
    }

    #[tokio::test]
    async fn one_that_is_given_up_gives_back_what_it_was_granted() {
        let slots = Slots::new(1, Charge::Time);
        let held = slots.take(Ask::one("a", 1)).await;
        let mut waiting = slots.fairly(|| Ask::one("b", 1), Box::pin(std::future::pending::<()>()));
        assert!(futures_poll(&mut waiting).is_pending());
        drop(held);
        // Granted, and never polled again.
        drop(waiting);
        drop(slots.take(Ask::one("c", 1)).await);
    }

    fn futures_poll<Fut: Future + Unpin>(future: &mut Fut) -> Poll<Fut::Output> {
        Pin::new(future).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }
}
