//! [`Failure`]: why a call or a run did not succeed, and how other errors become one. It decides nothing about retries: the host does.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bindings::abide::workflow::types as wire;

/// Why something did not succeed.
///
/// Calls give one, and a workflow ends with one. `?` makes one of JSON errors, number and text errors and plain texts; for
/// other errors there is [`OrFail::or_fail`].
///
/// ```
/// use abide::{Failure, OrFail};
///
/// fn price(text: &str) -> Result<u32, Failure> {
///     let cents: u32 = text.parse().or_fail("invalid-price")?;
///     if cents == 0 {
///         return Err(Failure::new("invalid-price", "nothing is free"));
///     }
///     Ok(cents)
/// }
/// assert_eq!(price("none").unwrap_err().code, "invalid-price");
/// assert_eq!(price("12").unwrap(), 12);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable word in kebab case for programs, such as `rate-limited`, or a word of your own.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// More for programs, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Whether trying the same again may help.
    #[serde(default)]
    pub retryable: bool,
}

impl Failure {
    /// A failure that trying again does not help.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: None, retryable: false }
    }

    /// The failure of a run that was asked to end.
    pub fn cancelled(reason: impl Into<String>) -> Self {
        Self::new("cancelled", reason)
    }

    /// Adds something for programs.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Value>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Says that trying again may help.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The failure behind this one: of a child, where this says that the child failed. That one may have a cause too.
    ///
    /// ```
    /// # use abide::Failure;
    /// let failure = Failure::new("child-failed", "it failed")
    ///     .with_details(serde_json::json!({"cause": {"code": "no-money", "message": "none left"}}));
    /// assert!(failure.cause().unwrap().is("no-money"));
    /// ```
    pub fn cause(&self) -> Option<Self> {
        let cause = self.details.as_ref()?.get("cause")?;
        serde_json::from_value(cause.clone()).ok()
    }

    /// Whether the code is this one.
    ///
    /// ```
    /// # use abide::Failure;
    /// assert!(Failure::new("timeout", "it took too long").is("timeout"));
    /// ```
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// Turns any error that can be shown into a [`Failure`] with a code of your own.
pub trait OrFail<T> {
    /// Keeps the value, or fails with `code` and the error's text.
    fn or_fail(self, code: &str) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self, code: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(code, error.to_string()))
    }
}

impl<T> OrFail<T> for Option<T> {
    fn or_fail(self, code: &str) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::new(code, "there is no value"))
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::new("failed", message)
    }
}

impl From<&str> for Failure {
    fn from(message: &str) -> Self {
        Self::new("failed", message)
    }
}

impl From<Box<dyn std::error::Error>> for Failure {
    fn from(error: Box<dyn std::error::Error>) -> Self {
        Self::new("failed", error.to_string())
    }
}

macro_rules! from_errors {
    ($($error:ty => $code:literal,)+) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new($code, error.to_string())
            }
        }
    )+};
}

from_errors! {
    serde_json::Error => "invalid-json",
    std::string::FromUtf8Error => "invalid-utf8",
    std::str::Utf8Error => "invalid-utf8",
    std::num::ParseIntError => "invalid-number",
    std::num::ParseFloatError => "invalid-number",
    std::num::TryFromIntError => "invalid-number",
    std::fmt::Error => "failed",
}

impl From<wire::Failure> for Failure {
    fn from(failure: wire::Failure) -> Self {
        // The host gives JSON here. Should another party ever not do so, its text is worth more than an error about it.
        let details = failure.details.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        Self { code: failure.code, message: failure.message, details, retryable: failure.retryable }
    }
}

impl From<Failure> for wire::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            code: failure.code,
            message: failure.message,
            details: failure.details.map(|value| value.to_string()),
            retryable: failure.retryable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_wire_keeps_everything() {
        let failure = Failure::new("denied", "no").with_details(json!({"grant": "llm:x"})).retryable();
        let wire = wire::Failure::from(failure.clone());
        assert_eq!(wire.details.as_deref(), Some(r#"{"grant":"llm:x"}"#));
        assert_eq!(Failure::from(wire), failure);
    }

    #[test]
    fn question_mark_makes_one_of_common_errors() {
        fn parse(text: &str) -> Result<u8, Failure> {
            Ok(serde_json::from_str::<String>(text)?.parse::<u8>()?)
        }
        assert_eq!(parse("{").unwrap_err().code, "invalid-json");
        assert_eq!(parse("\"x\"").unwrap_err().code, "invalid-number");
        assert_eq!(parse("\"7\"").unwrap(), 7);
    }
}
