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
#[must_use = "it is given back when it is dropped"]
pub struct Slot<F: Clone + Eq + Ord + Hash> {
    shared: Arc<Shared<F>>,
    flow: F,
    units: u32,
    weight: u32,
    place: Place,
    charged: u64,
    since: Instant,
    is_shared: bool,
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

    /// Whether others than this flow were about within the last second, where one slot is kept for those.
    pub fn are_shared_by(&self, flow: &F) -> bool {
        self.shared.lock().asked.as_ref().is_some_and(|asked| asked.others_than(flow))
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
        Some(self.hand_out(shared, (ask.flow.clone(), ask.weight), units, place, charged))
    }

    fn hand_out(
        &mut self,
        shared: &Arc<Shared<F>>,
        (flow, weight): (F, u32),
        units: u32,
        place: Place,
        charged: u64,
    ) -> Slot<F> {
        self.free -= units;
        self.uses.entry(flow.clone()).or_default().units += units;
        let is_shared = self.asked.as_ref().is_some_and(|asked| asked.others_than(&flow));
        Slot { shared: shared.clone(), flow, units, weight, place, charged, since: Instant::now(), is_shared }
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
            let slot = self.hand_out(shared, (flow, weight), units, place, charged);
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
    /// Whether others than its flow were about when it was handed out, where one slot is kept for those.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

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
mod tests;
