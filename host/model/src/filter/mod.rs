//! The filter language: which runs a caller means, as in `status = 'running' and customer = 'acme' and started > -24h`.
//!
//! ```text
//! filter     = or
//! or         = and { "or" and }
//! and        = not { "and" not }
//! not        = "not" not | "(" or ")" | comparison
//! comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) value
//!            | field [ "not" ] "in" "(" value { "," value } ")"
//!            | field "starts_with" text
//! value      = text | number | "true" | "false" | "null" | "-" number unit
//! ```
//!
//! A field is `status`, `workflow`, `id`, `version`, `started`, `closed`, `parked`, or the name of an attribute. A text stands
//! between single quotes; two of them in it are one. A time is a text such as `'2026-11-01'` or `'2026-11-01T09:30:00Z'`, or so
//! long ago: `-90s`, `-15m`, `-24h`, `-7d`, `-2w`. A field that a run does not have is equal to `null` and to nothing else; `!=`
//! is the opposite of `=`. Values of different sorts are not equal, and neither is less than the other.
//!
//! `lex` cuts the text into tokens, `parse` makes an [`Expression`] of them, `evaluate` holds it against a run. Nothing here knows
//! of a store; [`Filter::terms`] says what an index could be asked.

mod evaluate;
mod lex;
mod parse;

use crate::{Error, Run, RunStatus, Scalar};

/// The longest filter, in bytes.
const MAX_BYTES: usize = 4096;
/// The deepest nesting of parentheses and `not`.
const MAX_DEPTH: usize = 32;

/// Which runs are meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Expression);

/// Something that all runs of a filter have in common, and that an index may know.
#[derive(Debug, Clone, PartialEq)]
pub enum Term<'f> {
    /// They are in this status.
    Status(RunStatus),
    /// They are of this workflow.
    Workflow(&'f str),
    /// They have this id.
    Id(&'f str),
    /// This attribute is equal to this.
    Attribute(&'f str, &'f Scalar),
}

/// What a filter says.
#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Field, Operator, Value),
    In(Field, Vec<Value>),
    StartsWith(Field, String),
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Status,
    Workflow,
    Id,
    Version,
    Started,
    Closed,
    Parked,
    Attribute(String),
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// With what. `None` is `null`.
type Value = Option<Scalar>;

impl Filter {
    /// Reads a filter of at most 4096 bytes, nested at most 32 deep. Times such as `-24h` are counted from `now_ms`. An error names the
    /// column, from 1, and what was expected there.
    pub fn parse(text: &str, now_ms: u64) -> Result<Self, Error> {
        parse::parse(text, now_ms).map(Self)
    }

    /// The runs that are open.
    pub fn open() -> Self {
        let open = RunStatus::ALL.into_iter().filter(|status| status.is_open());
        Self(Expression::In(Field::Status, open.map(|status| Some(Scalar::Text(status.as_str().to_owned()))).collect()))
    }

    /// The runs that both mean.
    pub fn and(self, other: Self) -> Self {
        Self(Expression::And(vec![self.0, other.0]))
    }

    /// Whether it means this run.
    pub fn matches(&self, run: &Run) -> bool {
        evaluate::matches(&self.0, run)
    }

    /// What all its runs have in common. None where nothing of it can be looked up.
    pub fn terms(&self) -> Vec<Term<'_>> {
        let all = match &self.0 {
            Expression::And(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        all.iter().filter_map(term).collect()
    }
}

fn term(expression: &Expression) -> Option<Term<'_>> {
    let (field, value) = match expression {
        Expression::Compare(field, Operator::Equal, Some(value)) => (field, value),
        Expression::In(field, values) => match values.as_slice() {
            [Some(only)] => (field, only),
            _ => return None,
        },
        _ => return None,
    };
    match (field, value) {
        (Field::Status, Scalar::Text(text)) => RunStatus::parse(text).ok().map(Term::Status),
        (Field::Workflow, Scalar::Text(text)) => Some(Term::Workflow(text)),
        (Field::Id, Scalar::Text(text)) => Some(Term::Id(text)),
        (Field::Attribute(name), value) => Some(Term::Attribute(name, value)),
        _ => None,
    }
}

impl Field {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "status" => Self::Status,
            "workflow" => Self::Workflow,
            "id" => Self::Id,
            "version" => Self::Version,
            "started" => Self::Started,
            "closed" => Self::Closed,
            "parked" => Self::Parked,
            name if crate::attributes::may_be_attribute(name) => Self::Attribute(name.to_owned()),
            _ => return None,
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::Status => "status",
            Self::Workflow => "workflow",
            Self::Id => "id",
            Self::Version => "version",
            Self::Started => "started",
            Self::Closed => "closed",
            Self::Parked => "parked",
            Self::Attribute(name) => name,
        }
    }
}

#[cfg(test)]
mod tests;
