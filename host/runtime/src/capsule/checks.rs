//! Whether the parts of a capsule belong together. What is decoded from the store is taken as it is; what is decoded from a capsule was
//! written by anybody.

use std::collections::HashMap;
use std::io;

use abide_model::{Attributes, Digest, Event, Json, RecordedRequest};

use super::{Capsule, Head};
use crate::view::HistoryEvent;

/// The components of one capsule: those of the versions that a run was on.
pub(crate) const MAX_COMPONENTS: usize = 16;
/// The most memory that a run can have: a host is asked for less, a file may say anything.
const MAX_MEMORY_BYTES: u64 = 4 << 30;
/// The most values that a run can have published, whatever its limits say.
const MAX_PUBLISHED: u32 = 10_000;
/// The longest name of a published value, in bytes.
const MAX_NAME_BYTES: usize = 128;

impl Capsule {
    /// Refuses parts that do not belong together. Nothing that is read from a capsule that passed can panic.
    pub(super) fn check(&self) -> Result<(), String> {
        self.check_head()?;
        for node in self.nodes.values() {
            // It will stand two levels deep in the list of its request.
            Json::parse(format!("[[{}]]", node.text))
                .map_err(|error| format!("a part of a request is no JSON: {error}"))?;
        }
        let lengths = self.chain_lengths();
        for (seq, recorded) in &self.history {
            let wrong = |why: String| format!("event {seq}: {why}");
            let at = usize::try_from(*seq).unwrap_or(usize::MAX);
            let (is_first, is_final) = (at == 0, at + 1 == self.history.len());
            if matches!(recorded.event, Event::RunStarted(_)) != is_first {
                return Err(wrong("a history begins with its start, and with nothing else".to_owned()));
            }
            if recorded.event.is_last() && !is_final {
                return Err(wrong("it is the last one of a run, and another one follows".to_owned()));
            }
            if let Event::CallRequested(requested) = &recorded.event {
                match &requested.request {
                    RecordedRequest::Inline(json) => {
                        Json::parse(json.as_str())
                            .map_err(|error| wrong(format!("its request is no JSON: {error}")))?;
                    }
                    RecordedRequest::Stored(head, last, count) => {
                        let length = last.map_or(Some(0), |last| lengths.get(&last).copied());
                        if !self.nodes.contains_key(head) || length.is_none() {
                            return Err(wrong("a part of its request is missing".to_owned()));
                        }
                        if length != Some(*count) {
                            return Err(wrong(format!("its request does not have {count} messages")));
                        }
                    }
                }
            }
            // To show it as JSON reads every JSON text in it.
            serde_json::to_writer(io::sink(), &HistoryEvent::of(*seq, recorded, None))
                .map_err(|error| wrong(format!("it holds what is no JSON: {error}")))?;
        }
        Ok(())
    }

    /// How many nodes there are from each one to the first of its chain. A node whose parent is missing has no number. A node is named by what it
    /// holds, so no chain comes back to itself.
    fn chain_lengths(&self) -> HashMap<Digest, u32> {
        let mut lengths: HashMap<Digest, u32> = HashMap::new();
        for start in self.nodes.keys() {
            let mut path = Vec::new();
            let mut next = Some(*start);
            let known = loop {
                let Some(digest) = next else { break Some(0) };
                if let Some(length) = lengths.get(&digest) {
                    break Some(*length);
                }
                let Some(node) = self.nodes.get(&digest) else { break None };
                path.push(digest);
                next = node.parent;
            };
            if let Some(known) = known {
                lengths.extend(path.iter().rev().zip(known + 1..).map(|(digest, length)| (*digest, length)));
            }
        }
        lengths
    }

    fn check_head(&self) -> Result<(), String> {
        let Head { run, published, components, .. } = &self.head;
        let Some(Event::RunStarted(started)) = self.history.first().map(|(_, recorded)| &recorded.event) else {
            return Err("its history does not begin with the start of a run".to_owned());
        };
        if components.is_empty() || components.len() > MAX_COMPONENTS {
            return Err(format!("it has {} components: there have to be 1 to {MAX_COMPONENTS}", components.len()));
        }
        if components.last().map(|component| component.version) != Some(run.version) {
            return Err("its last component is not that of the version that its run is on".to_owned());
        }
        if (&started.id, &started.workflow) != (&run.id, &run.workflow) {
            return Err("its history is that of another run than its head says".to_owned());
        }
        if started.limits.memory_bytes > MAX_MEMORY_BYTES {
            return Err(format!("its run may use {} bytes of memory", started.limits.memory_bytes));
        }
        if let Some(configuration) = &started.configuration {
            configuration.check().map_err(|error| error.message)?;
        }
        let ended = self.history.last().is_some_and(|(_, recorded)| recorded.event.is_last());
        if ended == run.status.is_open() {
            return Err(format!("its run is {}, and its history says something else", run.status));
        }
        check_attributes(&started.attributes)?;
        check_attributes(&run.attributes)?;
        if published.len() > started.limits.published_names.min(MAX_PUBLISHED) as usize {
            return Err(format!("its run published {} values", published.len()));
        }
        for (name, value) in published {
            if name.is_empty() || name.len() > MAX_NAME_BYTES {
                return Err(format!("a published value has a name of {} bytes", name.len()));
            }
            Json::parse(value.as_str())
                .map_err(|error| format!("the published value `{}`: {error}", name.escape_debug()))?;
        }
        Ok(())
    }
}

/// Attributes that came from a caller or a guest were checked then; these were not.
fn check_attributes(attributes: &Attributes) -> Result<(), String> {
    let read = serde_json::to_value(attributes).and_then(serde_json::from_value::<Attributes>);
    match read {
        Ok(read) if read == *attributes => Ok(()),
        Ok(_) => Err("its attributes are not what a run can have".to_owned()),
        Err(error) => Err(format!("its attributes: {error}")),
    }
}
