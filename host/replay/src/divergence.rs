//! Where a component did not do what the history says, in words.

use abide_model::{CallKind, Json, Outcome, RecordedRequest, Seq, UpdateAnswer};

/// How much of a request is shown.
const SHOWN_CHARS: usize = 160;

/// A difference between a history and what a component did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at event {event} the history has {recorded}, the component {made}")]
pub struct Divergence {
    /// The event that differs: the recorded output, or the input after which something was done that is not recorded.
    pub event: Seq,
    /// What the history has.
    pub recorded: String,
    /// What the component did.
    pub made: String,
}

/// A call in words.
pub(crate) fn call(kind: CallKind, request: &RecordedRequest) -> String {
    match request {
        RecordedRequest::Inline(json) => format!("`{kind}` {}", short(json.as_str())),
        RecordedRequest::Stored(head, last, count) => {
            let last = last.map(|last| format!(", the last one sha256:{}", last.short())).unwrap_or_default();
            format!("`{kind}` with {count} messages{last} (request sha256:{})", head.short())
        }
    }
}

/// The end of a run in words.
pub(crate) fn end(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ok(json) => format!("the result {}", short(json.as_str())),
        Outcome::Failed(failure) => format!("the failure {}", short(&failure.to_string())),
    }
}

/// What was said to an update, in words.
pub(crate) fn answer(update: &str, answer: &UpdateAnswer) -> String {
    let update = short(update);
    match answer {
        UpdateAnswer::Accepted => format!("the acceptance of update `{update}`"),
        UpdateAnswer::Rejected(failure) => format!("the refusal of update `{update}`: {}", short(&failure.to_string())),
        UpdateAnswer::Completed(outcome) => format!("the answer to update `{update}`: {}", end(outcome)),
    }
}

/// The end of a run that goes on as a new one, in words.
pub(crate) fn continuation(input: &Json) -> String {
    format!("the continuation as a new run with {}", short(input.as_str()))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
