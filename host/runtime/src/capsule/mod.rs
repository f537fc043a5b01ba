//! Capsules: one run in one file, with its components, its history and the bodies of its requests. It can be replayed anywhere, without a
//! host, and brought back into one. The form is written down in `docs/capsule.md`.
//!
//! A capsule comes from outside, so [`Capsule::read`] takes nothing in it for granted: not its lengths, not its digests, and not that its
//! parts belong together.

mod checks;
mod format;

use std::collections::HashMap;

use abide_model::{
    CallerId, Digest, Error, ErrorCode, Event, Failure, Json, Node, Outcome, Recorded, RecordedRequest, Request, Run,
    RunId, RunStarted, RunStatus, Seq, WorkflowName,
};
use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::replaying::Recording;
use crate::view::HistoryEvent;

pub(crate) use checks::MAX_COMPONENTS;

/// What begins every capsule.
pub use format::MAGIC;
/// The largest file that is taken for a capsule.
pub use format::MAX_CAPSULE_BYTES;

/// One run in one file.
#[derive(Debug, Clone)]
pub struct Capsule {
    pub(crate) head: Head,
    pub(crate) components: Vec<Component>,
    pub(crate) history: Vec<(Seq, Recorded)>,
    pub(crate) nodes: HashMap<Digest, Node>,
}

/// What a capsule says of itself.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct Head {
    /// The release of abide that wrote it.
    #[n(0)]
    pub(crate) release: String,
    /// The row of the run.
    #[n(1)]
    pub(crate) run: Run,
    /// What it had published.
    #[n(2)]
    pub(crate) published: Vec<(String, Json)>,
    /// The components, the one that the run is on last.
    #[n(3)]
    pub(crate) components: Vec<ComponentHead>,
    /// How many events follow.
    #[n(4)]
    pub(crate) events: u64,
    /// How many parts of requests follow.
    #[n(5)]
    pub(crate) nodes: u64,
}

/// What a capsule says of a component.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct ComponentHead {
    /// The version that it is: the digest of the file that was uploaded.
    #[n(0)]
    pub(crate) version: Digest,
    /// The digest of the component that was made of that file.
    #[n(1)]
    pub(crate) digest: Digest,
}

/// A component in a capsule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Component {
    pub(crate) version: Digest,
    pub(crate) bytes: Bytes,
}

impl Capsule {
    /// A capsule of a run. The last of `components` is the one that the run is on.
    pub(crate) fn new(
        run: Run,
        published: Vec<(String, Json)>,
        components: Vec<Component>,
        history: Vec<(Seq, Recorded)>,
        nodes: HashMap<Digest, Node>,
    ) -> Self {
        let heads = components
            .iter()
            .map(|component| ComponentHead { version: component.version, digest: Digest::of(&component.bytes) });
        let head = Head {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            run,
            published,
            components: heads.collect(),
            events: history.len() as u64,
            nodes: nodes.len() as u64,
        };
        Self { head, components, history, nodes }
    }

    /// Reads a file. The error says what is wrong with it.
    pub fn read(file: &[u8]) -> Result<Self, Error> {
        let capsule = format::read(file).map_err(|why| bad(&why))?;
        capsule.check().map_err(|why| bad(&why))?;
        Ok(capsule)
    }

