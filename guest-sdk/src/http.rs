//! HTTP requests to hosts that the configuration allows. It follows no redirects and keeps no cookies.
//!
//! ```no_run
//! # async fn f() -> Result<(), abide::Failure> {
//! use abide::http;
//!
//! let rates: serde_json::Value = http::get("https://rates.example/eur").header("accept", "application/json").send().await?.ok()?.json()?;
//! http::post("https://hooks.example/done").json(&rates)?.send().await?.ok()?;
//! # Ok(()) }
//! ```

use serde::{Serialize, de::DeserializeOwned};

use crate::bindings::abide::workflow::http as wire;
use crate::{CallOptions, Failure, json};

pub use wire::{Header, Response};

/// A request with `GET`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new("GET", url)
}

/// A request with `POST`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new("POST", url)
}

/// A request that is being put together. [`Request::send`] sends it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    wire: wire::Request,
    options: Option<CallOptions>,
}

impl Request {
    /// A request with any method, to an absolute address.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let wire = wire::Request { method: method.into(), url: url.into(), headers: Vec::new(), body: None };
        Self { wire, options: None }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wire.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.wire.body = Some(body.into());
        self
    }

    /// Sets the body to JSON, and the header `content-type`.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Failure> {
        let body = json::encode(body, "the body of the request")?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// How the call is performed.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = Some(options);
        self
    }

    /// Sends it. Whatever the status, that is a response; see [`Response::ok`].
    pub async fn send(self) -> Result<Response, Failure> {
        Ok(wire::fetch(self.wire, self.options.map(Into::into)).await?)
    }
}

impl Response {
    /// Makes the failure `http-status` of a status outside 200 to 299, so that `?` can be used on it.
    pub fn ok(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let failure = Failure::new("http-status", format!("the server answered with status {}", self.status));
        Err(failure.with_details(serde_json::json!({ "status": self.status })))
    }

    /// The first value of a header. Case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str, Failure> {
        Ok(std::str::from_utf8(&self.body)?)
    }

    /// The body, read as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json::decode(self.text()?, "invalid-response", "the body of the response does not fit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read() {
        let headers = vec![Header { name: "Content-Type".into(), value: "application/json".into() }];
        let response = Response { status: 404, headers, body: b"[1]".to_vec() };
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.json::<Vec<u8>>().unwrap(), [1]);
        assert_eq!(response.ok().unwrap_err().code, "http-status");
    }
}
