//! Makes an expression of tokens, and refuses what cannot be meant: an operator that a field does not have, a value that it cannot
//! be equal to. What depends on a run is left to `evaluate`.

use super::lex::{Kind, Token, tokens};
use super::{Expression, Field, MAX_BYTES, MAX_DEPTH, Operator, Value};
use crate::{Error, ErrorCode, ParkKind, RunId, RunStatus, Scalar};

pub(super) fn parse(text: &str, now_ms: u64) -> Result<Expression, Error> {
    let invalid = |message: String| Error::new(ErrorCode::InvalidArgument, message);
    if text.len() > MAX_BYTES {
        return Err(invalid(format!("the filter has {} bytes, the limit is {MAX_BYTES}", text.len())));
    }
    let parsed = tokens(text).and_then(|tokens| Parser { tokens, place: 0, now_ms, depth: 0 }.whole());
    parsed.map_err(|(column, why)| invalid(format!("the filter, column {column}: {why}")))
}

type Parsed<T> = Result<T, (usize, String)>;

struct Parser {
    /// Ends with [`Kind::End`], which is never taken.
    tokens: Vec<Token>,
    place: usize,
    now_ms: u64,
    depth: usize,
}

impl Parser {
    fn whole(mut self) -> Parsed<Expression> {
        let expression = self.or()?;
        match self.peek().kind {
            Kind::End => Ok(expression),
            _ => self.expected("`and`, `or` or the end"),
        }
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.place]
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        if token.kind != Kind::End {
            self.place += 1;
        }
        token
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        let Token { column, kind } = self.peek();
        let found = match kind {
            Kind::Word(word) => format!("`{word}`"),
            Kind::Text(_) => "a text".to_owned(),
            Kind::Number(_) => "a number".to_owned(),
            Kind::Ago(_) => "a time ago".to_owned(),
            Kind::Operator(_) => "an operator".to_owned(),
            Kind::Open => "`(`".to_owned(),
            Kind::Close => "`)`".to_owned(),
            Kind::Comma => "`,`".to_owned(),
            Kind::End => "the end".to_owned(),
        };
        Err((*column, format!("expected {what}, and found {found}")))
    }

    fn is_word(&self, wanted: &str) -> bool {
        matches!(&self.peek().kind, Kind::Word(word) if word == wanted)
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let there = self.is_word(wanted);
        self.place += usize::from(there);
        there
    }

    fn take_kind(&mut self, wanted: &Kind, what: &str) -> Parsed<()> {
        if self.peek().kind != *wanted {
            return self.expected(what);
        }
        self.place += 1;
        Ok(())
    }

    /// What `inner` reads, one level deeper.
    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<Expression>) -> Parsed<Expression> {
        if self.depth == MAX_DEPTH {
            return Err((self.peek().column, format!("it is nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let expression = inner(self);
        self.depth -= 1;
        expression
    }

    fn or(&mut self) -> Parsed<Expression> {
        let mut any = vec![self.and()?];
        while self.take_word("or") {
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expression::Or(any) })
    }

    fn and(&mut self) -> Parsed<Expression> {
        let mut all = Vec::new();
        loop {
            match self.not()? {
                // Parentheses around a part of it change nothing.
                Expression::And(inner) => all.extend(inner),
                other => all.push(other),
            }
            if !self.take_word("and") {
                return Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) });
            }
        }
    }

    fn not(&mut self) -> Parsed<Expression> {
        if self.take_word("not") {
            return Ok(Expression::Not(Box::new(self.nested(Self::not)?)));
        }
        if self.peek().kind == Kind::Open {
            self.take();
            let inner = self.nested(Self::or)?;
            self.take_kind(&Kind::Close, "`)`")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        const FIELDS: &str =
            "a field (status, workflow, id, version, started, closed, parked or the name of an attribute)";
        let field = match &self.peek().kind {
            Kind::Word(word) => Field::parse(word),
            _ => None,
        };
        let Some(field) = field else { return self.expected(FIELDS) };
        self.take();
        let Token { column, kind } = self.peek().clone();
        match kind {
            Kind::Operator(operator) => {
                self.take();
                let (at, value) = (self.peek().column, self.value()?);
                check_operator(&field, operator, &value).map_err(|why| (column, why))?;
                let value = fit(&field, value).map_err(|why| (at, why))?;
                Ok(Expression::Compare(field, operator, value))
            }
            Kind::Word(word) if word == "starts_with" => {
                self.take();
                if matches!(field, Field::Started | Field::Closed | Field::Status | Field::Parked) {
                    return Err((column, format!("`{}` is no text that begins with something", field.name())));
                }
                match self.peek().kind.clone() {
                    Kind::Text(text) => {
                        self.take();
                        Ok(Expression::StartsWith(field, text))
                    }
                    _ => self.expected("a text between single quotes"),
                }
            }
            Kind::Word(word) if word == "in" => self.list(field),
            Kind::Word(word) if word == "not" => {
                self.take();
                match self.is_word("in") {
                    true => Ok(Expression::Not(Box::new(self.list(field)?))),
                    false => self.expected("`in`"),
                }
            }
            _ => self.expected("one of = != < <= > >= in starts_with"),
        }
    }

    fn list(&mut self, field: Field) -> Parsed<Expression> {
        self.take();
        self.take_kind(&Kind::Open, "`(`")?;
        let mut values = Vec::new();
        loop {
            let (at, value) = (self.peek().column, self.value()?);
            values.push(fit(&field, value).map_err(|why| (at, why))?);
            match self.peek().kind {
                Kind::Comma => self.take(),
                Kind::Close => {
                    self.take();
                    return Ok(Expression::In(field, values));
                }
                _ => return self.expected("`,` or `)`"),
            };
        }
    }

    fn value(&mut self) -> Parsed<Value> {
        let value = match &self.peek().kind {
            Kind::Text(text) => Some(Scalar::Text(text.clone())),
            Kind::Number(number) => Some(Scalar::Number(*number)),
            Kind::Ago(ms) => Some(Scalar::Time(self.now_ms.saturating_sub(*ms))),
            Kind::Word(word) => match word.as_str() {
                "true" => Some(Scalar::Bool(true)),
                "false" => Some(Scalar::Bool(false)),
                "null" => None,
                _ => {
                    return self.expected("a value: a text between single quotes, a number, `true`, `false` or `null`");
                }
            },
            _ => return self.expected("a value: a text between single quotes, a number, `true`, `false` or `null`"),
        };
        self.take();
        Ok(value)
    }
}

