//! Standard output and error: lines become log lines. The output of a program is also kept, since it is the result of its run.

use abide_model::{Failure, Json, Outcome};
use serde_json::json;

use crate::state::{LogLevel, Shared};

/// A line that is longer comes as several.
const MAX_LINE_BYTES: usize = 8192;
/// What is kept of the end of standard error, for the failure of a program that ends badly.
const KEPT_ERROR_BYTES: usize = 4096;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Output,
    Error,
}

/// What was written, and is not yet a line or is kept.
#[derive(Debug, Default)]
pub(crate) struct Stdio {
    output_line: Vec<u8>,
    error_line: Vec<u8>,
    output: Vec<u8>,
    /// The most bytes that are kept of the output.
    kept_output_bytes: usize,
    output_is_cut: bool,
    error_tail: Vec<u8>,
}

impl Stdio {
    /// Keeps so many bytes of the output.
    pub(crate) fn new(kept_output_bytes: usize) -> Self {
        Self { kept_output_bytes, ..Self::default() }
    }

    /// Keeps what is to be kept of `bytes`.
    fn keep(&mut self, channel: Channel, bytes: &[u8]) {
        match channel {
            Channel::Output => {
                let room = self.kept_output_bytes - self.output.len();
                self.output_is_cut |= bytes.len() > room;
                self.output.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Channel::Error => {
                self.error_tail.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT_ERROR_BYTES)..]);
                let excess = self.error_tail.len().saturating_sub(KEPT_ERROR_BYTES);
                self.error_tail.drain(..excess);
            }
        }
    }

    fn line(&mut self, channel: Channel) -> &mut Vec<u8> {
        match channel {
            Channel::Output => &mut self.output_line,
            Channel::Error => &mut self.error_line,
        }
    }

    /// Adds `bytes`; gives the lines that are whole now.
    fn lines(&mut self, channel: Channel, mut bytes: &[u8]) -> Vec<String> {
        let line = self.line(channel);
        let mut lines = Vec::new();
        while !bytes.is_empty() {
            let room = MAX_LINE_BYTES - line.len();
            let end = bytes.iter().take(room).position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(bytes.len().min(room));
            line.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken + usize::from(end.is_some())..];
            if end.is_some() || line.len() == MAX_LINE_BYTES {
                lines.push(text(&std::mem::take(line)));
            }
        }
        lines
    }

    /// What is left of a line that was not ended.
    fn rest(&mut self, channel: Channel) -> Option<String> {
        let rest = std::mem::take(self.line(channel));
        (!rest.is_empty()).then(|| text(&rest))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\r').to_owned()
}

impl Shared {
    pub(crate) fn write_stdio(&mut self, channel: Channel, bytes: &[u8]) {
        self.stdio.keep(channel, bytes);
        for line in self.stdio.lines(channel, bytes) {
            self.write_log(level(channel), line, None);
        }
    }

    /// The program ended: its last lines are lines, though they have no end.
    fn end_stdio(&mut self) {
        for channel in [Channel::Output, Channel::Error] {
            if let Some(line) = self.stdio.rest(channel) {
                self.write_log(level(channel), line, None);
            }
        }
    }

    /// What a program gave that ended with `code`: what it wrote to its standard output, as JSON where it is JSON, and as text otherwise.
    pub(crate) fn outcome_of_program(&mut self, code: u8) -> Outcome {
        self.end_stdio();
        if code != 0 {
            let stderr = text(&self.stdio.error_tail);
            let last_line = stderr.trim_end().lines().next_back().unwrap_or("it wrote nothing to standard error");
            let message = format!("the program ended with exit code {code}: {last_line}");
            let details = Json::from(&json!({ "exit_code": code, "stderr": stderr }));
            return Outcome::Failed(Failure { details: Some(details), ..Failure::new("exit", message) });
        }
        if self.stdio.output_is_cut {
            let limit = self.stdio.kept_output_bytes;
            let message = format!(
                "the program wrote more than {limit} bytes to its standard output, which is its result: write less"
            );
            return Outcome::Failed(Failure::new("too-large", message));
        }
        let output = String::from_utf8_lossy(&self.stdio.output);
        let output = output.trim();
        if output.is_empty() {
            return Outcome::Ok(Json::from(&serde_json::Value::Null));
        }
        Outcome::Ok(Json::parse(output).unwrap_or_else(|_| Json::from(&output.into())))
    }
}

fn level(channel: Channel) -> LogLevel {
    match channel {
        Channel::Output => LogLevel::Info,
        Channel::Error => LogLevel::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_when_they_end() {
        let mut stdio = Stdio::new(0);
        assert!(stdio.lines(Channel::Output, b"one").is_empty());
        assert_eq!(stdio.lines(Channel::Output, b" line\r\n\ntwo"), ["one line", ""]);
        assert!(stdio.rest(Channel::Error).is_none());
        assert_eq!(stdio.rest(Channel::Output).unwrap(), "two");
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let mut stdio = Stdio::new(0);
        let lines = stdio.lines(Channel::Error, &vec![b'x'; 2 * MAX_LINE_BYTES + 1]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE_BYTES, MAX_LINE_BYTES]);
        assert_eq!(stdio.rest(Channel::Error).unwrap(), "x");
    }

    fn program(kept_output_bytes: usize) -> Shared {
        Shared { stdio: Stdio::new(kept_output_bytes), ..Shared::default() }
    }

    #[test]
    fn what_a_program_wrote_is_its_result() {
        for (written, result) in
            [("", "null"), ("{\"a\": 1}\n", "{\"a\": 1}"), ("7", "7"), ("hello\nworld\n", "\"hello\\nworld\"")]
        {
            let mut program = program(100);
            program.write_stdio(Channel::Output, written.as_bytes());
            assert_eq!(program.outcome_of_program(0), Outcome::Ok(Json::parse(result).unwrap()), "{written}");
        }
    }

    #[test]
    fn a_result_that_is_too_long_is_a_failure_and_not_half_a_result() {
        let mut program = program(4);
        program.write_stdio(Channel::Output, b"12345");
        assert!(matches!(program.outcome_of_program(0), Outcome::Failed(failure) if failure.code == "too-large"));
    }

    #[test]
    fn a_program_that_ends_badly_tells_its_last_line() {
        let mut program = program(4);
        program.write_stdio(Channel::Error, &vec![b'a'; KEPT_ERROR_BYTES * 2]);
        program.write_stdio(Channel::Error, b"\nValueError: no");
        let Outcome::Failed(failure) = program.outcome_of_program(3) else { panic!("it failed") };
        assert_eq!(failure.message, "the program ended with exit code 3: ValueError: no");
        assert!(failure.details.unwrap().as_str().len() < KEPT_ERROR_BYTES + 100);
        assert!(
            matches!(program.outputs.last(), Some(crate::Output::Log { message, .. }) if message == "ValueError: no")
        );
    }
}
