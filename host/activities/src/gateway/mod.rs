//! The gateway of a tenant: rules on what its runs send to models, tools, interfaces and over HTTP, before it leaves, and on what comes back,
//! before it is recorded.
//!
//! `written` is the document, `find` looks for personal data, `texts` knows where people's words are in a request, `tokens` stand for what was
//! found, `parameters` bounds and strips what models are asked with, `passage` is one call on its way, and `veil` keeps what was found out of
//! histories. Nothing here does IO.

mod find;
mod parameters;
mod passage;
#[cfg(test)]
mod tests;
mod texts;
mod tokens;
mod veil;
mod written;

use std::sync::Arc;

use abide_model::{Error, Right, Setting, SettingKind};
use serde::{Deserialize, Serialize};

use find::Finder;
use written::{Record, Rule, Written};

pub(crate) use passage::Passage;
pub use veil::{Veil, Veiled};

/// The rules of a tenant, ready to be applied.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Gateway {
    rules: Vec<Ready>,
    record: Record,
}

/// A rule with what it looks for.
#[derive(Debug, Clone)]
struct Ready {
    rule: Rule,
    finders: Arc<[Finder]>,
}

impl PartialEq for Ready {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
    }
}

impl TryFrom<Written> for Gateway {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self, Error> {
        written.check()?;
        let rules = written.rules.into_iter().map(|rule| {
            let kinds = rule.find.iter().map(|kind| Ok(Finder::of(*kind)));
            let own = rule.patterns.iter().map(|(name, pattern)| Finder::own(name, pattern));
            let finders = kinds.chain(own).collect::<Result<_, Error>>()?;
            Ok(Ready { rule, finders })
        });
        Ok(Self { rules: rules.collect::<Result<_, Error>>()?, record: written.record })
    }
}

impl From<Gateway> for Written {
    fn from(gateway: Gateway) -> Self {
        Self { rules: gateway.rules.into_iter().map(|ready| ready.rule).collect(), record: gateway.record }
    }
}

impl Setting for Gateway {
    const KIND: SettingKind = SettingKind::Gateway;

    /// It was checked when it was read.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Gateway {
    /// The rules for a call that needs one of `needed`, in order.
    fn for_call(&self, needed: &[Right]) -> Vec<Ready> {
        self.rules.iter().filter(|ready| ready.rule.is_for(needed)).cloned().collect()
    }
}
