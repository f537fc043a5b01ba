//! A queue that is fair between flows: start-time fair queueing (Goyal, Vin and Cheng, 1996). Each flow has its own order; which flow is
//! next is decided by what each was charged, divided by its weight.
//!
//! A flow has a *due* place in virtual time. The flow whose place comes first is served, virtual time moves there, and the flow's place
//! moves on by what it is charged. A flow that had nothing to do begins at the present: it neither pays for the time in which it was away
//! nor is it paid for it. So a flow that always wants something gets its share by weight, whatever the others do, and one that comes waits
//! for about one item of each other flow.
//!
//! Within a flow, items come in their order, unless those who add them say what they owe ([`Due`]): then it is the same again, one level
//! below. There, of those whose places come next, the one is served that takes the least: the many small before the few large.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// Costs are divided by weights in these units, so that little is lost.
const UNIT: u128 = 1 << 16;
/// So far a place may be ahead of the present of its flow, in cost: what somebody owes for longer is forgiven.
const AHEAD: u64 = 4000;
/// And so far who comes for the first time, so that who owes is reached although others come all the time.
const NEW: u64 = 50;

/// What is said of an item at the head of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It is taken.
    Take,
    /// It has to wait, and others may go before it.
    Skip,
    /// It has to wait, and nobody goes before it.
    Stop,
}

/// Items of many flows.
#[derive(Debug)]
pub struct FairQueue<F, T> {
    flows: HashMap<F, Flow<T>>,
    /// Flows with items, by their place; of equal places, who was served longest ago.
    waiting: BTreeSet<(u128, u64, F)>,
    /// Flows without items whose place is still ahead: to be forgotten when virtual time has come there.
    idle: BTreeSet<(u128, F)>,
    now: u128,
    served: u64,
    added: u64,
    items: usize,
}

#[derive(Debug)]
struct Flow<T> {
    weight: u32,
    due: u128,
    /// When it was served last, among flows of the same place.
    turn: u64,
    /// Virtual time within the flow: the place that was served last.
    now: u64,
    /// By where they will have come when they were served; of equal ones, who came first.
    items: BTreeMap<(u64, u64), (Place, T)>,
}

/// What somebody owes within its flow: where it stands there after it was served, and what that cost. One that comes for the first time owes
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Due {
    /// Its place when it was served, moved on by what that cost.
    pub at: u64,
    /// What it cost, and so may cost again.
    pub cost: u64,
}

/// A place within a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    at: u64,
    cost: u64,
}

impl Place {
    /// What somebody owes who was served here, for `cost`.
    pub fn served(&self, cost: u64) -> Due {
        Due { at: self.at.saturating_add(cost.max(1)), cost }
    }
}

