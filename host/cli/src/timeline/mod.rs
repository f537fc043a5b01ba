//! A history as people read it: one line an event, with the time since the start, an arrow for each call and each outcome, and
//! payloads cut to the width of the line.
//!
//! ```text
//!    0       0ms  ● run started                helpdesk lisbon {"message":"VPN for Lisbon"}
//!    1       4ms  → #0 llm.generate            gpt (2 messages) "VPN for Lisbon"
//!    2     1.21s  ← #0 llm.generate            "I will file a ticket" (1.20s)
//! ```

mod outcome;
mod request;
mod text;

use std::collections::BTreeMap;

use abide_model::{CallIndex, CallKind, CallUsage, Outcome, ParkReason};
use abide_runtime::view::HistoryEvent;

use crate::when;

/// What a timeline looks like.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Columns of a line. `None` cuts nothing.
    pub width: Option<usize>,
    /// Whether to use the colours of a terminal.
    pub color: bool,
}

impl Look {
    /// Without colours, in 120 columns.
    pub fn plain() -> Self {
        Self { width: Some(120), color: false }
    }
}

/// Shows the events of one history, in their order.
pub struct Timeline {
    look: Look,
    started_ms: Option<u64>,
    /// The calls that were requested: what, and when.
    calls: BTreeMap<CallIndex, (CallKind, u64)>,
}

/// The width of the columns for number, time, arrow and label, with the spaces between and after them.
const LABEL: usize = 26;
const BEFORE_DETAIL: usize = 4 + 1 + 9 + 2 + 1 + 1 + LABEL + 1;

/// How a line is coloured.
#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Good,
    Bad,
    Notice,
    Faint,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "36",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Notice => "33",
            Self::Faint => "2",
        }
    }
}

/// A line before it is laid out.
struct Line {
    tone: Tone,
    symbol: char,
    label: String,
    detail: String,
    /// What always stands at the end, whatever is cut.
    tail: String,
    /// Lines below.
    below: Vec<String>,
}

impl Line {
    fn new(tone: Tone, symbol: char, label: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { tone, symbol, label: label.into(), detail: detail.into(), tail: String::new(), below: Vec::new() }
    }
}

impl Timeline {
    /// A timeline of a history that begins with the next event.
    pub fn new(look: Look) -> Self {
        Self { look, started_ms: None, calls: BTreeMap::new() }
    }

    /// A timeline of some events of a run that started at `started_ms`.
    pub fn since(look: Look, started_ms: u64) -> Self {
        Self { started_ms: Some(started_ms), ..Self::new(look) }
    }

    /// The line of an event, with its end; a few lines for some.
    pub fn show(&mut self, event: &HistoryEvent) -> String {
        let line = self.line(event);
        let started_ms = *self.started_ms.get_or_insert(event.time_ms);
        let since = when::span(event.time_ms.saturating_sub(started_ms));
        self.lay_out(event.seq, &since, &line)
    }

