//! `http.fetch`: a request of the guest to a host that the configuration allows. What may be reached is the business of `allow`.

mod allow;

use abide_model::http::{Body, FetchRequest, FetchResponse};
use abide_model::{Clock, Error, Failure, HttpRight, Json, Right};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use crate::client::{self, BodyError, IDEMPOTENCY_KEY};
use crate::config::{DEFAULT_MAX_RESPONSE_BYTES, HttpConfig};
use crate::lane::{Lane, answer, refused};
use crate::policy::Entered;
use crate::retry_after::retry_after_ms;
use crate::trouble::{Attempt, Trouble};
use crate::{Activity, Performed};

pub(crate) use allow::AllowList;
pub use allow::check_hosts;

/// Headers that belong to the connection, which is the host's.
const OF_THE_HOST: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Performs `http.fetch`.
#[derive(Debug)]
pub(crate) struct Fetcher {
    lane: Lane,
    client: Client,
    allow: AllowList,
    /// What is added to requests to some hosts.
    added: Vec<(AllowList, HeaderMap)>,
    max_response_bytes: usize,
}

/// A request, checked.
struct Prepared {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Fetcher {
    /// `key` is the section of the configuration, such as `http`.
    pub(crate) fn new(key: &str, config: &HttpConfig, client: Client) -> Result<Self, Error> {
        let added = config.headers.iter().map(|(host, headers)| {
            let key = format!("{key}.headers.{host}");
            let hosts = AllowList::parse(&key, std::slice::from_ref(host))?;
            Ok((hosts, client::headers(&key, headers, None)?))
        });
        Ok(Self {
            lane: Lane::new(key, &config.calling())?,
            client,
            allow: AllowList::parse(key, &config.allow)?,
            added: added.collect::<Result<_, Error>>()?,
            max_response_bytes: config.max_response_bytes.unwrap_or(DEFAULT_MAX_RESPONSE_BYTES),
        })
    }

    /// Performs a call.
    pub(crate) async fn fetch(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        let (request, entered) = match self.enter(activity) {
            Ok(entered) => entered,
            Err(performed) => return *performed,
        };
        match self.prepare(activity, request) {
            Ok(prepared) => {
                let prepared = &prepared;
                entered.leave(activity.kind, self.lane.run(clock, activity, || self.attempt(clock, prepared)).await)
            }
            Err(failure) => entered.refuse(activity.kind, failure),
        }
    }

    /// Reads a request, and lets it in. What the rules of the gateway made of it is checked again by [`Fetcher::prepare`].
    fn enter(&self, activity: &Activity) -> Result<(FetchRequest, Entered), Box<Performed>> {
        let refuse = |failure| Box::new(refused(failure));
        let request = activity.request.head.read::<FetchRequest>();
        let mut request = request.map_err(|error| refuse(invalid(format!("the request cannot be read: {error}"))))?;
        let method = method(&request.method).map_err(refuse)?;
        let mut entered = activity.policy.enter(&needed(&method, &url(&request.url).map_err(refuse)?))?;
        if !entered.passage.is_open() {
            entered.passage.fetch(&mut request);
            let changed = url(&request.url).map_err(refuse)?;
            activity.policy.rights.check(&needed(&method, &changed)).map_err(refuse)?;
        }
        Ok((request, entered))
    }

