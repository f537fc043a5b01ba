//! A number of slots that tasks wait for, fairly between flows. Like a semaphore, but who is next is decided by [`FairQueue`].
//!
//! The lock is held for a few instructions; nobody is woken and nothing is dropped under it.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::queue::{Due, FairQueue, Fit, Place};
use crate::recent::Recent;

/// What a flow is charged for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// The time for which it has it.
    Time,
    /// The same for each.
    Each,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask<F> {
    /// Who asks.
    pub flow: F,
    /// Its share, compared with that of the others.
    pub weight: u32,
    /// So many of the slots at once.
    pub units: u32,
    /// It may have no more than so many at the same time.
    pub most: u32,
    /// What it owes within the flow ([`Slot::due`]).
    pub due: Due,
}

impl<F> Ask<F> {
    /// One slot.
    pub fn one(flow: F, weight: u32) -> Self {
        Self { flow, weight, units: 1, most: u32::MAX, due: Due::default() }
    }

    /// The same, with a bound of its own.
    #[must_use]
    pub fn at_most(mut self, most: u32) -> Self {
        self.most = most.max(1);
        self
    }

    /// The same, by one that owes so much.
    #[must_use]
    pub fn due(mut self, due: Due) -> Self {
        self.due = due;
        self
    }

    /// So many slots at once.
    #[must_use]
    pub fn units(mut self, units: u32) -> Self {
        self.units = units.max(1);
        self
    }
}

/// What flows compete for. Cheap to clone: the clones are the same slots.
#[derive(Debug)]
pub struct Slots<F: Clone + Eq + Ord + Hash> {
    shared: Arc<Shared<F>>,
}

impl<F: Clone + Eq + Ord + Hash> Clone for Slots<F> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[derive(Debug)]
struct Shared<F: Clone + Eq + Ord + Hash> {
    total: u32,
    charge: Charge,
    state: Mutex<State<F>>,
}

#[derive(Debug)]
struct State<F: Clone + Eq + Ord + Hash> {
    free: u32,
    uses: HashMap<F, Use>,
    queue: FairQueue<F, Waiting<F>>,
    /// Of those that wait, so many gave up.
    gone: usize,
    /// Who asked of late, where one slot is kept for others.
    asked: Option<Recent<F>>,
}

#[derive(Debug, Default)]
struct Use {
    units: u32,
    /// What a slot cost it last: what the next one is charged until that is known.
    last: u64,
}

#[derive(Debug)]
struct Waiting<F: Clone + Eq + Ord + Hash> {
    units: u32,
    weight: u32,
    most: u32,
    place: Place,
    answer: oneshot::Sender<Slot<F>>,
}

/// A slot, or some. Dropping it gives them back.
#[derive(Debug)]
pub struct Slot<F: Clone + Eq + Ord + Hash> {
    shared: Arc<Shared<F>>,
    flow: F,
    units: u32,
    weight: u32,
    place: Place,
    charged: u64,
    since: Instant,
}

/// What is charged for the first slot of a flow until its cost is known.
const FIRST_CHARGE: u64 = 1000;
/// With [`Charge::Each`], of each.
const EACH: u64 = 1000;
/// So many that gave up may stay in the queue.
const GONE: usize = 64;

impl<F: Clone + Eq + Ord + Hash> Slots<F> {
    /// So many slots; 0 counts as 1.
    pub fn new(total: u32, charge: Charge) -> Self {
        Self::with(total, charge, None)
    }

    /// The same, of which no flow has the last one while another is about: one that asks now and then finds a free one. With one slot, or
    /// where a flow is alone, it may have all.
    pub fn keeping_one(total: u32, charge: Charge) -> Self {
        Self::with(total, charge, (total > 1).then(Recent::default))
    }

    fn with(total: u32, charge: Charge, asked: Option<Recent<F>>) -> Self {
        let total = total.max(1);
        let state = State { free: total, uses: HashMap::new(), queue: FairQueue::new(), gone: 0, asked };
        Self { shared: Arc::new(Shared { total, charge, state: Mutex::new(state) }) }
    }

