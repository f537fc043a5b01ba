//! JSON bodies. A text that is no JSON is told apart from JSON that is not what the path takes.

use abide_model::{Error, ErrorCode, Json};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::body::receive;
use crate::problem::{Problem, invalid};
use crate::state::Shared;

/// The largest JSON body.
const JSON_BYTES: usize = 4 << 20;

/// A body that is a `T`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Problem> {
        Ok(Self(read(&bytes_of(request).await?)?))
    }
}

/// A body that is a `T`, or empty.
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Shared> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Problem> {
        let bytes = bytes_of(request).await?;
        Ok(Self(if bytes.is_empty() { T::default() } else { read(&bytes)? }))
    }
}

/// A body that is any JSON; an empty one is `null`.
pub(crate) struct Value(pub(crate) Json);

impl FromRequest<Shared> for Value {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, Problem> {
        let bytes = bytes_of(request).await?;
        Ok(Self(if bytes.is_empty() { Json::null() } else { read(&bytes)? }))
    }
}

async fn bytes_of(request: Request) -> Result<Bytes, Error> {
    let (parts, body) = request.into_parts();
    receive(&parts.headers, body, JSON_BYTES, "the body").await
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the body is not UTF-8: byte {} begins no character", error.valid_up_to());
        Error::new(ErrorCode::InvalidJson, message)
    })?;
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| Error::new(ErrorCode::InvalidJson, format!("the body is no JSON: {error}")))?;
    serde_json::from_str(text).map_err(|error| invalid(format!("the body is not what this path takes: {error}")))
}

#[cfg(test)]
mod tests {
    use abide_runtime::view::StartRun;

    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        let error = read::<StartRun>(bytes).unwrap_err();
        format!("{}: {}", error.code, error.message)
    }

    #[test]
    fn says_where_it_stops_being_json() {
        assert_eq!(refusal(b"{\n  \"a\" 1}"), "invalid-json: the body is no JSON: expected `:` at line 2 column 7");
        assert_eq!(refusal(b"{"), "invalid-json: the body is no JSON: EOF while parsing an object at line 1 column 1");
        assert_eq!(refusal(b"{}\xff"), "invalid-json: the body is not UTF-8: byte 2 begins no character");
        assert!(read::<Json>(b"[1] 2").is_err());
    }

    #[test]
    fn says_what_is_missing_or_unknown() {
        assert_eq!(
            refusal(b"{}"),
            "invalid-argument: the body is not what this path takes: missing field `workflow` at line 1 column 2"
        );
        assert_eq!(
            refusal(br#"{"workflow":"a","inputs":1}"#),
            "invalid-argument: the body is not what this path takes: unknown field `inputs`, expected one of \
             `workflow`, `id`, `input`, `version`, `if_running`, `id_reuse`, `run_timeout_ms`, `signal`, `attributes` at line 1 column 24"
        );
    }

    #[test]
    fn deep_nesting_does_not_overflow() {
        for text in ["[".repeat(1 << 20), format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20))] {
            let _ = read::<Json>(text.as_bytes());
            let _ = read::<StartRun>(format!("{{\"workflow\":\"a\",\"input\":{text}}}").as_bytes());
        }
    }
}
