//! What waits to be written, and in which order.

use std::collections::HashMap;

use abide_fair::{FairQueue, Fit, Slot};
use abide_model::Tenant;
use tokio::sync::oneshot;

use super::super::batch::Change;
use super::super::limits;
use crate::{StoreError, StoreShare};

/// A change that waits to be written.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) change: Change,
    /// About, in bytes.
    pub(super) size: usize,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
    /// Its share of the queue's bytes, given back when it is answered.
    pub(super) _room: Slot<Flow>,
}

/// Whose change it is; `None`: the host's.
pub(super) type Flow = Option<Tenant>;

/// What the host's own changes weigh, and those of a tenant of which nothing was said.
const HOST_WEIGHT: u32 = 100;

/// So many of the tenants that wait are asked at a time.
pub(super) const MOST_ASKED: usize = 8;

/// What waits, and whether more may come.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: FairQueue<Flow, Waiting>,
    pub(super) shares: HashMap<Tenant, StoreShare>,
    /// Whether the thread waits for a turn, and writes nothing meanwhile.
    pub(super) waits_for_turn: bool,
    pub(super) closed: bool,
}

impl Queue {
    /// What the changes of a flow weigh.
    pub(super) fn weight(&self, flow: &Flow) -> u32 {
        self.share(flow).map_or(HOST_WEIGHT, |share| share.weight)
    }

    pub(super) fn share(&self, flow: &Flow) -> Option<&StoreShare> {
        flow.as_ref().and_then(|tenant| self.shares.get(tenant))
    }

    /// Whether one of those who wait shares the host with others.
    pub(super) fn is_shared(&self) -> bool {
        self.waiting.flows().take(MOST_ASKED).any(|flow| self.share(flow).is_some_and(|share| share.turn().is_some()))
    }

    /// Takes what comes next into a batch: as many changes and as many bytes as one transaction should have, and `most_of_each` of a flow.
    pub(super) fn take_into(&mut self, batch: &mut Vec<Waiting>, most_of_each: usize) {
        let mut bytes = 0;
        let mut taken_of: HashMap<Flow, usize> = HashMap::new();
        while batch.len() < limits::BATCH_COMMITS {
            let first = batch.is_empty();
            let taken = self.waiting.pop_if(|flow, waiting| {
                let fits = first || bytes + waiting.size <= limits::BATCH_BYTES;
                let fit = match fits {
                    false => Fit::Stop,
                    true if taken_of.get(flow).is_some_and(|taken| *taken >= most_of_each) => Fit::Skip,
                    true => Fit::Take,
                };
                // What a change costs is its sync and its bytes.
                (fit, (waiting.size + limits::CHANGE_BYTES) as u64)
            });
            let Some((flow, waiting)) = taken else { return };
            *taken_of.entry(flow).or_default() += 1;
            bytes += waiting.size;
            batch.push(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use abide_fair::{Ask, Charge, Slots};
    use abide_model::RunId;

    use super::*;

    fn push(queue: &mut Queue, slots: &Slots<Flow>, name: &str, size: usize) {
        let tenant = Tenant::parse(name).unwrap();
        let flow = Some(tenant.clone());
        let room = slots.try_take(&Ask::one(flow.clone(), 1)).unwrap();
        let change = Change::Delete { tenant, run_id: RunId::from_bytes([0; 16]) };
        let (answer, _) = oneshot::channel();
        let weight = queue.weight(&flow);
        queue.waiting.push(&flow, weight, Waiting { change, size, answer, _room: room });
    }

    /// How many of a batch are whose.
    fn take(queue: &mut Queue, most_of_each: usize) -> (usize, usize) {
        let mut batch = Vec::new();
        queue.take_into(&mut batch, most_of_each);
        let of =
            |name| batch.iter().filter(|waiting| waiting.change.tenant().is_some_and(|t| t.as_str() == name)).count();
        (of("flood"), of("other"))
    }

    #[test]
    fn a_batch_has_so_much_of_each_and_no_more() {
        let (mut queue, slots) = (Queue::default(), Slots::new(u32::MAX, Charge::Each));
        for _ in 0..3000 {
            push(&mut queue, &slots, "flood", 100);
        }
        for _ in 0..3 {
            push(&mut queue, &slots, "other", 100);
        }
        assert_eq!(take(&mut queue, 8), (8, 3));
        assert_eq!(take(&mut queue, 8), (8, 0));
        assert_eq!(take(&mut queue, limits::BATCH_COMMITS), (limits::BATCH_COMMITS, 0));
        push(&mut queue, &slots, "other", limits::BATCH_BYTES * 2);
        // It is larger than a batch: it is one by itself, and the order stays.
        let batches: Vec<_> = std::iter::repeat_with(|| take(&mut queue, 8)).take(4).collect();
        assert!(batches.contains(&(0, 1)), "{batches:?}");
    }
}
