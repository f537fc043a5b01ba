//! Holds an expression against a run.

use std::cmp::Ordering;

use super::{Expression, Field, Operator, Value};
use crate::{Digest, Run, Scalar};

/// So many digits of a version name it.
const MIN_DIGITS: usize = 8;

pub(super) fn matches(expression: &Expression, run: &Run) -> bool {
    match expression {
        Expression::Or(any) => any.iter().any(|part| matches(part, run)),
        Expression::And(all) => all.iter().all(|part| matches(part, run)),
        Expression::Not(inner) => !matches(inner, run),
        Expression::Compare(field, operator, value) => compare(field, *operator, value, run),
        Expression::In(field, values) => values.iter().any(|value| compare(field, Operator::Equal, value, run)),
        Expression::StartsWith(field, beginning) => starts_with(field, beginning, run),
    }
}

fn compare(field: &Field, operator: Operator, value: &Value, run: &Run) -> bool {
    let Some(value) = value else {
        return has(field, run) == (operator == Operator::NotEqual);
    };
    if let (Field::Version, Scalar::Text(text)) = (field, value) {
        return is_version(run.version, text) == (operator == Operator::Equal);
    }
    let compared = |scalar: &Scalar| scalar.compare(value);
    let any = |wanted: fn(Ordering) -> bool| match field {
        Field::Attribute(name) => match run.attributes.get(name) {
            Some(attribute) => attribute.scalars().iter().filter_map(compared).any(wanted),
            None => false,
        },
        field => own(field, run).as_ref().and_then(compared).is_some_and(wanted),
    };
    match operator {
        Operator::Equal => any(Ordering::is_eq),
        Operator::NotEqual => !any(Ordering::is_eq),
        Operator::Less => any(Ordering::is_lt),
        Operator::LessOrEqual => any(Ordering::is_le),
        Operator::Greater => any(Ordering::is_gt),
        Operator::GreaterOrEqual => any(Ordering::is_ge),
    }
}

fn has(field: &Field, run: &Run) -> bool {
    match field {
        Field::Attribute(name) => run.attributes.get(name).is_some(),
        field => own(field, run).is_some(),
    }
}

/// What the run's row says; nothing for attributes.
fn own(field: &Field, run: &Run) -> Option<Scalar> {
    let text = |text: &str| Some(Scalar::Text(text.to_owned()));
    match field {
        Field::Status => text(run.status.as_str()),
        Field::Workflow => text(run.workflow.as_str()),
        Field::Id => text(run.id.as_str()),
        Field::Version => text(&run.version.hex()),
        Field::Started => Some(Scalar::Time(run.started_ms)),
        Field::Closed => run.closed_ms.map(Scalar::Time),
        Field::Parked => run.parked.as_ref().and_then(|parked| text(parked.kind.as_str())),
        Field::ForkedFrom => run.forked_from.and_then(|from| text(&from.run_id.to_string())),
        Field::ForkRoot => run.forked_from.and_then(|from| text(&from.root.to_string())),
        Field::ForkRace => run.fork_race.and_then(|race| text(&race.to_string())),
        Field::Attribute(_) => None,
    }
}

fn starts_with(field: &Field, beginning: &str, run: &Run) -> bool {
    match field {
        Field::Attribute(name) => {
            let texts = run.attributes.get(name).map(|value| value.texts()).unwrap_or_default();
            texts.iter().any(|text| text.starts_with(beginning))
        }
        Field::Version => run.version.hex().starts_with(digits(beginning)),
        field => matches!(own(field, run), Some(Scalar::Text(text)) if text.starts_with(beginning)),
    }
}

/// A version is named by its digest, or by 8 or more of its first digits.
fn is_version(version: Digest, text: &str) -> bool {
    let digits = digits(text);
    digits.len() >= MIN_DIGITS && version.hex().starts_with(digits)
}

fn digits(text: &str) -> &str {
    text.strip_prefix("sha256:").unwrap_or(text)
}
