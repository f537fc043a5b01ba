//! Reads a stream of server-sent events (WHATWG HTML, section 9.2).

use anyhow::{Result, bail};

/// More than this without an end is no event of a host.
const LONGEST_EVENT_BYTES: usize = 256 << 20;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) event: String,
    pub(crate) data: String,
}

/// Takes a stream apart, piece by piece as it comes.
#[derive(Default)]
pub(crate) struct Events {
    /// What came of the line that is not at its end.
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
}

impl Events {
    /// Takes a piece, and gives the events that it completes.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<Vec<Frame>> {
        let mut complete = Vec::new();
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line));
            complete.extend(self.line(&line));
        }
        self.line.extend_from_slice(rest);
        if self.line.len() + self.frame.data.len() > LONGEST_EVENT_BYTES {
            bail!("the host sends an event of more than {LONGEST_EVENT_BYTES} bytes");
        }
        Ok(complete)
    }

    fn line(&mut self, line: &str) -> Option<Frame> {
        if line.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.frame.event = value.to_owned(),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.frame.data.push('\n');
                }
                self.frame.data.push_str(value);
            }
            // The id stands in the data too; comments and the rest mean nothing here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "retry: 1000\n\n: alive\n\nid: 0\nevent: run-started\ndata: {\ndata:  \"é\"}\n\nevent:end\r\ndata:1\r\n\r\nevent: cut";

    fn read(pieces: impl Iterator<Item = &'static [u8]>) -> Vec<Frame> {
        let mut events = Events::default();
        pieces.flat_map(|piece| events.take(piece).unwrap()).collect()
    }

    #[test]
    fn a_stream_is_read_however_it_is_cut() {
        let frame = |event: &str, data: &str| Frame { event: event.to_owned(), data: data.to_owned() };
        let expected = [frame("run-started", "{\n \"é\"}"), frame("end", "1")];
        for size in [1, 2, 3, 7, STREAM.len()] {
            assert_eq!(read(STREAM.as_bytes().chunks(size)), expected, "in pieces of {size}");
        }
    }
}