    fn line(&mut self, event: &HistoryEvent) -> Line {
        let reason = || event.reason.clone().unwrap_or_default();
        let version = || event.version.map(|version| version.short()).unwrap_or_default();
        match event.kind.as_str() {
            "run-started" => {
                let workflow = event.workflow.as_ref().map(|name| name.as_str()).unwrap_or_default();
                let id = event.id.as_ref().map(|id| id.as_str()).unwrap_or_default();
                let input = event.input.as_ref().map(text::json).unwrap_or_default();
                Line::new(Tone::Good, '●', "run started", format!("{workflow} {id} {input}").trim_end())
            }
            "call-requested" => {
                if let (Some(call), Some(kind)) = (event.call, event.call_kind) {
                    self.calls.insert(call, (kind, event.time_ms));
                }
                let detail = match (event.call_kind, &event.request) {
                    (Some(kind), Some(request)) => request::summary(kind, request),
                    _ => String::new(),
                };
                Line::new(Tone::Plain, '→', self.call(event), detail)
            }
            "call-completed" => self.completed(event),
            "call-cancelled" => Line::new(Tone::Faint, '⊘', self.call(event), "dropped by the workflow"),
            "call-deferred" => Line::new(Tone::Faint, '…', self.call(event), "will be answered later"),
            "signal-received" => {
                let name = event.name.as_deref().unwrap_or_default();
                let payload = event.payload.as_ref().map(text::json).unwrap_or_default();
                Line::new(Tone::Notice, '◆', format!("signal {}", text::plain(name)), payload)
            }
            "update-received" => {
                let (name, id) =
                    (event.name.as_deref().unwrap_or_default(), event.update.as_deref().unwrap_or_default());
                let arguments = event.payload.as_ref().map(text::json).unwrap_or_default();
                let detail = format!("{} {arguments}", text::plain(id));
                Line::new(Tone::Notice, '◆', format!("update {}", text::plain(name)), detail)
            }
            "update-accepted" | "update-rejected" | "update-completed" => {
                let id = text::plain(event.update.as_deref().unwrap_or_default());
                let label = event.kind.replace('-', " ");
                match &event.outcome {
                    Some(Outcome::Ok(answer)) => {
                        Line::new(Tone::Notice, '◇', label, format!("{id} {}", text::json(answer)))
                    }
                    Some(Outcome::Failed(failure)) => {
                        Line::new(Tone::Bad, '◇', label, format!("{id} {}", text::failure(failure)))
                    }
                    None => Line::new(Tone::Notice, '◇', label, id),
                }
            }
            "marker-recorded" => {
                let value = event.payload.as_ref().map(text::json).unwrap_or_default();
                let name = text::plain(event.name.as_deref().unwrap_or_default());
                Line::new(Tone::Faint, '⚑', "marker", format!("{name} {value}"))
            }
            "run-continued" => {
                let next = event.continued_as.map(|run| run.to_string()).unwrap_or_default();
                let input = event.input.as_ref().map(text::json).unwrap_or_default();
                Line::new(Tone::Good, '■', "run continued", format!("as {next} {input}"))
            }
            "run-timed-out" => {
                let after = event.run_timeout_ms.map(when::span).unwrap_or_default();
                Line::new(Tone::Bad, '■', "run timed out", format!("after {after}"))
            }
            "run-reset" => {
                let from = event.reset_from.map(|run| run.to_string()).unwrap_or_default();
                let at = event.reset_event.unwrap_or_default();
                Line::new(Tone::Notice, '◆', "run reset", format!("from {from} at event {at}"))
            }
            "run-forked" => {
                let from = event.forked_from.map(|run| run.to_string()).unwrap_or_default();
                let at = event.forked_event.unwrap_or_default();
                let set = if event.set_outcome == Some(true) { ", with the outcome below" } else { "" };
                Line::new(Tone::Notice, '⑂', "run forked", format!("from {from} at event {at}{set}"))
            }
            "cancel-requested" => Line::new(Tone::Notice, '◆', "cancel requested", reason()),
            "version-changed" => Line::new(Tone::Notice, '◆', "version changed", version()),
            "run-parked" => Self::parked(event.parked.as_ref()),
            "run-pinned" => Line::new(Tone::Notice, '◆', "run pinned", "stays on its version"),
            "run-unpinned" => Line::new(Tone::Notice, '◆', "run unpinned", "may go on with other versions"),
            "run-resumed" => Line::new(Tone::Good, '▶', "run resumed", ""),
            "run-terminated" => Line::new(Tone::Bad, '■', "run terminated", reason()),
            "run-completed" | "run-failed" | "run-cancelled" => {
                let label = event.kind.replace('-', " ");
                match &event.outcome {
                    Some(Outcome::Ok(result)) => Line::new(Tone::Good, '■', label, text::json(result)),
                    Some(Outcome::Failed(failure)) => Line::new(Tone::Bad, '■', label, text::failure(failure)),
                    None => Line::new(Tone::Bad, '■', label, ""),
                }
            }
            // Of a newer host.
            other => Line::new(Tone::Plain, '·', text::plain(other), ""),
        }
    }

