//! How much a run may write to the log of the host. What a guest logs between two events is bounded where it logs; this bounds it over time, so
//! that a run that logs with each of many events fills no disk.

use std::time::{Duration, Instant};

use abide_engine::LogLevel;

use crate::session::LogLine;

const WINDOW: Duration = Duration::from_secs(60);
/// What counts for a line beside its texts.
const LINE_BYTES: u64 = 64;

/// What was written in this minute.
#[derive(Debug, Default)]
pub(crate) struct LogAllowance {
    began: Option<Instant>,
    bytes: u64,
    left_out: u64,
}

impl LogAllowance {
    /// The lines that may be written, of which at most `limit` bytes come in a minute. The first of the next minute says how many were left out.
    pub(crate) fn take(&mut self, lines: Vec<LogLine>, limit: u64) -> Vec<LogLine> {
        if lines.is_empty() {
            return lines;
        }
        self.take_at(Instant::now(), lines, limit)
    }

    fn take_at(&mut self, now: Instant, lines: Vec<LogLine>, limit: u64) -> Vec<LogLine> {
        let mut taken = Vec::with_capacity(lines.len());
        if self.began.is_none_or(|began| now.duration_since(began) >= WINDOW) {
            if self.left_out > 0 {
                taken.push(warning(format!("{} log lines of this run were left out", self.left_out)));
            }
            *self = Self { began: Some(now), bytes: 0, left_out: 0 };
        }
        for line in lines {
            let fields = line.fields.as_ref().map_or(0, |fields| fields.as_str().len());
            self.bytes = self.bytes.saturating_add(LINE_BYTES + (line.message.len() + fields) as u64);
            if self.bytes <= limit {
                taken.push(line);
                continue;
            }
            if self.left_out == 0 {
                taken
                    .push(warning(format!("the run logged more than {limit} bytes in a minute: the rest is left out")));
            }
            self.left_out += 1;
        }
        taken
    }
}

fn warning(message: String) -> LogLine {
    LogLine { level: LogLevel::Warn, message, fields: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<LogLine> {
        vec![LogLine { level: LogLevel::Info, message: "x".repeat(36), fields: None }; count]
    }

    #[test]
    fn what_is_beyond_the_limit_is_left_out_and_told() {
        let (mut allowance, now) = (LogAllowance::default(), Instant::now());
        assert_eq!(allowance.take_at(now, lines(9), 1000).len(), 9);
        let taken = allowance.take_at(now, lines(5), 1000);
        assert_eq!(taken.len(), 2);
        assert!(taken[1].message.contains("more than 1000 bytes"), "{taken:?}");
        assert!(allowance.take_at(now, lines(5), 1000).is_empty());
        let taken = allowance.take_at(now + WINDOW, lines(1), 1000);
        assert_eq!((taken.len(), taken[0].message.as_str()), (2, "9 log lines of this run were left out"));
    }
}
