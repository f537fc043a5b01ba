//! What a tenant's changes have of the store, beside those of other tenants.

use abide_fair::{Ask, Slots};

/// The share of a tenant.
#[derive(Debug, Clone)]
pub struct StoreShare {
    /// What its changes weigh, compared with those of others.
    pub weight: u32,
    /// The turns to compute that tenants share, and who it is there. Writing its changes takes such a turn while others are about, so that a
    /// tenant has no more of the cores by making changes than by computing. `None`: it takes none.
    pub turns: Option<(Slots<u64>, u64)>,
}

impl Default for StoreShare {
    fn default() -> Self {
        Self { weight: 100, turns: None }
    }
}

impl StoreShare {
    /// Where a turn is to be asked for, and by what, if others are about.
    pub(crate) fn turn(&self) -> Option<(&Slots<u64>, Ask<u64>)> {
        let (turns, number) = self.turns.as_ref()?;
        turns.are_shared_by(number).then(|| (turns, Ask::one(*number, self.weight)))
    }
}
