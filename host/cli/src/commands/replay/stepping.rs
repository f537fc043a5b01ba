//! `abide replay --step`: forward and back through a history, event by event, by commands from standard input. Each place that was seen is kept, so
//! that going back costs nothing.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Read, stdin};

use abide_model::Seq;
use abide_runtime::view::RunAt;
use anyhow::{Context, Result};

use super::at;
use super::source::Source;
use crate::exit::{Exit, Fault};
use crate::output::{self, Format};

/// Places that are kept. Of more, the one farthest away goes.
const KEPT: usize = 256;
/// The longest command.
const MAX_LINE_BYTES: u64 = 1024;

const HELP: &str = "\
n, next, or an empty line   the next event
p, prev, b, back            the event before
g N, goto N                 event N
a, all                      all that is known of this place
v, values                   what is published, and the attributes
l, log                      the log up to here
c, calls                    the calls in flight, with the functions that made them
h, help                     this
q, quit                     the end
";

/// What somebody wants.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Next,
    Back,
    To(Seq),
    All,
    Values,
    Log,
    Calls,
    Help,
    Quit,
}

impl Command {
    /// Reads a line. The error says what was wrong.
    fn parse(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (word, argument) = (words.next().unwrap_or("n"), words.next());
        let command = match word {
            "n" | "next" => Self::Next,
            "p" | "prev" | "previous" | "b" | "back" => Self::Back,
            "a" | "all" => Self::All,
            "v" | "values" => Self::Values,
            "l" | "log" => Self::Log,
            "c" | "calls" => Self::Calls,
            "h" | "help" | "?" => Self::Help,
            "q" | "quit" | "exit" => Self::Quit,
            "g" | "goto" => {
                let event = argument.and_then(|text| text.parse().ok());
                return event.map(Self::To).ok_or_else(|| "`g` needs the number of an event, such as `g 3`".to_owned());
            }
            other => {
                let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
                return Err(format!("`{shown}` is no command: `h` shows those that there are"));
            }
        };
        match argument {
            None => Ok(command),
            Some(_) => Err(format!("`{word}` takes nothing after it")),
        }
    }
}

/// Steps through a history from event `from` on.
pub(super) async fn step(source: &Source, from: Seq, format: Format) -> Result<Exit> {
    let mut seen = Seen { source, places: BTreeMap::new(), at: from };
    show(seen.here().await?, format, at::summary)?;
    loop {
        let (event, last) = (seen.at, seen.here().await?.events.saturating_sub(1));
        let Some(line) = read_line(event, last).await? else { return Ok(Exit::Done) };
        let wanted = match Command::parse(&line) {
            Ok(Command::Quit) => return Ok(Exit::Done),
            Ok(Command::Help) => {
                output::note(HELP.trim_end());
                continue;
            }
            Ok(command) => command,
            Err(why) => {
                output::note(why);
                continue;
            }
        };
        let target = match wanted {
            Command::Next => event.checked_add(1).filter(|next| *next <= last),
            Command::Back => event.checked_sub(1),
            Command::To(event) => Some(event).filter(|event| *event <= last),
            _ => Some(event),
        };
        let Some(target) = target else {
            output::note(format!("there is no such event: the history has those from 0 to {last}"));
            continue;
        };
        seen.at = target;
        let place = seen.here().await?;
        match wanted {
            Command::All => show(place, format, at::in_words)?,
            Command::Values => show(place, format, at::values)?,
            Command::Log => show(place, format, at::log)?,
            Command::Calls => show(place, format, at::calls)?,
            _ => show(place, format, at::summary)?,
        }
    }
}

fn show(place: &RunAt, format: Format, in_words: fn(&RunAt) -> String) -> Result<()> {
    match format {
        Format::Json => output::json(place),
        Format::Text => match in_words(place) {
            nothing if nothing.is_empty() => output::line("nothing"),
            text => output::text_out(&text),
        },
    }
}

/// The places that were looked at.
struct Seen<'a> {
    source: &'a Source,
    places: BTreeMap<Seq, RunAt>,
    at: Seq,
}

impl Seen<'_> {
    async fn here(&mut self) -> Result<&RunAt> {
        if !self.places.contains_key(&self.at) {
            if self.places.len() >= KEPT {
                let farthest = self.places.keys().max_by_key(|event| event.abs_diff(self.at)).copied();
                farthest.map(|event| self.places.remove(&event));
            }
            let place = self.source.at(self.at).await?;
            self.places.insert(self.at, place);
        }
        self.places.get(&self.at).context("the place was looked at just now")
    }
}

/// The next command. `None` at the end of standard input.
async fn read_line(event: Seq, last: Seq) -> Result<Option<String>> {
    let read = tokio::task::spawn_blocking(move || {
        if stdin().is_terminal() {
            eprint!("[{event}/{last}] ");
        }
        let mut line = String::new();
        let read = stdin().lock().take(MAX_LINE_BYTES).read_line(&mut line);
        read.map(|bytes| (bytes > 0).then_some(line))
    });
    Ok(read.await?.map_err(|error| Fault::usage(format!("cannot read standard input: {error}")))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_their_first_letters() {
        for (line, command) in [
            ("", Command::Next),
            ("n\n", Command::Next),
            ("back", Command::Back),
            ("p", Command::Back),
            ("g 12", Command::To(12)),
            (" goto  0 ", Command::To(0)),
            ("v", Command::Values),
            ("l", Command::Log),
            ("c", Command::Calls),
            ("a", Command::All),
            ("q", Command::Quit),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
        for bad in ["g", "g -1", "g x", "jump", "n 3", "g 99999999999999999999"] {
            assert!(Command::parse(bad).is_err(), "{bad}");
        }
    }
}
