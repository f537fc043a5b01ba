//! What a guest did in a replay: a digest over all of it, and what it published and wrote. A live run keeps none of this.

use std::collections::{BTreeMap, VecDeque};

use abide_engine::{Ending, LogLevel, Output};
use abide_model::{Attributes, Digest, Json, Seq};

use crate::view::LoggedLine;

/// The log lines that are kept.
const MAX_LOG_LINES: usize = 1000;

/// What was seen of a guest.
#[derive(Debug)]
pub(crate) struct Observed {
    trace: Digest,
    log: VecDeque<LoggedLine>,
    published: BTreeMap<String, Json>,
    attributes: Option<Attributes>,
    /// What it did since this was taken last.
    step: Step,
    keeps_steps: bool,
}

/// What a guest did about one event.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) outputs: Vec<Output>,
    pub(crate) ending: Option<Ending>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            trace: Digest::of(b""),
            log: VecDeque::new(),
            published: BTreeMap::new(),
            attributes: None,
            step: Step::default(),
            keeps_steps: false,
        }
    }
}

impl Observed {
    /// The guest did this about the input `cause`.
    pub(crate) fn output(&mut self, cause: Seq, output: &Output) {
        self.add_to_trace(&format!("{output:?}"));
        match output {
            Output::Log { level, message, .. } => {
                if self.log.len() == MAX_LOG_LINES {
                    self.log.pop_front();
                }
                let level = level_name(*level).to_owned();
                self.log.push_back(LoggedLine { event: cause, level, message: message.clone() });
            }
            Output::Published { name, value } => drop(self.published.insert(name.clone(), value.clone())),
            Output::Attributes(attributes) => self.attributes = Some(attributes.clone()),
            _ => {}
        }
        if self.keeps_steps {
            self.step.outputs.push(output.clone());
        }
    }

    /// It ended.
    pub(crate) fn ending(&mut self, ending: &Ending) {
        self.add_to_trace(&format!("{ending:?}"));
        if self.keeps_steps {
            self.step.ending = Some(ending.clone());
        }
    }

    fn add_to_trace(&mut self, text: &str) {
        self.trace = Digest::of_parts([&self.trace.as_bytes()[..], text.as_bytes()]);
    }

    /// A digest over all that it did.
    pub(crate) fn trace(&self) -> Digest {
        self.trace
    }

    /// Keeps what it does from now on, for [`Observed::take_step`].
    pub(crate) fn keep_steps(&mut self) {
        self.keeps_steps = true;
    }

    /// What it did since this was asked last.
    pub(crate) fn take_step(&mut self) -> Step {
        std::mem::take(&mut self.step)
    }

    /// The last lines of its log, oldest first.
    pub(crate) fn log(&self, most: usize) -> Vec<LoggedLine> {
        self.log.iter().skip(self.log.len().saturating_sub(most)).cloned().collect()
    }

    /// What it published, by name.
    pub(crate) fn published(&self) -> &BTreeMap<String, Json> {
        &self.published
    }

    /// Its attributes, where it changed some.
    pub(crate) fn attributes(&self) -> Option<&Attributes> {
        self.attributes.as_ref()
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

impl Step {
    /// What was done, in words, one line each.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let ending = self.ending.iter().map(|ending| match ending {
            Ending::Gave(outcome) => format!("ended with {}", short(&format!("{outcome:?}"))),
            Ending::Continues(input) => format!("ended, to go on as a new run with {}", short(input.as_str())),
        });
        self.outputs.iter().map(output_in_words).chain(ending).collect()
    }
}

fn output_in_words(output: &Output) -> String {
    match output {
        Output::Call(call) => {
            format!("made call {}, `{}` {}", call.index, call.kind, short(call.request.to_json().as_str()))
        }
        Output::Cancelled(call) => format!("dropped call {call}"),
        Output::Answered { update, answer } => format!("said to update `{update}`: {}", short(&format!("{answer:?}"))),
        Output::Marker { id, value } => format!("recorded `{id}`: {}", short(value.as_str())),
        Output::Published { name, value } => format!("published `{name}`: {}", short(value.as_str())),
        Output::Attributes(attributes) => {
            format!(
                "set the attributes {}",
                Json::of(attributes).map_or_else(|_| String::new(), |json| short(json.as_str()))
            )
        }
        Output::Log { level, message, .. } => format!("logged ({}): {}", level_name(*level), short(message)),
    }
}

/// How much of a text is shown.
const SHOWN_CHARS: usize = 160;

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
