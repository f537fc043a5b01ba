//! What stands between a call and whoever performs it: the rights of its run, and the gateway of its tenant.

use std::sync::Arc;

use abide_model::{CallKind, Failure, Outcome, Right, Rights};

use crate::Performed;
use crate::gateway::{Gateway, Passage};
use crate::lane::refused;

/// What holds for the calls of a run. By default nothing is forbidden, and everything passes as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// What the run may do.
    pub rights: Rights,
    /// What happens to its calls on their way.
    pub gateway: Option<Arc<Gateway>>,
}

/// A call that was let in.
#[derive(Debug)]
pub(crate) struct Entered {
    grant: Option<Right>,
    /// What its request goes through.
    pub(crate) passage: Passage,
}

impl Policy {
    /// Lets a call in that needs one of `needed`, which are spellings of the same. Else gives what came of it.
    pub(crate) fn enter(&self, needed: &[Right]) -> Result<Entered, Box<Performed>> {
        let grant = self.rights.check(needed).map_err(|failure| Box::new(refused(failure)))?;
        match Passage::enter(self.gateway.as_deref(), needed) {
            Ok(passage) => Ok(Entered { grant, passage }),
            Err((failure, note)) => Err(Box::new(Performed { gateway: vec![note], ..refused(failure) })),
        }
    }

    /// What holds for a program that the tenant put beside its runs: what the tenant may do, whichever version calls it.
    pub(crate) fn of_tenant(&self) -> Self {
        Self { rights: self.rights.of_tenant(), gateway: self.gateway.clone() }
    }
}

impl Entered {
    /// What came of the call, as it is recorded.
    pub(crate) fn leave(self, kind: CallKind, performed: Performed) -> Performed {
        let (outcome, notes) = self.passage.leave(kind, performed.outcome);
        let mut gateway = performed.gateway;
        gateway.extend(notes);
        Performed { outcome, grant: self.grant.map(|grant| grant.to_string()), gateway, ..performed }
    }

    /// The same, of a call that nobody tried.
    pub(crate) fn refuse(self, kind: CallKind, failure: Failure) -> Performed {
        self.leave(kind, Performed::new(Outcome::Failed(failure), 0))
    }
}
