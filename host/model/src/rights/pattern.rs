//! A name, or all names that begin with something.

use std::fmt;

/// A name, or all that begin with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: String,
    open: bool,
}

impl Pattern {
    /// Reads a name, or its beginning followed by `*`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, open) = match text.strip_suffix('*') {
            Some(name) => (name, true),
            None => (text, false),
        };
        if name.contains('*') {
            return Err("a `*` stands at the end alone");
        }
        if name.is_empty() && !open {
            return Err("after the colon it names something");
        }
        if name.contains(' ') {
            return Err("the name has a space");
        }
        Ok(Self { text: name.to_owned(), open })
    }

    /// This name alone, whatever characters it has.
    pub fn exact(name: impl Into<String>) -> Self {
        Self { text: name.into(), open: false }
    }

    /// All names that begin so.
    pub fn below(text: impl Into<String>) -> Self {
        Self { text: text.into(), open: true }
    }

    /// The name, or how the names begin.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is every name.
    pub fn is_everything(&self) -> bool {
        self.open && self.text.is_empty()
    }

    /// Whether all names of `other` are names of this.
    pub fn covers(&self, other: &Self) -> bool {
        match self.open {
            true => other.text.starts_with(&self.text),
            false => !other.open && self.text == other.text,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if self.open { f.write_str("*") } else { Ok(()) }
    }
}
