//! The rules of a gateway as they are written: a JSON document, with what each member means for which rule.

use std::collections::BTreeMap;

use abide_model::{Error, ErrorCode, Right};
use serde::{Deserialize, Serialize};

use super::find::Kind;

/// Rules of one gateway.
const MAX_RULES: usize = 64;
/// Own patterns of one gateway.
const MAX_PATTERNS: usize = 16;
/// Rights that one rule is for.
const MAX_TO: usize = 100;
/// The longest name of a rule or a pattern, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A gateway.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Written {
    /// What happens to a call, in this order.
    pub(crate) rules: Vec<Rule>,
    /// What histories keep of what the rules find in requests.
    pub(crate) record: Record,
}

/// What histories keep of what the rules find in requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// Tokens in its place.
    #[default]
    Redacted,
    /// The request as the guest made it.
    AsSent,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// What histories call it.
    pub(crate) name: String,
    /// What it does.
    pub(crate) r#do: Do,
    /// The calls that it is for. All models, tools, interfaces and HTTP requests where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Vec<Right>>,
    /// Of `redact`: what is looked through. Both where it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on: Option<Vec<Direction>>,
    /// Of `redact` and `tokenise`: what is looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) find: Vec<Kind>,
    /// The same, as regular expressions by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) patterns: BTreeMap<String, String>,
    /// Of `tokenise`: whether the guest sees in the answer what it sent, in place of the tokens. It does where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restore: Option<bool>,
    /// Of `cap_output_tokens`: the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tokens: Option<u32>,
    /// Of `strip`: the parameters of a request to a model, by the names that `llm.generate` has for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<Parameter>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Do {
    /// Leaves out what it finds.
    Redact,
    /// Replaces what it finds in requests by tokens.
    Tokenise,
    /// Refuses its calls.
    Deny,
    /// Refuses calls of the same sort that are not its own.
    Only,
    /// Bounds the answers of models.
    CapOutputTokens,
    /// Leaves out parameters of requests to models.
    Strip,
}

/// Which way something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    Request,
    Answer,
}

/// A parameter of a request to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parameter {
    Tools,
    ToolChoice,
    ResponseFormat,
    Temperature,
    TopP,
    MaxOutputTokens,
    Stop,
    Seed,
    Extra,
}

impl Written {
    /// Refuses what makes no sense; the message names the rule and the member.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if self.rules.len() > MAX_RULES {
            return refuse(format!("`rules` has {} rules, the limit is {MAX_RULES}", self.rules.len()));
        }
        let patterns: usize = self.rules.iter().map(|rule| rule.patterns.len()).sum();
        if patterns > MAX_PATTERNS {
            return refuse(format!("the rules have {patterns} patterns, the limit is {MAX_PATTERNS}"));
        }
        for (place, rule) in self.rules.iter().enumerate() {
            if let Err(problem) = rule.check() {
                return refuse(format!("`rules[{place}]`: {problem}"));
            }
            if self.rules[..place].iter().any(|other| other.name == rule.name) {
                return refuse(format!("`rules[{place}].name`: another rule is called `{}` too", rule.name));
            }
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        check_name("name", &self.name)?;
        let may = |member: &str, is_there: bool, of: &[Do]| match is_there && !of.contains(&self.r#do) {
            true => Err(format!("`{member}` has no meaning for this `do`")),
            false => Ok(()),
        };
        let finds = [Do::Redact, Do::Tokenise];
        may("on", self.on.is_some(), &[Do::Redact])?;
        may("find", !self.find.is_empty(), &finds)?;
        may("patterns", !self.patterns.is_empty(), &finds)?;
        may("restore", self.restore.is_some(), &[Do::Tokenise])?;
        may("tokens", self.tokens.is_some(), &[Do::CapOutputTokens])?;
        may("parameters", !self.parameters.is_empty(), &[Do::Strip])?;
        for name in self.patterns.keys() {
            check_name("patterns", name)?;
        }
        let to = self.to.as_deref();
        if to.is_some_and(|to| to.is_empty() || to.len() > MAX_TO) {
            return Err(format!("`to` names 1 to {MAX_TO} rights; leave it out to mean every call"));
        }
        if let Some(right) = to.unwrap_or_default().iter().find(|right| !passes(right)) {
            return Err(format!("`to`: no call of `{right}` goes through a gateway"));
        }
        if self.on.as_ref().is_some_and(Vec::is_empty) {
            return Err("`on` is empty: name `request`, `answer` or both".to_owned());
        }
        match self.r#do {
            Do::Redact | Do::Tokenise if self.find.is_empty() && self.patterns.is_empty() => {
                Err("`find` or `patterns` says what it looks for".to_owned())
            }
            Do::Deny | Do::Only if to.is_none() => Err("`to` says what it is for".to_owned()),
            Do::CapOutputTokens if self.tokens.is_none_or(|tokens| tokens == 0) => {
                Err("`tokens` says how many, 1 at least".to_owned())
            }
            Do::Strip if self.parameters.is_empty() => Err("`parameters` says which".to_owned()),
            _ => Ok(()),
        }
    }

    /// Whether the rule is for a call that needs one of `needed`.
    pub(crate) fn is_for(&self, needed: &[Right]) -> bool {
        self.to.as_ref().is_none_or(|to| to.iter().any(|right| needed.iter().any(|need| right.covers(need))))
    }

    /// Whether the rule names calls of the same sort.
    pub(crate) fn names_family(&self, needed: &[Right]) -> bool {
        let families: Vec<_> = needed.iter().map(Right::family).collect();
        let named = |right: &Right| *right == Right::Everything || families.contains(&right.family());
        self.to.iter().flatten().any(named)
    }

    /// Whether it looks through what goes that way.
    pub(crate) fn looks_at(&self, direction: Direction) -> bool {
        match self.r#do {
            Do::Redact => self.on.as_ref().is_none_or(|on| on.contains(&direction)),
            Do::Tokenise => direction == Direction::Request,
            _ => false,
        }
    }
}

/// Whether calls that need this go through a gateway.
fn passes(right: &Right) -> bool {
    matches!(right, Right::Everything | Right::Model(_) | Right::Tool(_) | Right::Interface(_) | Right::Http(_))
}

fn check_name(member: &str, name: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    match (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(()),
        false => Err(format!("`{member}`: a name has 1 to {MAX_NAME_BYTES} characters of `a-z 0-9 _ -`")),
    }
}