impl<F, T> Default for FairQueue<F, T> {
    fn default() -> Self {
        let (flows, waiting, idle) = (HashMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { flows, waiting, idle, now: 0, served: 0, added: 0, items: 0 }
    }
}

impl<F: Clone + Eq + Ord + Hash, T> FairQueue<F, T> {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Items that wait.
    pub fn len(&self) -> usize {
        self.items
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Whether a flow has items.
    pub fn has(&self, flow: &F) -> bool {
        self.flows.get(flow).is_some_and(|known| !known.items.is_empty())
    }

    /// The flows that have items, in the order in which they are next.
    pub fn flows(&self) -> impl Iterator<Item = &F> {
        self.waiting.iter().map(|(_, _, flow)| flow)
    }

    /// Adds an item at the end of its flow. The weight holds from now on; 0 counts as 1.
    pub fn push(&mut self, flow: &F, weight: u32, item: T) {
        let place = self.place(flow, Due::default());
        self.push_at(flow, weight, place, item);
    }

    /// The place within its flow of one that owes so much. It is never in the past, and not far ahead.
    pub fn place(&self, flow: &F, due: Due) -> Place {
        let now = self.flows.get(flow).map_or(0, |known| known.now);
        let at = match due.at {
            0 => now.saturating_add(NEW),
            at => at.clamp(now, now.saturating_add(AHEAD)),
        };
        Place { at, cost: due.cost.min(AHEAD) }
    }

    /// Adds an item at a place in its flow.
    pub fn push_at(&mut self, flow: &F, weight: u32, place: Place, item: T) {
        let now = self.now;
        self.added += 1;
        let added = self.added;
        let known = self.flow(flow);
        known.weight = weight.max(1);
        known.items.insert((place.at.saturating_add(place.cost), added), (place, item));
        if known.items.len() == 1 {
            let before = known.due;
            known.due = known.due.max(now);
            let place = (known.due, known.turn, flow.clone());
            self.idle.remove(&(before, flow.clone()));
            self.waiting.insert(place);
        }
        self.items += 1;
    }

    /// Takes the item that is next, and charges its flow.
    pub fn pop(&mut self, cost: u64) -> Option<(F, T)> {
        self.pop_if(|_, _| (Fit::Take, cost))
    }

    /// Takes the first item that `fit` takes, of those that are next of their flows, and charges its flow what `fit` says.
    pub fn pop_if(&mut self, mut fit: impl FnMut(&F, &T) -> (Fit, u64)) -> Option<(F, T)> {
        let mut taken = None;
        for place in &self.waiting {
            let first = self.flows.get(&place.2).and_then(|flow| flow.items.first_key_value());
            let (_, (_, item)) = first.expect("a flow that waits has an item");
            match fit(&place.2, item) {
                (Fit::Take, cost) => {
                    taken = Some((place.clone(), cost));
                    break;
                }
                (Fit::Skip, _) => {}
                (Fit::Stop, _) => return None,
            }
        }
        let (place, cost) = taken?;
        self.waiting.remove(&place);
        let (due, _, name) = place;
        // One that was skipped is behind the present. What it did not use is lost, as it is for one that was away.
        self.now = self.now.max(due);
        self.served += 1;
        let (now, served) = (self.now, self.served);
        let flow = self.flows.get_mut(&name).expect("a flow that waits is known");
        let (_, (place, item)) = flow.items.pop_first().expect("a flow that waits has an item");
        flow.now = flow.now.max(place.at);
        flow.due = due.max(now) + share(cost, flow.weight);
        flow.turn = served;
        self.items -= 1;
        let (due, empty) = (flow.due, flow.items.is_empty());
        match empty {
            true => drop(self.idle.insert((due, name.clone()))),
            false => drop(self.waiting.insert((due, served, name.clone()))),
        }
        self.forget_idle();
        Some((name, item))
    }

    /// Charges a flow for an item that need not wait, since nothing does: as if it were added and taken at once.
    pub fn pass(&mut self, flow: &F, weight: u32, place: Place, cost: u64) {
        debug_assert!(self.is_empty(), "who passes would overtake others");
        let now = self.now;
        self.added += 1;
        self.served += 1;
        let served = self.served;
        let known = self.flow(flow);
        let (before, begins) = (known.due, known.due.max(now));
        known.weight = weight.max(1);
        known.due = begins + share(cost, known.weight);
        known.turn = served;
        known.now = known.now.max(place.at);
        let after = known.due;
        self.now = begins;
        self.idle.remove(&(before, flow.clone()));
        self.idle.insert((after, flow.clone()));
        self.forget_idle();
    }

    /// Corrects what a flow of a weight was charged, when it is known what the item cost.
    pub fn correct(&mut self, flow: &F, weight: u32, charged: u64, cost: u64) {
        if charged == cost {
            return;
        }
        let now = self.now;
        // One that is forgotten has paid long ago; what it owes counts from the present.
        if cost < charged && !self.flows.contains_key(flow) {
            return;
        }
        let known = self.flow(flow);
        let before = known.due;
        known.due = match cost >= charged {
            true => before.max(now) + share(cost - charged, weight),
            false => before.saturating_sub(share(charged - cost, weight)),
        };
        let (after, turn, empty) = (known.due, known.turn, known.items.is_empty());
        match empty {
            true => {
                self.idle.remove(&(before, flow.clone()));
                self.idle.insert((after, flow.clone()));
                self.forget_idle();
            }
            false => {
                self.waiting.remove(&(before, turn, flow.clone()));
                self.waiting.insert((after, turn, flow.clone()));
            }
        }
    }

    /// Removes the items that `keep` does not keep. Nobody is charged for them.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for (name, flow) in &mut self.flows {
            let before = flow.items.len();
            flow.items.retain(|_, (_, item)| keep(item));
            self.items -= before - flow.items.len();
            if before > 0 && flow.items.is_empty() {
                self.waiting.remove(&(flow.due, flow.turn, name.clone()));
                self.idle.insert((flow.due, name.clone()));
            }
        }
        self.forget_idle();
    }

    fn flow(&mut self, flow: &F) -> &mut Flow<T> {
        // The turn of a new one is before all others: it is served first among equals.
        self.flows.entry(flow.clone()).or_insert_with(|| Flow {
            weight: 1,
            due: 0,
            turn: 0,
            now: 0,
            items: BTreeMap::new(),
        })
    }

    /// Forgets flows that would begin at the present anyway, so that as many are known as matter.
    fn forget_idle(&mut self) {
        while let Some((due, _)) = self.idle.first()
            && *due <= self.now
            && let Some((_, flow)) = self.idle.pop_first()
        {
            self.flows.remove(&flow);
        }
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        self.flows.len()
    }
}

/// How far a cost moves a flow of a weight.
fn share(cost: u64, weight: u32) -> u128 {
    u128::from(cost) * UNIT / u128::from(weight.max(1))
}

#[cfg(test)]
mod tests;
