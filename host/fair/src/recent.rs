//! Who was about of late.

use std::time::{Duration, Instant};

/// For so long a flow counts as being about, once it was seen.
const OF_LATE: Duration = Duration::from_secs(1);

/// The two flows that were seen last, which is enough to know whether there is more than one.
#[derive(Debug)]
pub(crate) struct Recent<F> {
    last: Option<(F, Instant)>,
    before: Option<(F, Instant)>,
}

impl<F> Default for Recent<F> {
    fn default() -> Self {
        Self { last: None, before: None }
    }
}

impl<F: Eq + Clone> Recent<F> {
    /// Takes down that a flow is about.
    pub(crate) fn saw(&mut self, flow: &F) {
        let now = Instant::now();
        match &mut self.last {
            Some((last, at)) if last == flow => *at = now,
            _ => self.before = self.last.replace((flow.clone(), now)),
        }
    }

    /// Whether another one was seen within the last second.
    pub(crate) fn others_than(&self, flow: &F) -> bool {
        match &self.last {
            Some((last, at)) if last != flow => is_of_late(at),
            _ => self.before.as_ref().is_some_and(|(_, at)| is_of_late(at)),
        }
    }
}

fn is_of_late(at: &Instant) -> bool {
    at.elapsed() < OF_LATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_one_is_seen_for_a_while() {
        let mut recent = Recent::default();
        assert!(!recent.others_than(&1));
        recent.saw(&1);
        recent.saw(&1);
        assert!(!recent.others_than(&1) && recent.others_than(&2));
        recent.saw(&2);
        assert!(recent.others_than(&1) && recent.others_than(&2));
        recent.saw(&1);
        assert!(recent.others_than(&1) && recent.others_than(&3));
        let long_ago = Instant::now().checked_sub(OF_LATE * 2).unwrap();
        recent.before = Some((2, long_ago));
        assert!(!recent.others_than(&1) && recent.others_than(&2));
    }
}