    /// What tells these slots from others.
    pub(crate) fn address(&self) -> *const () {
        Arc::as_ptr(&self.shared).cast()
    }

    /// How many there are.
    pub fn total(&self) -> u32 {
        self.shared.total
    }

    /// How many a flow has.
    pub fn used_by(&self, flow: &F) -> u32 {
        self.shared.lock().uses.get(flow).map_or(0, |known| known.units)
    }

    /// How many ask for a slot and have none.
    pub fn waiting(&self) -> usize {
        let state = self.shared.lock();
        state.queue.len().saturating_sub(state.gone)
    }

    /// Takes what is free, if nobody waits for it.
    pub fn try_take(&self, ask: &Ask<F>) -> Option<Slot<F>> {
        self.shared.lock().take(&self.shared, ask)
    }

    /// Waits for a slot. One that asks for more than there are gets all.
    pub async fn take(&self, ask: Ask<F>) -> Slot<F> {
        match self.begin(&ask) {
            Ok(slot) => slot,
            Err(taking) => taking.await,
        }
    }

    /// Takes a slot, or begins to wait for one.
    pub(crate) fn begin(&self, ask: &Ask<F>) -> Result<Slot<F>, Taking<F>> {
        let mut state = self.shared.lock();
        if let Some(slot) = state.take(&self.shared, ask) {
            return Ok(slot);
        }
        let (answer, answered) = oneshot::channel();
        let units = ask.units.min(self.shared.total);
        let (weight, most, place) = (ask.weight, ask.most, state.queue.place(&ask.flow, ask.due));
        state.queue.push_at(&ask.flow, weight, place, Waiting { units, weight, most, place, answer });
        // Those before it may be ones that gave up.
        let granted = state.grant(&self.shared);
        drop(state);
        send(granted);
        Err(Taking { shared: self.shared.clone(), answered, waits: true })
    }
}

/// Waits for a slot.
#[derive(Debug)]
pub(crate) struct Taking<F: Clone + Eq + Ord + Hash> {
    shared: Arc<Shared<F>>,
    answered: oneshot::Receiver<Slot<F>>,
    waits: bool,
}

impl<F: Clone + Eq + Ord + Hash> Future for Taking<F> {
    type Output = Slot<F>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Slot<F>> {
        let slot = std::task::ready!(Pin::new(&mut self.answered).poll(context));
        self.waits = false;
        Poll::Ready(slot.expect("who waits is answered as long as there are slots"))
    }
}

/// Notices that somebody does not wait any more, so that the queue does not fill with those.
impl<F: Clone + Eq + Ord + Hash> Drop for Taking<F> {
    fn drop(&mut self) {
        if !self.waits {
            return;
        }
        let granted = {
            let mut state = self.shared.lock();
            state.gone += 1;
            if state.gone > GONE && state.gone * 2 > state.queue.len() {
                state.queue.retain(|waiting| !waiting.answer.is_closed());
                state.gone = 0;
            }
            // It may have been the one that all others waited behind.
            state.grant(&self.shared)
        };
        send(granted);
    }
}

impl<F: Clone + Eq + Ord + Hash> Shared<F> {
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is charged for a slot when it is taken.
    fn charge(&self, known: Option<&Use>, units: u32) -> u64 {
        match self.charge {
            Charge::Each => EACH * u64::from(units),
            Charge::Time => known.map_or(FIRST_CHARGE, |known| known.last).max(1),
        }
    }
}

type Granted<F> = Vec<(oneshot::Sender<Slot<F>>, Slot<F>)>;

