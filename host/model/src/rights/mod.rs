//! Rights: what a run may ask of the world. A right has one textual form, which grants, manifests, errors, histories and the command share:
//! `llm:openai/gpt-5*`, `tool:crm/lookup`, `interface:acme:crm/api`, `http:GET api.example.com/v1/`, `child:invoice`, `signal:invoice`,
//! `cancel:invoice`, `env:LANG`, and `*` for all there is.
//!
//! What a call needs is a right too, the narrowest one; it is allowed where a right that was given covers it. So there is one question,
//! [`Right::covers`], and it is a function of two values.

mod effective;
mod http;
mod pattern;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode, InterfaceName};

pub use effective::Rights;
pub use http::HttpRight;
pub use pattern::Pattern;

/// The longest text of a right, in bytes.
const MAX_BYTES: usize = 512;

/// One right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Right {
    /// All there is.
    Everything,
    /// To ask a model: `<provider>/<model>`.
    Model(Pattern),
    /// To call a tool: `<provider>/<tool>`.
    Tool(Pattern),
    /// To call the functions of a typed interface.
    Interface(InterfaceRight),
    /// To send HTTP requests.
    Http(HttpRight),
    /// To start a workflow as a child.
    Child(Pattern),
    /// To send signals to runs of a workflow.
    Signal(Pattern),
    /// To ask runs of a workflow to end.
    Cancel(Pattern),
    /// To be configured with an environment variable.
    Variable(Pattern),
}

/// The interfaces of a right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceRight {
    /// This one; in any version where it names none, else in those that keep what that version promised.
    Named(InterfaceName),
    /// All that begin so.
    Below(String),
}

/// How a right begins, by what it is for.
const FAMILIES: [&str; 8] = ["llm", "tool", "interface", "http", "child", "signal", "cancel", "env"];

impl Right {
    /// Reads its text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| {
            let shown: String = text.chars().take(100).flat_map(char::escape_debug).collect();
            Error::new(ErrorCode::InvalidArgument, format!("`{shown}` is no right: {problem}"))
        };
        if text.len() > MAX_BYTES {
            return Err(wrong("it is too long"));
        }
        // A right is shown inside of quotes in a command that somebody may copy, so it has nothing that ends them.
        if text.chars().any(|c| c.is_control() || matches!(c, '\'' | '"' | '\\' | '`')) || !has_visible_letters(text) {
            return Err(wrong("it has quotes, backslashes, or characters that cannot be seen"));
        }
        if text == "*" {
            return Ok(Self::Everything);
        }
        let Some((family, rest)) = text.split_once(':') else {
            return Err(wrong(&format!("it begins with one of {}, and a colon", known_families())));
        };
        let with_provider = |what: &str| {
            let pattern = Pattern::parse(rest).map_err(wrong)?;
            match pattern.text().split_once('/') {
                Some((provider, _)) if !provider.is_empty() => Ok(pattern),
                None if pattern.is_everything() => Ok(pattern),
                _ => Err(wrong(&format!("give `{family}:<provider>/{what}`, `{family}:<provider>/*` or `{family}:*`"))),
            }
        };
        let named = || Pattern::parse(rest).map_err(wrong);
        Ok(match family {
            "llm" => Self::Model(with_provider("<model>")?),
            "tool" => Self::Tool(with_provider("<tool>")?),
            "interface" => Self::Interface(InterfaceRight::parse(rest).map_err(|error| wrong(&error))?),
            "http" => Self::Http(HttpRight::parse(rest).map_err(|error| wrong(&error))?),
            "child" => Self::Child(named()?),
            "signal" => Self::Signal(named()?),
            "cancel" => Self::Cancel(named()?),
            "env" => Self::Variable(named()?),
            _ => return Err(wrong(&format!("it begins with one of {}, and a colon", known_families()))),
        })
    }

    /// What it needs to ask a model of a provider.
    pub fn model(provider: &str, model: &str) -> Self {
        Self::Model(Pattern::exact(format!("{provider}/{model}")))
    }

    /// The right to all models of a provider.
    pub fn models_of(provider: &str) -> Self {
        Self::Model(Pattern::below(format!("{provider}/")))
    }

    /// What it needs to call a tool of a provider.
    pub fn tool(provider: &str, tool: &str) -> Self {
        Self::Tool(Pattern::exact(format!("{provider}/{tool}")))
    }

    /// The right to all tools of a provider.
    pub fn tools_of(provider: &str) -> Self {
        Self::Tool(Pattern::below(format!("{provider}/")))
    }

    /// What it needs to call a function of an interface.
    pub fn interface(name: &InterfaceName) -> Self {
        Self::Interface(InterfaceRight::Named(name.clone()))
    }

    /// What it needs to start a child.
    pub fn child(workflow: &str) -> Self {
        Self::Child(Pattern::exact(workflow))
    }

    /// What it needs to signal a run.
    pub fn signal(workflow: &str) -> Self {
        Self::Signal(Pattern::exact(workflow))
    }

    /// What it needs to ask a run to end.
    pub fn cancel(workflow: &str) -> Self {
        Self::Cancel(Pattern::exact(workflow))
    }

    /// What it needs to be configured with a variable.
    pub fn variable(name: &str) -> Self {
        Self::Variable(Pattern::exact(name))
    }

    /// Whether whoever has this has `other` too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::Model(mine), Self::Model(theirs))
            | (Self::Tool(mine), Self::Tool(theirs))
            | (Self::Child(mine), Self::Child(theirs))
            | (Self::Signal(mine), Self::Signal(theirs))
            | (Self::Cancel(mine), Self::Cancel(theirs))
            | (Self::Variable(mine), Self::Variable(theirs)) => mine.covers(theirs),
            (Self::Interface(mine), Self::Interface(theirs)) => mine.covers(theirs),
            (Self::Http(mine), Self::Http(theirs)) => mine.covers(theirs),
            _ => false,
        }
    }

    /// Whether there may be something that both allow.
    pub fn touches(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// How its text begins; `*` where it is the right to everything.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Everything => "*",
            Self::Model(_) => "llm",
            Self::Tool(_) => "tool",
            Self::Interface(_) => "interface",
            Self::Http(_) => "http",
            Self::Child(_) => "child",
            Self::Signal(_) => "signal",
            Self::Cancel(_) => "cancel",
            Self::Variable(_) => "env",
        }
    }

    /// The text that gives just this right. Names that a guest makes up may have none: `llm:a/*` asked for as a name is not all of `a`.
    pub fn to_grant(&self) -> Option<String> {
        let text = self.to_string();
        (Self::parse(&text).ok().as_ref() == Some(self)).then_some(text)
    }

    /// The same, else the narrowest one that can be written down and covers it.
    pub fn nearest_grant(&self) -> Option<String> {
        let whole_host = || match self {
            Self::Http(http) => http.of_whole_host().and_then(|http| Self::Http(http).to_grant()),
            _ => None,
        };
        self.to_grant().or_else(whole_host)
    }

    /// For messages: a guest may have chosen a part of it.
    pub fn shown(&self) -> String {
        const SHOWN: usize = 160;
        let text = self.to_string();
        let shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if text.chars().count() > SHOWN { format!("{shown}…") } else { shown }
    }
}

