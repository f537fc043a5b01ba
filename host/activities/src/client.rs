//! The one HTTP client of the host, and what its errors mean. It follows no redirects, keeps no cookies, and reads no more than it is
//! told to.

use std::time::Duration;

use abide_model::{Error, ErrorCode};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use crate::config::{Secret, environment, wrong};
use crate::trouble::Trouble;

/// The header that has the key of a call.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How the host presents itself.
pub(crate) const USER_AGENT: &str = concat!("abide/", env!("CARGO_PKG_VERSION"));

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Builds the client. All providers share it, so that connections are shared too.
pub(crate) fn build() -> Result<Client, Error> {
    // The first call in a process wins. A second one finds a provider installed, which does as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(30))
        .build()
        .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot build an HTTP client: {}", cause(&error))))
}

/// An absolute `http` or `https` URL of the configuration.
pub(crate) fn base_url(key: &str, text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| wrong(key, format_args!("is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong(key, "must begin with `http://` or `https://` and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(key, "must not have a user or a password: put them into a header"));
    }
    Ok(url)
}

/// Headers of the configuration, with a bearer token where one is configured.
pub(crate) fn headers(
    key: &str,
    configured: &std::collections::BTreeMap<String, Secret>,
    bearer: Option<&Secret>,
) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in configured {
        let key = format!("{key}.headers.{name}");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(&key, "is no name of a header"))?;
        headers.insert(name, sensitive(&key, value.expose())?);
    }
    if let Some(token) = bearer {
        headers.insert(AUTHORIZATION, sensitive(key, &format!("Bearer {}", token.expose()))?);
    }
    Ok(headers)
}

/// The bearer token that a key of the configuration names a variable of.
pub(crate) fn bearer(key: &str, variable: Option<&String>) -> Result<Option<Secret>, Error> {
    variable.map(|variable| environment(&format!("{key}.bearer_token_env"), variable)).transpose()
}

fn sensitive(key: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| wrong(key, "has a value that no header can have: it must be one line of visible ASCII"))?;
    // Keeps it out of debug output, and out of the compression table of HTTP/2.
    value.set_sensitive(true);
    Ok(value)
}

/// Scheme, host and port: what of a URL is shown in messages. Paths and queries may have secrets.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// What a request that got no answer means.
pub(crate) fn no_answer(error: &reqwest::Error, to: &str) -> Trouble {
    if error.is_builder() {
        return Trouble::lasting("invalid-request", format!("the request to {to} cannot be made: {}", cause(error)));
    }
    if error.is_timeout() {
        return Trouble::passing("timeout", format!("{to} did not take the connection in time"));
    }
    let what = if error.is_connect() { "cannot connect to" } else { "got no answer from" };
    Trouble::passing("unavailable", format!("{what} {to}: {}", cause(error)))
}

/// The innermost reason, which has no URL in it.
pub(crate) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.downcast_ref::<reqwest::Error>() {
        // Its text would have the URL.
        Some(error) if error.is_timeout() => "timed out".to_owned(),
        Some(_) => "the request failed".to_owned(),
        None => innermost.to_string(),
    }
}

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// It is larger than this.
    TooLarge(usize),
    /// It ended early, after so many bytes.
    Broken(usize, String),
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge(limit) => write!(f, "is larger than {limit} bytes"),
            Self::Broken(read, why) => write!(f, "broke off after {read} bytes: {why}"),
        }
    }
}

/// Reads a body, decompressed, up to `limit` bytes.
pub(crate) async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(BodyError::TooLarge(limit));
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(BodyError::TooLarge(limit)),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(BodyError::Broken(body.len(), cause(&error))),
        }
    }
}

/// Reads the beginning of a body that only a message quotes.
pub(crate) async fn read_beginning(mut response: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < limit {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]),
            // What came until then is quoted.
            Ok(None) | Err(_) => break,
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_speaks_tls() {
        let client = build().unwrap();
        // Nothing listens there: what counts is that TLS is set up and the connection is what fails.
        let error = client.get("https://127.0.0.1:1/").send().await.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
    }

    #[test]
    fn a_url_of_the_configuration_is_checked() {
        for (text, problem) in [
            ("api.openai.com/v1", "is no URL"),
            ("ftp://example.com", "must begin with"),
            ("https://user:secret@example.com/", "must not have a user"),
        ] {
            let message = base_url("llm.x.base_url", text).unwrap_err().message;
            assert!(message.contains("llm.x.base_url") && message.contains(problem), "{message}");
            assert!(!message.contains("secret"));
        }
    }
}
