//! Texts made fit for one line.

use abide_model::{Failure, Json};

/// A JSON text on one line. Spaces within its strings are not kept apart either: the exact text is in the JSON of the history.
pub(super) fn json(value: &Json) -> String {
    plain(value.as_str())
}

/// A text without line ends and control characters, which could do things to a terminal.
pub(super) fn plain(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text))
}

/// A failure.
pub(super) fn failure(failure: &Failure) -> String {
    format!("{}: {}", plain(&failure.code), plain(&failure.message))
}

/// At most `most` characters, with `…` where something is missing.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_without_control_characters() {
        assert_eq!(plain("{\n  \"a\": \x1b[31m1\r\n}"), "{ \"a\": [31m1 }");
    }

    #[test]
    fn cut_where_too_long() {
        assert_eq!(shortened("héllo", 5), "héllo");
        assert_eq!(shortened("héllo!", 5), "héll…");
    }
}