impl<F: Clone + Eq + Ord + Hash> State<F> {
    /// Takes a slot where nobody waits.
    fn take(&mut self, shared: &Arc<Shared<F>>, ask: &Ask<F>) -> Option<Slot<F>> {
        if let Some(asked) = &mut self.asked {
            asked.saw(&ask.flow);
        }
        let units = ask.units.min(shared.total);
        let known = self.uses.get(&ask.flow);
        let used = known.map_or(0, |known| known.units);
        if !self.queue.is_empty()
            || units > self.free
            || over(used, units, most(shared, self.asked.as_ref(), &ask.flow, ask.most))
        {
            return None;
        }
        let charged = shared.charge(known, units);
        let place = self.queue.place(&ask.flow, ask.due);
        self.queue.pass(&ask.flow, ask.weight, place, charged);
        let (flow, weight, since) = (ask.flow.clone(), ask.weight, Instant::now());
        Some(self.hand_out(Slot { shared: shared.clone(), flow, units, weight, place, charged, since }))
    }

    fn hand_out(&mut self, slot: Slot<F>) -> Slot<F> {
        self.free -= slot.units;
        self.uses.entry(slot.flow.clone()).or_default().units += slot.units;
        slot
    }

    /// Gives what is free to those who are next.
    fn grant(&mut self, shared: &Arc<Shared<F>>) -> Granted<F> {
        let mut granted = Vec::new();
        loop {
            let (free, uses, asked) = (self.free, &self.uses, self.asked.as_ref());
            let mut charged = 0;
            let taken = self.queue.pop_if(|flow, waiting| {
                if waiting.answer.is_closed() {
                    return (Fit::Take, 0);
                }
                let known = uses.get(flow);
                let used = known.map_or(0, |known| known.units);
                if over(used, waiting.units, most(shared, asked, flow, waiting.most)) {
                    return (Fit::Skip, 0);
                }
                if waiting.units > free {
                    return (Fit::Stop, 0);
                }
                charged = shared.charge(known, waiting.units);
                (Fit::Take, charged)
            });
            let Some((flow, Waiting { units, weight, place, answer, .. })) = taken else { return granted };
            if answer.is_closed() {
                self.gone = self.gone.saturating_sub(1);
                self.queue.correct(&flow, weight, charged, 0);
                continue;
            }
            let since = Instant::now();
            let slot = self.hand_out(Slot { shared: shared.clone(), flow, units, weight, place, charged, since });
            granted.push((answer, slot));
        }
    }
}

/// So many slots a flow may have now.
fn most<F: Clone + Eq + Ord + Hash>(shared: &Shared<F>, asked: Option<&Recent<F>>, flow: &F, most: u32) -> u32 {
    match asked {
        Some(asked) if asked.others_than(flow) => most.min(shared.total - 1),
        _ => most,
    }
}

/// Whether so many more would be too many. More than its bound at once is given to a flow that has nothing, so that it is not held up for ever.
fn over(used: u32, units: u32, most: u32) -> bool {
    used > 0 && used + units > most
}

/// Hands out what was granted. What nobody takes any more comes back by being dropped.
fn send<F: Clone + Eq + Ord + Hash>(granted: Granted<F>) {
    for (answer, slot) in granted {
        drop(answer.send(slot));
    }
}

