//! Errors as HTTP shows them: `application/problem+json`, RFC 9457. The `code` is what programs compare.

use abide_model::{Error, ErrorCode, RunId};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

/// An error as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the code says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The words of the HTTP status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A stable code, such as `run-not-found`.
    pub code: String,
    /// What happened and what to do.
    pub detail: String,
    /// The run that it is about, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// When to come back, in seconds, where that is known. It is a header.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem with a code of the HTTP layer, which the host does not know.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            run_id: None,
            retry_after: None,
        }
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = error.retry_after_ms.map(|ms| ms.div_ceil(1000).max(1));
        Self { run_id: error.run, retry_after, ..Self::new(status, error.code.as_str(), error.message) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = self.code, detail = self.detail, "a request failed");
        }
        // The fields are texts, a number and a run id: their JSON cannot fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after.unwrap_or(1)));
        }
        response
    }
}

/// What extractors and the guard refuse a request with.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// A text of the caller's, cut short and made harmless for a message.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut short: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_a_code() {
        let run = RunId::new(1_700_000_000_000, 7);
        let error = Error::new(ErrorCode::RunAlreadyOpen, "a run with id `a` is open").about(run);
        assert_eq!(
            serde_json::to_string_pretty(&Problem::from(error)).unwrap(),
            format!(
                r#"{{
  "type": "about:blank",
  "title": "Conflict",
  "status": 409,
  "code": "run-already-open",
  "detail": "a run with id `a` is open",
  "run_id": "{run}"
}}"#
            )
        );
    }

    #[test]
    fn answers_say_their_media_type_and_when_to_come_back() {
        let response = Problem::from(Error::new(ErrorCode::Unavailable, "the host is stopping")).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "1");
    }

    #[test]
    fn a_callers_text_is_cut_and_escaped() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 81);
    }
}