fn check_operator(field: &Field, operator: Operator, value: &Value) -> Result<(), String> {
    if matches!(operator, Operator::Equal | Operator::NotEqual) {
        return Ok(());
    }
    if value.is_none() {
        return Err("nothing is less or greater than `null`: use = or !=".to_owned());
    }
    match field {
        Field::Status | Field::Version | Field::Parked | Field::ForkedFrom | Field::ForkRoot | Field::ForkRace => {
            Err(format!(
                "`{}` has no order: use = != in{}",
                field.name(),
                if *field == Field::Version { " starts_with" } else { "" }
            ))
        }
        _ => Ok(()),
    }
}

/// The value as the field has it; or why it never has that.
fn fit(field: &Field, value: Value) -> Result<Value, String> {
    let name = field.name();
    let Some(value) = value else { return Ok(None) };
    let value = match (field, value) {
        (Field::Attribute(_), Scalar::Text(text)) => Scalar::of_text(&text),
        (Field::Attribute(_), value) => value,
        (Field::Started | Field::Closed, Scalar::Text(text)) => match Scalar::of_text(&text) {
            time @ Scalar::Time(_) => time,
            _ => {
                return Err(format!(
                    "`{name}` is a time: write '2026-11-01', '2026-11-01T09:30:00Z', or a time ago such as -24h"
                ));
            }
        },
        (Field::Started | Field::Closed, time @ Scalar::Time(_)) => time,
        (Field::Started | Field::Closed, _) => {
            return Err(format!("`{name}` is a time: write '2026-11-01' or a time ago such as -24h"));
        }
        (Field::Status, Scalar::Text(text)) => {
            RunStatus::parse(&text).map_err(|error| error.message).map(|_| Scalar::Text(text))?
        }
        (Field::Parked, Scalar::Text(text)) => match ParkKind::ALL.iter().any(|kind| kind.as_str() == text) {
            true => Scalar::Text(text),
            false => {
                let known: Vec<_> = ParkKind::ALL.iter().map(|kind| kind.as_str()).collect();
                return Err(format!("a run is parked for one of {}", known.join(", ")));
            }
        },
        (Field::ForkedFrom | Field::ForkRoot | Field::ForkRace, Scalar::Text(text)) => {
            RunId::parse(&text).map_err(|error| error.message).map(|run| Scalar::Text(run.to_string()))?
        }
        (Field::Workflow | Field::Id | Field::Version, text @ Scalar::Text(_)) => text,
        _ => return Err(format!("`{name}` is a text: write it between single quotes")),
    };
    Ok(Some(value))
}
