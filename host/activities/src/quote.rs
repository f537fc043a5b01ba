//! Quotes what a provider said, for a message: short, on one line, and without the secrets that it was given.

use reqwest::header::HeaderMap;

use crate::config::Secret;

/// How much of what a provider said is quoted.
const QUOTED_CHARS: usize = 300;

/// Shorter texts are no secrets; to look for them would spoil every message.
const SHORTEST_SECRET: usize = 6;

/// What must not be quoted.
#[derive(Clone, Default)]
pub(crate) struct Redactor(Vec<String>);

impl Redactor {
    /// Hides the values of these headers.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Self {
        let mut redactor = Self::default();
        for value in headers.values().filter_map(|value| value.to_str().ok()) {
            redactor.hide(value);
            if let Some((_, credentials)) = value.split_once(' ') {
                redactor.hide(credentials);
            }
        }
        redactor
    }

    /// Hides these.
    pub(crate) fn of_secrets<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redactor = Self::default();
        for secret in secrets {
            redactor.hide(secret.expose());
        }
        redactor
    }

    fn hide(&mut self, text: &str) {
        if text.len() >= SHORTEST_SECRET {
            self.0.push(text.to_owned());
        }
    }

    /// The text without what must not be seen.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "…"))
    }

    /// The beginning of the text, on one line.
    pub(crate) fn quote(&self, text: &str) -> String {
        one_line(&self.clean(text), QUOTED_CHARS)
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({})", self.0.len())
    }
}

/// The beginning of a text, with every run of blanks and control characters as one space.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line = String::new();
    let mut left = max_chars;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if left == 0 {
                line.push('…');
                return line;
            }
            line.push(c);
            left -= 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_one_short_line_without_secrets() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer sk-abcdef".parse().unwrap());
        let redactor = Redactor::of_headers(&headers);
        assert_eq!(redactor.quote("key\n  sk-abcdef\u{7} is bad"), "key … is bad");
        assert_eq!(redactor.quote(&"x".repeat(400)).chars().count(), QUOTED_CHARS + 1);
        assert!(!format!("{redactor:?}").contains("sk-"));
    }
}
