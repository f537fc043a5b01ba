//! Which version of a workflow new runs take, and what happens to those that run when another one becomes active.

use std::collections::{BTreeSet, VecDeque};

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{CallerId, Digest, Error, ErrorCode, Label, WorkflowName};

/// How many earlier versions can be rolled back to.
const MAX_PREVIOUS: usize = 32;

/// The routing of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Routing {
    /// Counts the changes.
    #[n(0)]
    pub revision: u64,
    /// The version that new runs take. `None` while there is none that may be taken.
    #[n(1)]
    pub active: Option<Digest>,
    /// The versions that were active before, the latest last.
    #[n(2)]
    pub previous: Previous,
    /// A version that some of the new runs take instead.
    #[n(3)]
    pub ramp: Option<Ramp>,
    /// What happens to runs on other versions when one becomes active.
    #[n(4)]
    pub swap: SwapPolicy,
}

/// Versions that were active before, the latest last.
pub type Previous = VecDeque<Digest>;

/// A version that some of the new runs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Ramp {
    /// Which.
    #[n(0)]
    pub version: Digest,
    /// How many of a hundred, from 1 to 99.
    #[n(1)]
    pub percent: u8,
}

/// What happens to open runs on other versions when a version becomes active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SwapPolicy {
    /// Nothing, until somebody asks for it.
    #[n(0)]
    #[default]
    Manual,
    /// Those whose history is identical on the new version go on with it; parked ones that it repairs go on too.
    #[n(1)]
    Automatic,
}

impl Routing {
    /// The version that a new run with `id` takes. The same id is given the same answer as long as the ramp only grows.
    pub fn version_for(&self, workflow: &WorkflowName, id: &CallerId) -> Option<Digest> {
        match self.ramp {
            Some(ramp) if place(workflow, id) < ramp.percent => Some(ramp.version),
            _ => self.active,
        }
    }

    /// Makes a version the active one. A ramp to it, or away from it, has come to its end.
    pub fn activate(&mut self, version: Digest) {
        if self.active == Some(version) {
            return;
        }
        if let Some(before) = self.active.replace(version) {
            self.previous.retain(|known| *known != before);
            self.previous.push_back(before);
            while self.previous.len() > MAX_PREVIOUS {
                self.previous.pop_front();
            }
        }
        self.previous.retain(|known| *known != version);
        self.ramp = None;
    }

    /// Makes the version active again that was so before, and gives it. The one that is left is not rolled back to.
    pub fn roll_back(&mut self) -> Option<Digest> {
        let version = self.previous.pop_back()?;
        self.active = Some(version);
        self.ramp = None;
        Some(version)
    }

    /// Lets `percent` of a hundred new runs take a version; 0 ends that.
    pub fn set_ramp(&mut self, version: Digest, percent: u8) -> Result<(), Error> {
        let invalid = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if percent > 99 {
            return invalid(format!(
                "`percent`: {percent} is not between 0 and 99: to give it all new runs, activate it"
            ));
        }
        if self.active == Some(version) && percent > 0 {
            return invalid(format!("the version {} is the active one: ramp to another one", version.short()));
        }
        self.ramp = (percent > 0).then_some(Ramp { version, percent });
        Ok(())
    }

    /// Forgets a version that is going away. Refused while new runs may take it.
    pub fn forget(&mut self, version: Digest) -> Result<(), Error> {
        if self.active == Some(version) || self.ramp.is_some_and(|ramp| ramp.version == version) {
            let message = format!("new runs take the version {}: activate another one first", version.short());
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        self.previous.retain(|known| *known != version);
        Ok(())
    }
}

/// The labels of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Labels(BTreeSet<Label>);

impl Labels {
    /// The most that a version may have.
    pub const MOST: usize = 16;

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is this.
    pub fn has(&self, label: &str) -> bool {
        self.0.iter().any(|known| known.as_str() == label)
    }

