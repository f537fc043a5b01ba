//! Counts what the attempts of one call use. An attempt that is given up in the middle may have cost something: it counts as one whose
//! tokens nobody said.

use std::sync::{Mutex, MutexGuard, PoisonError};

use abide_model::{CallUsage, Tokens};

/// A longer name of a model is cut: it becomes a part of a key.
const MAX_MODEL_BYTES: usize = 128;

/// See the top of the file.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    tokens: Option<Tokens>,
    uncounted: u32,
}

impl Meter {
    fn counted_so_far(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An attempt begins. Until something else is said, nobody knows what it costs.
    pub(super) fn begins(&self) {
        let mut counted = self.counted_so_far();
        counted.uncounted = counted.uncounted.saturating_add(1);
    }

    /// It costs nothing: it did not reach the model, or was refused.
    pub(super) fn is_free(&self) {
        let mut counted = self.counted_so_far();
        counted.uncounted = counted.uncounted.saturating_sub(1);
    }

    /// It cost so many tokens.
    pub(super) fn counted(&self, tokens: Tokens) {
        self.is_free();
        self.counted_so_far().tokens.get_or_insert_default().add(tokens);
    }

    /// What all attempts used together. A model that no attempt came to is not named: the guest may have made up its name.
    pub(super) fn usage(self, provider: &str, model: &str) -> CallUsage {
        let Counted { tokens, uncounted } = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let reached = tokens.is_some() || uncounted > 0;
        let model = reached.then(|| model[..model.floor_char_boundary(MAX_MODEL_BYTES)].to_owned());
        CallUsage { model, tokens, uncounted_attempts: uncounted, ..CallUsage::of(provider) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_all_attempts_count() {
        let meter = Meter::default();
        for _ in 0..2 {
            meter.begins();
            meter.counted(Tokens { input: 5, cached_input: 1, output: 2 });
        }
        // One that was refused, and one that was given up.
        meter.begins();
        meter.is_free();
        meter.begins();
        let usage = meter.usage("llm.x", &"é".repeat(100));
        assert_eq!(usage.tokens, Some(Tokens { input: 10, cached_input: 2, output: 4 }));
        assert_eq!((usage.uncounted_attempts, usage.model.unwrap().len()), (1, 128));
    }

    #[test]
    fn a_model_that_was_not_reached_has_no_name() {
        let meter = Meter::default();
        meter.begins();
        meter.is_free();
        assert_eq!(meter.usage("llm.x", "made-up"), CallUsage::of("llm.x"));
    }
}
