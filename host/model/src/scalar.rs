//! The values that filters compare.

use std::cmp::Ordering;

use crate::instant::parse_instant;

/// What filters compare, and what an index is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Yes or no.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A time, in milliseconds since 1970.
    Time(u64),
    /// Any other text.
    Text(String),
}

impl Scalar {
    /// A text, or the time that it is.
    pub fn of_text(text: &str) -> Self {
        parse_instant(text).map_or_else(|| Self::Text(text.to_owned()), Self::Time)
    }

    /// How two compare. `None` where they are of different sorts.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(other)),
            (Self::Number(one), Self::Number(other)) => one.partial_cmp(other),
            (Self::Time(one), Self::Time(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}