    /// All of them, in the order of their letters.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Adds one.
    pub fn add(&mut self, label: Label) -> Result<(), Error> {
        if self.0.len() >= Self::MOST && !self.0.contains(&label) {
            let message = format!("a version has at most {} labels: take one away first", Self::MOST);
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        self.0.insert(label);
        Ok(())
    }

    /// Takes one away; `false` where it was not there.
    pub fn remove(&mut self, label: &Label) -> bool {
        self.0.remove(label)
    }
}

impl<C> Encode<C> for Labels {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.0.encode(e, ctx)
    }

    fn is_nil(&self) -> bool {
        self.is_empty()
    }
}

impl<'b, C> Decode<'b, C> for Labels {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        BTreeSet::decode(d, ctx).map(Self)
    }

    fn nil() -> Option<Self> {
        Some(Self::default())
    }
}

/// Where an id stands among all of its workflow, from 0 to 99.
fn place(workflow: &WorkflowName, id: &CallerId) -> u8 {
    let mut hash = Sha256::new();
    hash.update(workflow.as_str());
    hash.update([0]);
    hash.update(id.as_str());
    let number = hash.finalize().iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    u8::try_from(number % 100).expect("a remainder of a hundred is small")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn workflow() -> WorkflowName {
        WorkflowName::parse("helpdesk").unwrap()
    }

    fn share(routing: &Routing, of: Digest) -> usize {
        let ids = (0..2000).map(|number| CallerId::parse(&format!("order-{number}")).unwrap());
        ids.filter(|id| routing.version_for(&workflow(), id) == Some(of)).count()
    }

    #[test]
    fn a_ramp_takes_about_its_part_and_the_same_ids() {
        let mut routing = Routing::default();
        routing.activate(version("one"));
        routing.set_ramp(version("two"), 25).unwrap();
        assert!((400..600).contains(&share(&routing, version("two"))));
        let early = (0..2000).map(|number| CallerId::parse(&format!("order-{number}")).unwrap());
        let early: Vec<_> = early.filter(|id| routing.version_for(&workflow(), id) == Some(version("two"))).collect();
        routing.set_ramp(version("two"), 50).unwrap();
        assert!(early.iter().all(|id| routing.version_for(&workflow(), id) == Some(version("two"))));
        routing.set_ramp(version("two"), 0).unwrap();
        assert_eq!(share(&routing, version("one")), 2000);
    }

    #[test]
    fn a_roll_back_goes_back_step_by_step() {
        let mut routing = Routing::default();
        for name in ["one", "two", "three", "two"] {
            routing.activate(version(name));
        }
        assert_eq!(routing.roll_back(), Some(version("three")));
        assert_eq!(routing.roll_back(), Some(version("one")));
        assert_eq!(routing.roll_back(), None);
        assert_eq!(routing.active, Some(version("one")));
    }

    #[test]
    fn what_is_kept_of_the_past_is_bounded() {
        let mut routing = Routing::default();
        (0..100).for_each(|number| routing.activate(version(&number.to_string())));
        assert_eq!(routing.previous.len(), MAX_PREVIOUS);
        assert_eq!(routing.roll_back(), Some(version("98")));
    }

    #[test]
    fn a_version_that_new_runs_take_is_not_forgotten() {
        let mut routing = Routing::default();
        routing.activate(version("one"));
        routing.activate(version("two"));
        routing.set_ramp(version("three"), 1).unwrap();
        for name in ["two", "three"] {
            assert_eq!(routing.forget(version(name)).unwrap_err().code, ErrorCode::Conflict);
        }
        routing.forget(version("one")).unwrap();
        assert_eq!(routing.roll_back(), None);
    }

    #[test]
    fn a_ramp_has_bounds() {
        let mut routing = Routing::default();
        routing.activate(version("one"));
        assert!(routing.set_ramp(version("two"), 100).is_err());
        assert!(routing.set_ramp(version("one"), 5).is_err());
    }
}