    fn prepare(&self, activity: &Activity, request: FetchRequest) -> Result<Prepared, Failure> {
        let method = method(&request.method)?;
        let url = url(&request.url)?;
        self.allow.check(&url)?;
        let mut headers = headers(&request.headers)?;
        if !headers.contains_key(IDEMPOTENCY_KEY) {
            let key = HeaderValue::try_from(activity.idempotency_key())
                .map_err(|_| invalid("the call option `idempotency-key` must be visible ASCII"))?;
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        for (_, added) in self.added.iter().filter(|(hosts, _)| hosts.check(&url).is_ok()) {
            for (name, value) in added {
                headers.insert(name, value.clone());
            }
        }
        activity.secrets.fill_headers(&mut headers, &url)?;
        let body = match request.body {
            None => None,
            Some(Body::Text(text)) => Some(text.into_bytes()),
            Some(Body::Base64(text)) => {
                Some(BASE64.decode(text).map_err(|error| invalid(format!("the body is no base64: {error}")))?)
            }
        };
        Ok(Prepared { method, url, headers, body })
    }

    async fn attempt(&self, clock: &dyn Clock, prepared: &Prepared) -> Attempt {
        let to = client::origin(&prepared.url);
        let mut request =
            self.client.request(prepared.method.clone(), prepared.url.clone()).headers(prepared.headers.clone());
        if let Some(body) = &prepared.body {
            request = request.body(body.clone());
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return client::no_answer(&error, &to).into(),
        };
        let status = response.status().as_u16();
        let wait = retry_after_ms(response.headers(), clock.now_ms());
        let headers = shown(response.headers());
        let body = match client::read_body(response, self.max_response_bytes).await {
            Ok(body) => body,
            Err(error @ BodyError::TooLarge(_)) => {
                let key = self.lane.key();
                let message = format!("the answer of {to} {error}; `max_response_bytes` of `[{key}]` sets the limit");
                return Trouble::lasting("response-too-large", message).into();
            }
            Err(error) => return Trouble::passing("unavailable", format!("the answer of {to} {error}")).into(),
        };
        let body = match String::from_utf8(body) {
            Ok(text) => Body::Text(text),
            Err(bytes) => Body::Base64(BASE64.encode(bytes.as_bytes())),
        };
        let answer = match answer(&FetchResponse { status, headers, body }) {
            Ok(answer) => answer,
            Err(trouble) => return trouble.into(),
        };
        settled(status, answer, wait)
    }
}

/// What a request needs: the right to its port as it is written, or as it is usual.
fn needed(method: &Method, url: &Url) -> Vec<Right> {
    let host = url.host_str().unwrap_or_default();
    let mut ports = vec![url.port()];
    ports.extend(url.port().is_none().then(|| url.port_or_known_default()));
    let right = |port| Right::Http(HttpRight::needed(method.as_str(), host, port, url.path()));
    ports.into_iter().map(right).collect()
}

/// Statuses that pass are tried again, and else given as they are.
fn settled(status: u16, answer: Json, wait: Option<u64>) -> Attempt {
    let code = match status {
        429 => "rate-limited",
        502 | 503 => "unavailable",
        408 | 504 => "timeout",
        _ => return Attempt::Done(answer),
    };
    Attempt::Unsettled(answer, Trouble::passing(code, format!("status {status}")).with_status(status, wait))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new("invalid-request", message)
}

fn method(text: &str) -> Result<Method, Failure> {
    let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| text.len() <= 32);
    match method {
        Some(Method::CONNECT | Method::TRACE) | None => {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Err(invalid(format!("`{shown}` is no method that can be sent: give one such as `GET` or `POST`")))
        }
        Some(method) => Ok(method),
    }
}

fn url(text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|error| invalid(format!("the URL cannot be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(invalid("the URL must be absolute and begin with `http://` or `https://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the URL must not have a user or a password: send the header `authorization`"));
    }
    Ok(url)
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap, Failure> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if given.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(invalid(format!(
            "a request has at most {MAX_HEADERS} headers of {MAX_HEADER_BYTES} bytes together"
        )));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            let shown: String = name.chars().take(60).flat_map(char::escape_debug).collect();
            invalid(format!("`{shown}` is no name of a header"))
        })?;
        if OF_THE_HOST.contains(&parsed.as_str()) || parsed.as_str().starts_with("proxy-") {
            return Err(invalid(format!("the header `{parsed}` is the host's to set: leave it out")));
        }
        if parsed == reqwest::header::ACCEPT_ENCODING {
            // The host decompresses, so it says what it can.
            continue;
        }
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            return Err(invalid(format!("the header `{parsed}` must be visible ASCII, spaces and tabs")));
        }
        let value =
            HeaderValue::from_str(value).map_err(|_| invalid(format!("the header `{parsed}` cannot be sent")))?;
        headers.append(parsed, value);
    }
    Ok(headers)
}

/// Headers of an answer, but for those of the connection.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let of_the_answer = headers.iter().filter(|(name, _)| !OF_THE_HOST.contains(&name.as_str()));
    of_the_answer
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_checked() {
        for text in ["CONNECT", "TRACE", "", "G T", "GET\r\n", &"A".repeat(33)] {
            assert_eq!(method(text).unwrap_err().code, "invalid-request", "{text}");
        }
        assert_eq!(method("PURGE").unwrap().as_str(), "PURGE");
        for text in ["/x", "file:///etc/passwd", "ftp://a/", "https://u:p@a.example/", "data:,x", ""] {
            assert_eq!(url(text).unwrap_err().code, "invalid-request", "{text}");
        }
        for (name, value) in [
            ("Host", "x"),
            ("content-length", "1"),
            ("Proxy-Authorization", "x"),
            ("a b", "x"),
            ("x", "a\r\nb"),
            ("x", "ä"),
            ("", "x"),
        ] {
            let failure = headers(&[(name.to_owned(), value.to_owned())]).unwrap_err();
            assert_eq!(failure.code, "invalid-request", "{name}");
        }
        let twice = [("x-a".to_owned(), "1".to_owned()), ("X-A".to_owned(), "2".to_owned())];
        assert_eq!(headers(&twice).unwrap().get_all("x-a").iter().count(), 2);
        assert!(headers(&vec![("a".to_owned(), String::new()); 101]).is_err());
        assert!(headers(&[("accept-encoding".to_owned(), "br".to_owned())]).unwrap().is_empty());
    }
}