impl<F: Clone + Eq + Ord + Hash> Slot<F> {
    /// What it owes within the flow, if it gives it back now.
    pub fn due(&self) -> Due {
        self.place.served(u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

impl<F: Clone + Eq + Ord + Hash> Drop for Slot<F> {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.shared.lock();
            state.free += self.units;
            if self.shared.charge == Charge::Time {
                let micros = u64::try_from(self.since.elapsed().as_micros()).unwrap_or(u64::MAX);
                let cost = micros.saturating_mul(u64::from(self.units)).max(1);
                state.queue.correct(&self.flow, self.weight, self.charged, cost);
                if let Some(known) = state.uses.get_mut(&self.flow) {
                    known.last = cost;
                }
            }
            if let Some(known) = state.uses.get_mut(&self.flow) {
                known.units -= self.units;
                if known.units == 0 && !state.queue.has(&self.flow) {
                    state.uses.remove(&self.flow);
                }
            }
            state.grant(&self.shared)
        };
        send(granted);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_flood_does_not_hold_up_another() {
        let slots = Slots::new(1, Charge::Each);
        let first = slots.take(Ask::one("flood", 1)).await;
        let mut flood = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let slots = slots.clone();
            flood.spawn(async move { drop(slots.take(Ask::one("flood", 1)).await) });
        }
        while slots.waiting() < 100 {
            tokio::task::yield_now().await;
        }
        let neighbour = slots.take(Ask::one("neighbour", 1));
        drop(first);
        drop(neighbour.await);
        assert!(slots.waiting() > 90, "only {} of the flood still wait", slots.waiting());
        flood.join_all().await;
        assert_eq!((slots.used_by(&"flood"), slots.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn time_is_shared_not_turns() {
        let slots = Slots::new(1, Charge::Time);
        let stop = Instant::now() + Duration::from_millis(600);
        let work = |flow: &'static str, millis| {
            let slots = slots.clone();
            tokio::spawn(async move {
                let mut used = Duration::ZERO;
                while Instant::now() < stop {
                    let slot = slots.take(Ask::one(flow, 1)).await;
                    let began = Instant::now();
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    used += began.elapsed();
                    drop(slot);
                }
                used
            })
        };
        let (long, long_too, short, short_too) =
            (work("long", 20), work("long", 20), work("short", 3), work("short", 3));
        let (long, short) =
            (long.await.unwrap() + long_too.await.unwrap(), short.await.unwrap() + short_too.await.unwrap());
        let ratio = long.as_secs_f64() / short.as_secs_f64();
        assert!((0.6..1.7).contains(&ratio), "{long:?} and {short:?}");
    }

    #[tokio::test]
    async fn one_at_its_own_bound_lets_others_pass() {
        let slots = Slots::new(10, Charge::Each);
        let bounded = || Ask::one("a", 1).at_most(2);
        let (_one, two) = (slots.take(bounded()).await, slots.take(bounded()).await);
        assert!(slots.try_take(&bounded()).is_none());
        let third = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(bounded()).await }
        });
        while slots.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let _other = slots.take(Ask::one("b", 1)).await;
        assert_eq!(slots.used_by(&"a"), 2);
        drop(two);
        let _third = third.await.unwrap();
        assert_eq!((slots.used_by(&"a"), slots.used_by(&"b")), (2, 1));
    }

    #[tokio::test]
    async fn the_last_slot_is_kept_for_another_that_is_about() {
        let slots = Slots::keeping_one(3, Charge::Each);
        let flood = || Ask::one("flood", 1);
        // Alone, it has all.
        let all: Vec<_> = (0..3).map(|_| slots.try_take(&flood()).unwrap()).collect();
        let neighbour = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(Ask::one("neighbour", 1)).await }
        });
        while slots.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let mut all = all.into_iter();
        drop(all.next());
        drop(neighbour.await.unwrap());
        assert!(slots.try_take(&flood()).is_none(), "two are in use, and the last one is kept");
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(flood()).await }
        });
        while slots.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        // It passes those who may not have it.
        drop(slots.take(Ask::one("neighbour", 1)).await);
        assert_eq!((slots.used_by(&"flood"), slots.waiting()), (2, 1));
        drop(all.next());
        drop(waiting.await.unwrap());
        assert_eq!(slots.used_by(&"flood"), 1);
    }

    #[tokio::test]
    async fn who_gives_up_holds_up_nobody() {
        let slots = Slots::new(4, Charge::Each);
        let most = slots.take(Ask::one("a", 1).units(3)).await;
        for _ in 0..1000 {
            let large = slots.take(Ask::one("b", 1).units(4));
            assert!(tokio::time::timeout(Duration::ZERO, large).await.is_err());
        }
        assert!(slots.waiting() <= GONE * 2, "{} wait", slots.waiting());
        let one = slots.take(Ask::one("c", 1)).await;
        drop((most, one));
        let all = slots.take(Ask::one("d", 1).units(100)).await;
        assert_eq!(slots.used_by(&"d"), 4);
        drop(all);
        assert_eq!(slots.used_by(&"d"), 0);
    }
}
