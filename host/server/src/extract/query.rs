//! Query strings. Unknown, repeated and malformed parameters are refused by name, so that a misspelt filter does not
//! silently show everything.

use std::str::FromStr;
use std::time::Duration;

use abide_model::Error;
use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::duration::parse_duration;
use crate::problem::{Problem, invalid, shown};
use crate::state::Shared;

/// The parameters of a path.
pub(crate) trait Parameters: Sized {
    /// All that it takes.
    const NAMES: &'static [&'static str];

    /// Reads them.
    fn read(given: &Given) -> Result<Self, Error>;
}

/// The query string, read as a `P`.
pub(crate) struct Query<P>(pub(crate) P);

impl<P: Parameters> FromRequestParts<Shared> for Query<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Problem> {
        Ok(Self(read(parts.uri.query().unwrap_or_default())?))
    }
}

fn read<P: Parameters>(query: &str) -> Result<P, Error> {
    P::read(&Given::parse(query, P::NAMES)?)
}

/// What was given.
pub(crate) struct Given(Vec<(String, String)>);

impl Given {
    fn parse(query: &str, known: &[&str]) -> Result<Self, Error> {
        let mut given: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let takes: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
                let (name, takes) = (shown(&name), takes.join(", "));
                return Err(invalid(format!("`{name}` is no parameter of this path: it takes {takes}")));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(invalid(format!("the parameter `{name}` is given twice: give it once")));
            }
            given.push((name, value));
        }
        Ok(Self(given))
    }

    /// A parameter as it stands.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that `parse` reads.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        self.text(name)
            .map(parse)
            .transpose()
            .map_err(|error| Error { message: format!("`{name}`: {}", error.message), ..error })
    }

    /// A whole number.
    pub(crate) fn number<T: FromStr + PartialOrd>(&self, name: &str) -> Result<Option<T>, Error> {
        self.parsed(name, |text| {
            // `parse` alone would take a sign too.
            let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
            number.ok_or_else(|| invalid(format!("`{}` is no whole number", shown(text))))
        })
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        self.parsed(name, |text| {
            text.parse().map_err(|_| invalid(format!("`{}` is neither `true` nor `false`", shown(text))))
        })
    }

    /// How many rows, from 1 to `most`.
    pub(crate) fn limit(&self, default: usize, most: usize) -> Result<usize, Error> {
        match self.number("limit")? {
            None => Ok(default),
            Some(limit) if (1..=most).contains(&limit) => Ok(limit),
            Some(limit) => Err(invalid(format!("`limit`: {limit} is not between 1 and {most}"))),
        }
    }

    /// How long to wait; not at all where it is not given.
    pub(crate) fn wait(&self) -> Result<Duration, Error> {
        const LONGEST: Duration = Duration::from_secs(600);
        match self.parsed("wait", parse_duration)? {
            Some(wait) if wait > LONGEST => Err(invalid("`wait`: the longest is `10m`: ask again after that")),
            wait => Ok(wait.unwrap_or_default()),
        }
    }
}

/// Reads `+` and `%` escapes.
fn decode(text: &str) -> Result<String, Error> {
    let bad = || invalid(format!("the query string has `{}`, whose `%` escapes are not UTF-8", shown(text)));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(bad);
                u8::try_from(digit()? * 16 + digit()?).expect("two hexadecimal digits are a byte")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Sample {
        id: Option<String>,
        limit: usize,
        wait: Duration,
    }

    impl Parameters for Sample {
        const NAMES: &'static [&'static str] = &["id", "limit", "wait"];

        fn read(given: &Given) -> Result<Self, Error> {
            Ok(Self { id: given.text("id").map(str::to_owned), limit: given.limit(100, 1000)?, wait: given.wait()? })
        }
    }

    #[test]
    fn reads_escapes_and_defaults() {
        let sample = read::<Sample>("id=a%20b%C3%A9+c&wait=30s").unwrap();
        assert_eq!(sample, Sample { id: Some("a bé c".into()), limit: 100, wait: Duration::from_secs(30) });
        assert_eq!(read::<Sample>("&&").unwrap().wait, Duration::ZERO);
    }

    #[test]
    fn refuses_by_name() {
        for (query, message) in [
            ("idd=1", "`idd` is no parameter of this path: it takes `id`, `limit`, `wait`"),
            ("id=1&id=2", "the parameter `id` is given twice: give it once"),
            ("limit=0", "`limit`: 0 is not between 1 and 1000"),
            ("limit=-1", "`limit`: `-1` is no whole number"),
            ("limit=99999999999999999999999", "`limit`: `99999999999999999999999` is no whole number"),
            ("wait=11m", "`wait`: the longest is `10m`: ask again after that"),
            ("id=%ff", "the query string has `%ff`, whose `%` escapes are not UTF-8"),
            ("id=%f", "the query string has `%f`, whose `%` escapes are not UTF-8"),
        ] {
            assert_eq!(read::<Sample>(query).unwrap_err().message, message, "{query}");
        }
        assert!(read::<Sample>("wait=forever").unwrap_err().message.starts_with("`wait`: `forever` is no duration"));
    }
}
