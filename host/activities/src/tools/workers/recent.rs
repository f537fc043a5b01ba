//! The calls that ended last: who comes late is told what became of his call.

use std::collections::{HashMap, VecDeque};

use super::token::CallKey;

/// How many are remembered.
const REMEMBERED: usize = 10_000;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By the token of this attempt.
    Answered(u32),
    /// Without an answer: it ran out of time, or of attempts.
    GaveUp,
    /// The workflow dropped it, or its run ended.
    Dropped,
}

/// A bounded memory of ends.
#[derive(Debug, Default)]
pub(super) struct Recent {
    ends: HashMap<CallKey, End>,
    order: VecDeque<CallKey>,
}

impl Recent {
    pub(super) fn remember(&mut self, key: CallKey, end: End) {
        if self.ends.insert(key.clone(), end).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ends.remove(&oldest);
        }
    }

    pub(super) fn get(&self, key: &CallKey) -> Option<End> {
        self.ends.get(key).copied()
    }

    /// The call is open again: its run came back.
    pub(super) fn forget(&mut self, key: &CallKey) {
        if self.ends.remove(key).is_some() {
            self.order.retain(|known| known != key);
        }
    }
}

#[cfg(test)]
mod tests {
    use abide_model::{RunId, Tenant};

    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let key = |call| CallKey { tenant: Tenant::default(), run_id: RunId::new(1, 1), call };
        let mut recent = Recent::default();
        for call in 0..=u32::try_from(REMEMBERED).unwrap() {
            recent.remember(key(call), End::Answered(call));
        }
        assert_eq!((recent.get(&key(0)), recent.get(&key(1))), (None, Some(End::Answered(1))));
        assert_eq!((recent.ends.len(), recent.order.len()), (REMEMBERED, REMEMBERED));
        recent.forget(&key(1));
        recent.remember(key(1), End::Dropped);
        assert_eq!((recent.get(&key(1)), recent.order.len()), (Some(End::Dropped), REMEMBERED));
    }
}
