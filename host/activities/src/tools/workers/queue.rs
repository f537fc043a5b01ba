//! One task queue: who waits in it, in whose turn, and how many may be out at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use abide_model::Tenant;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::rate::Rate;
use super::token::CallKey;

/// How many workers are remembered by name.
const WORKERS: usize = 1000;

/// What the configuration says of a queue.
#[derive(Debug, Clone)]
pub(super) struct QueueLimits {
    pub(super) lease: Duration,
    pub(super) max_concurrent: usize,
    pub(super) max_waiting: usize,
    pub(super) max_per_second: Option<f64>,
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) limits: QueueLimits,
    rate: Option<Rate>,
    /// Each tenant has a line of its own: its workers see no other's tasks.
    lines: BTreeMap<Tenant, Line>,
    waiting: usize,
    leased: usize,
    next_place: u64,
    seen: BTreeMap<(Tenant, String), Instant>,
}

/// The tasks of one tenant that wait, in their order.
#[derive(Debug, Default)]
struct Line {
    tasks: BTreeMap<u64, CallKey>,
    /// Wakes one poll that waits.
    arrived: Arc<Notify>,
    polls: usize,
}

impl Queue {
    pub(super) fn new(limits: QueueLimits, now: Instant) -> Self {
        Self {
            rate: limits.max_per_second.map(|per_second| Rate::new(per_second, now)),
            limits,
            lines: BTreeMap::new(),
            waiting: 0,
            leased: 0,
            next_place: 0,
            seen: BTreeMap::new(),
        }
    }

    /// Takes a place at the end of the line, if there is one left.
    pub(super) fn stand(&mut self, key: &CallKey) -> Option<u64> {
        if self.waiting >= self.limits.max_waiting {
            return None;
        }
        let place = self.next_place;
        self.next_place += 1;
        self.waiting += 1;
        let line = self.lines.entry(key.tenant.clone()).or_default();
        line.tasks.insert(place, key.clone());
        line.arrived.notify_one();
        Some(place)
    }

    /// Leaves the line.
    pub(super) fn step_out(&mut self, tenant: &Tenant, place: u64) {
        if self.lines.get_mut(tenant).is_some_and(|line| line.tasks.remove(&place).is_some()) {
            self.waiting -= 1;
        }
    }

    /// The first of the line, if one may be handed out now; else when to ask again, where that depends on time alone.
    pub(super) fn next(&mut self, tenant: &Tenant, now: Instant) -> Result<CallKey, Option<Instant>> {
        let first = self.lines.get(tenant).and_then(|line| line.tasks.values().next()).cloned().ok_or(None)?;
        if self.leased >= self.limits.max_concurrent {
            return Err(None);
        }
        if let Some(rate) = &mut self.rate {
            rate.pass(now).map_err(Some)?;
        }
        Ok(first)
    }

    /// A task went out.
    pub(super) fn lend(&mut self) {
        self.leased += 1;
    }

    /// A task came back: another may go out.
    pub(super) fn give_back(&mut self) {
        self.leased -= 1;
        for line in self.lines.values().filter(|line| !line.tasks.is_empty()) {
            line.arrived.notify_one();
        }
    }

    /// A poll begins to wait. Gives what wakes it, unless too many wait.
    pub(super) fn begin_poll(&mut self, tenant: &Tenant, max_polls: usize) -> Option<Arc<Notify>> {
        let line = self.lines.entry(tenant.clone()).or_default();
        if line.polls >= max_polls {
            return None;
        }
        line.polls += 1;
        Some(line.arrived.clone())
    }

    /// A poll ends. What it leaves is for another.
    pub(super) fn end_poll(&mut self, tenant: &Tenant) {
        if let Some(line) = self.lines.get_mut(tenant) {
            line.polls = line.polls.saturating_sub(1);
            if !line.tasks.is_empty() {
                line.arrived.notify_one();
            }
        }
    }

    /// A worker was here.
    pub(super) fn saw(&mut self, tenant: &Tenant, worker: &str, now: Instant) {
        self.seen.insert((tenant.clone(), worker.to_owned()), now);
        if self.seen.len() > WORKERS
            && let Some(oldest) = self.seen.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone())
        {
            self.seen.remove(&oldest);
        }
    }

    /// The workers of a tenant, with when each was here.
    pub(super) fn workers(&self, tenant: &Tenant) -> impl Iterator<Item = (&str, Instant)> {
        self.seen.iter().filter(move |((of, _), _)| of == tenant).map(|((_, worker), at)| (worker.as_str(), *at))
    }
}