/// No formatting characters that hide what a text says: letters of any script, and visible ASCII.
fn has_visible_letters(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == ' ' || c.is_ascii_graphic())
}

fn known_families() -> String {
    FAMILIES.map(|family| format!("`{family}`")).join(", ")
}

impl InterfaceRight {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix('*') {
            Some(below) if below.contains(['*', '@', ' ']) => Err("a `*` stands at the end of a name alone".to_owned()),
            Some(below) => Ok(Self::Below(below.to_owned())),
            None => InterfaceName::parse(text).map(Self::Named).map_err(|error| error.message),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Below(mine), Self::Named(theirs)) => theirs.path().starts_with(mine.as_str()),
            (Self::Below(mine), Self::Below(theirs)) => theirs.starts_with(mine.as_str()),
            (Self::Named(mine), Self::Named(theirs)) => mine.accepts(theirs),
            (Self::Named(_), Self::Below(_)) => false,
        }
    }
}

impl fmt::Display for InterfaceRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => name.fmt(f),
            Self::Below(path) => write!(f, "{path}*"),
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = self.family();
        match self {
            Self::Everything => f.write_str(family),
            Self::Model(pattern)
            | Self::Tool(pattern)
            | Self::Child(pattern)
            | Self::Signal(pattern)
            | Self::Cancel(pattern)
            | Self::Variable(pattern) => write!(f, "{family}:{pattern}"),
            Self::Interface(interface) => write!(f, "{family}:{interface}"),
            Self::Http(http) => write!(f, "{family}:{http}"),
        }
    }
}

impl FromStr for Right {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Right {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Right> for String {
    fn from(right: Right) -> Self {
        right.to_string()
    }
}

impl<C> Encode<C> for Right {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.to_string())?;
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Right {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).map_err(|error| minicbor::decode::Error::message(error.message))
    }
}
