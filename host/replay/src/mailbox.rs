//! Messages by name, and the calls that wait for them: signals are such messages, and updates.

use std::collections::{BTreeMap, HashMap, VecDeque};

use abide_model::{CallIndex, Json};

/// The messages of one sort.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// Messages that no call received.
    waiting: BTreeMap<String, VecDeque<Json>>,
    /// Calls that wait for a message.
    receivers: HashMap<String, VecDeque<CallIndex>>,
    /// The names that calls ask for: those that wait, and those that were given a message that is on its way.
    names: HashMap<CallIndex, String>,
}

impl Mailbox {
    /// A message came: gives the call that receives it, or keeps it.
    pub(crate) fn put(&mut self, name: &str, message: Json) -> Option<(CallIndex, Json)> {
        match self.receivers.get_mut(name).and_then(VecDeque::pop_front) {
            Some(call) => Some((call, message)),
            None => {
                self.waiting.entry(name.to_owned()).or_default().push_back(message);
                None
            }
        }
    }

    /// A call asks for a message: gives the first one, or lets the call wait.
    pub(crate) fn receive(&mut self, name: String, call: CallIndex) -> Option<Json> {
        let message = self.waiting.get_mut(&name).and_then(VecDeque::pop_front);
        if message.is_none() {
            self.receivers.entry(name.clone()).or_default().push_back(call);
        }
        self.names.insert(call, name);
        message
    }

    /// The call has its message.
    pub(crate) fn received(&mut self, call: CallIndex) {
        self.names.remove(&call);
    }

    /// The call was dropped. A message that was on its way to it waits for the next one, in front of the others.
    pub(crate) fn dropped(&mut self, call: CallIndex, on_its_way: Option<Json>) {
        let Some(name) = self.names.remove(&call) else { return };
        if let Some(receivers) = self.receivers.get_mut(&name) {
            receivers.retain(|receiver| *receiver != call);
        }
        if let Some(message) = on_its_way {
            self.waiting.entry(name).or_default().push_front(message);
        }
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// The messages that wait, by name.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.waiting.iter().flat_map(|(name, messages)| messages.iter().map(move |message| (name.as_str(), message)))
    }
}
