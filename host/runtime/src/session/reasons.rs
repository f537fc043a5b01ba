//! Why a guest cannot go on, in words.

use std::time::Duration;

use abide_engine::{LogLevel, Output};
use abide_model::{ParkKind, ParkReason, Seq};
use abide_replay::Divergence;

/// How many bytes of a guest's last log line go into the reason of its stop.
const MAX_LAST_WORDS: usize = 1000;

/// The last error of a log, or the warnings at its end, which is where standard error goes: they fill more than one line where it is a traceback.
pub(super) fn last_words(outputs: Vec<Output>) -> Option<String> {
    let mut warnings = Vec::new();
    let mut bytes = 0;
    for output in outputs.into_iter().rev() {
        match output {
            Output::Log { level: LogLevel::Error, mut message, .. } => {
                message.truncate(message.floor_char_boundary(MAX_LAST_WORDS));
                return Some(message);
            }
            Output::Log { level: LogLevel::Warn, message, .. } if bytes < MAX_LAST_WORDS => {
                let line = message.trim();
                if line.is_empty() {
                    continue;
                }
                let line = &line[..line.floor_char_boundary(MAX_LAST_WORDS - bytes)];
                bytes += line.len() + 1;
                warnings.push(line.to_owned());
            }
            _ => {}
        }
    }
    warnings.reverse();
    (!warnings.is_empty()).then(|| warnings.join(" / "))
}

pub(super) fn worked_too_long(event: Seq, limit: Duration) -> ParkReason {
    let ms = limit.as_millis();
    ParkReason {
        kind: ParkKind::TurnTooLong,
        message: format!(
            "the guest computed for more than {ms} ms since its last event: let it wait in between, or raise `limits.turn_ms`; \
             `abide resume RUN` lets it try again"
        ),
        event: Some(event),
        backtrace: Vec::new(),
    }
}

/// A divergence in words.
pub(super) fn diverged(divergence: Divergence) -> ParkReason {
    ParkReason {
        kind: ParkKind::Divergence,
        message: divergence.to_string(),
        event: Some(divergence.event),
        backtrace: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: LogLevel, message: &str) -> Output {
        Output::Log { level, message: message.to_owned(), fields: None }
    }

    #[test]
    fn the_last_words_are_an_error_or_the_end_of_standard_error() {
        use LogLevel::{Error, Info, Warn};
        assert_eq!(last_words(vec![line(Info, "a")]), None);
        let traceback = vec![line(Warn, "Traceback:"), line(Warn, ""), line(Info, "a"), line(Warn, "  KeyError: 'x'")];
        assert_eq!(last_words(traceback).unwrap(), "Traceback: / KeyError: 'x'");
        assert_eq!(
            last_words(vec![line(Error, "first"), line(Error, "panicked"), line(Warn, "a")]).unwrap(),
            "panicked"
        );
    }

    #[test]
    fn last_words_are_few() {
        let long = || line(LogLevel::Warn, &"ä".repeat(MAX_LAST_WORDS));
        assert!(last_words(vec![long(), long(), long()]).unwrap().len() <= MAX_LAST_WORDS + 3);
    }
}
