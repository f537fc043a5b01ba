//! What workers are refused, in words.

use abide_model::{Error, ErrorCode};

use super::recent::End;
use super::token::Token;

pub(super) fn no_queue<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Error {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
    let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
    let message = format!("there is no task queue `{shown}`, but {known}: configure it as `[workers.{shown}]`");
    Error::new(ErrorCode::QueueNotFound, message)
}

pub(super) fn not_found(token: &Token) -> Error {
    let message = format!(
        "no open call has the token `{token}`: a host that has just come up may not have its run back yet, so try a few \
         times, a second apart; a parked run has to be resumed first"
    );
    Error::new(ErrorCode::TaskNotFound, message).about(token.key.run_id)
}

pub(super) fn other_queue(token: &Token, queue: &str, right: &str) -> Error {
    let message = format!("the token `{token}` is not of the queue `{}` but of `{right}`", queue.escape_debug());
    Error::new(ErrorCode::InvalidArgument, message).about(token.key.run_id)
}

pub(super) fn superseded(token: &Token, attempt: u32) -> Error {
    let message = format!(
        "attempt {} of call {} is over, as it failed or its lease ran out, and attempt {attempt} takes its place: stop working on it",
        token.attempt, token.key
    );
    Error::new(ErrorCode::TaskSuperseded, message).about(token.key.run_id)
}

pub(super) fn ended(token: &Token, end: End) -> Error {
    let what = match end {
        End::Answered(_) => "has an outcome already",
        End::GaveUp => "ran out of time or of attempts, and failed",
        End::Dropped => "was dropped by its workflow, or its run ended",
    };
    let message = format!("call {} {what}: nobody waits for an answer", token.key);
    Error::new(ErrorCode::TaskClosed, message).about(token.key.run_id)
}

pub(super) fn not_durable_yet(token: &Token) -> Error {
    let message = format!("the answer of call {} is not durable yet: send it again with the same token", token.key);
    Error::new(ErrorCode::NotYet, message).about(token.key.run_id)
}