    /// The file. Refused where it would be larger than any host would take.
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        format::write(self)
    }

    /// The run.
    pub fn run_id(&self) -> RunId {
        self.head.run.run_id
    }

    /// What its caller called it.
    pub fn id(&self) -> &CallerId {
        &self.head.run.id
    }

    /// Its workflow.
    pub fn workflow(&self) -> &WorkflowName {
        &self.head.run.workflow
    }

    /// The version that it is on.
    pub fn version(&self) -> Digest {
        self.head.run.version
    }

    /// How many events it has.
    pub fn events(&self) -> u64 {
        self.history.len() as u64
    }

    /// The first event, which [`Capsule::check`] looked for.
    pub(crate) fn started(&self) -> &RunStarted {
        match self.history.first().map(|(_, recorded)| &recorded.event) {
            Some(Event::RunStarted(started)) => started,
            _ => unreachable!("a capsule whose history does not begin with its start is refused when it is read"),
        }
    }

    /// The component that the run is on.
    pub(crate) fn component(&self) -> &Component {
        self.components.last().expect("a capsule without a component is refused when it is read")
    }

    pub(crate) fn recording(&self) -> Recording<'_> {
        Recording { run_id: self.head.run.run_id, history: &self.history, share: None }
    }

    /// The row of the run, as its history says it. Only what no event says is taken from the head: its attributes, and the version that it is on.
    pub(crate) fn row(&self) -> Run {
        let Head { run: said, .. } = &self.head;
        let started_ms = self.history.first().map_or(0, |(_, recorded)| recorded.time_ms);
        let mut run = Run { version: said.version, ..Run::begins(said.run_id, started_ms, self.started()) };
        run.attributes.clone_from(&said.attributes);
        for (_, recorded) in &self.history {
            let mut close = |status, outcome: Option<Outcome>| {
                (run.status, run.outcome, run.closed_ms) = (status, outcome, Some(recorded.time_ms));
            };
            match &recorded.event {
                Event::CancelRequested(_) => run.cancel_requested = true,
                Event::RunClosed(closed) => {
                    let status = match (&closed.outcome, closed.cancelled) {
                        (Outcome::Ok(_), _) => RunStatus::Completed,
                        (Outcome::Failed(_), true) => RunStatus::Cancelled,
                        (Outcome::Failed(_), false) => RunStatus::Failed,
                    };
                    close(status, Some(closed.outcome.clone()));
                }
                Event::RunTerminated(terminated) => {
                    close(RunStatus::Terminated, Some(Outcome::Failed(Failure::from(terminated))));
                }
                Event::RunTimedOut(timed_out) => {
                    close(RunStatus::TimedOut, Some(Outcome::Failed(Failure::from(timed_out))));
                }
                Event::RunContinued(continued) => {
                    close(RunStatus::Continued, None);
                    run.continued_as = Some(continued.run_id);
                }
                _ => {}
            }
        }
        // Its parent waits for the run that it started, not for this one.
        run.parent = None;
        run
    }

    /// An event as a history shows it.
    pub fn event(&self, event: Seq) -> Result<HistoryEvent, Error> {
        self.recording().check(event)?;
        let (seq, recorded) = &self.history[usize::try_from(event).unwrap_or(usize::MAX)];
        let request = match &recorded.event {
            Event::CallRequested(requested) => {
                Some(self.request(&requested.request).map_err(|why| bad(&why))?.to_json())
            }
            _ => None,
        };
        Ok(HistoryEvent::of(*seq, recorded, request))
    }

    /// A recorded request, whole again.
    fn request(&self, recorded: &RecordedRequest) -> Result<Request, String> {
        let (head, last, count) = match recorded {
            RecordedRequest::Inline(json) => return Ok(Request::new(json.clone())),
            RecordedRequest::Stored(head, last, count) => (head, *last, *count as usize),
        };
        let node = |digest: &Digest| {
            self.nodes.get(digest).ok_or_else(|| format!("the part {} of a request is missing", digest.short()))
        };
        let mut messages = Vec::new();
        let mut next = last;
        // A node is named by what it holds, so no chain of them comes back to itself.
        while let Some(digest) = next {
            let node = node(&digest)?;
            messages.push(node.text.clone());
            next = node.parent;
        }
        if messages.len() != count {
            return Err(format!("a request has {} messages, and its event says {count}", messages.len()));
        }
        messages.reverse();
        Ok(Request { head: node(head)?.text.clone(), messages })
    }
}

fn bad(why: &str) -> Error {
    Error::new(ErrorCode::InvalidArgument, format!("the file is no capsule that can be used: {why}"))
}