    fn call(&self, event: &HistoryEvent) -> String {
        let kind = event.call.and_then(|call| self.calls.get(&call)).map(|(kind, _)| kind.as_str());
        format!("#{} {}", event.call.unwrap_or_default(), kind.unwrap_or("call"))
    }

    fn completed(&mut self, event: &HistoryEvent) -> Line {
        let label = self.call(event);
        let requested = event.call.and_then(|call| self.calls.remove(&call));
        let kind = requested.map(|(kind, _)| kind);
        let mut line = match &event.outcome {
            Some(Outcome::Ok(value)) => Line::new(Tone::Plain, '←', label, outcome::summary(kind, value)),
            Some(Outcome::Failed(failure)) => Line::new(Tone::Bad, '✗', label, text::failure(failure)),
            None => Line::new(Tone::Plain, '←', label, ""),
        };
        let took = requested.map(|(_, requested_ms)| when::span(event.time_ms.saturating_sub(requested_ms)));
        let attempts = event.attempts.filter(|attempts| *attempts > 1).map(|attempts| format!("{attempts} attempts"));
        let usage = event.usage.as_ref().and_then(usage);
        let grant = event.grant.as_deref().map(|grant| format!("by {}", text::plain(grant)));
        let rules = event.gateway.iter().flatten().map(|note| text::plain(&note.to_string()));
        let notes: Vec<_> = took.into_iter().chain(attempts).chain(usage).chain(grant).chain(rules).collect();
        if !notes.is_empty() {
            line.tail = format!(" ({})", notes.join(", "));
        }
        line
    }

    fn parked(reason: Option<&ParkReason>) -> Line {
        let Some(reason) = reason else { return Line::new(Tone::Bad, '‖', "run parked", "") };
        let mut line = Line::new(Tone::Bad, '‖', "run parked", "");
        line.below =
            reason.message.lines().chain(reason.backtrace.iter().map(String::as_str)).map(text::plain).collect();
        line.detail = if line.below.is_empty() { String::new() } else { line.below.remove(0) };
        line
    }

    fn lay_out(&self, seq: u64, since: &str, line: &Line) -> String {
        let detail = match self.look.width {
            Some(width) => {
                let room = width.saturating_sub(BEFORE_DETAIL.max(BEFORE_DETAIL - LABEL + line.label.chars().count()));
                text::shortened(&line.detail, room.saturating_sub(line.tail.chars().count()).max(16))
            }
            None => line.detail.clone(),
        };
        let (on, faint, off) = if self.look.color {
            (format!("\x1b[{}m", line.tone.code()), "\x1b[2m", "\x1b[0m")
        } else {
            (String::new(), "", "")
        };
        let (symbol, label, tail) = (line.symbol, &line.label, &line.tail);
        let mut text = format!("{faint}{seq:>4} {since:>9}{off}  {on}{symbol} ");
        text.push_str(&if detail.is_empty() && tail.is_empty() {
            format!("{label}{off}\n")
        } else {
            format!("{label:LABEL$}{off} {detail}{faint}{tail}{off}\n")
        });
        for below in &line.below {
            text.push_str(&format!("{:BEFORE_DETAIL$}{faint}{below}{off}\n", ""));
        }
        text
    }
}

/// The tokens of a call, and their price.
fn usage(usage: &CallUsage) -> Option<String> {
    let tokens = usage.tokens?;
    let cached = match tokens.cached_input {
        0 => String::new(),
        cached => format!(" ({cached} cached)"),
    };
    let cost = usage.cost.as_ref().map_or_else(|| "no known price".to_owned(), ToString::to_string);
    Some(format!("{}{cached} + {} tokens, {cost}", tokens.input, tokens.output))
}

#[cfg(test)]
mod tests;
