//! Keeps web pages out. A page that a browser shows can send requests to a server on the same machine, and by DNS
//! rebinding even read the answers. Such requests carry the page's name in `Origin` or `Host`.
//!
//! - `Origin`, where there is one, must name this machine (`localhost`, `*.localhost`, a loopback address) or be one of
//!   `allowed_hosts`.
//! - `Host` must do so too while the server listens on a loopback address only. On any other address the names by
//!   which clients know the server are not known here; `allowed_hosts` then names the pages that may call it.
//!
//! Programs send no `Origin`, and the right `Host` by themselves, so they notice nothing.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, Uri, header};

use crate::problem::{Problem, shown};

/// The code of refused requests.
const CODE: &str = "origin-not-allowed";

/// Decides by the headers whether a request may pass.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    allowed_hosts: Vec<String>,
    loopback_only: bool,
}

impl Guard {
    /// For a server that listens on `address`. `allowed_hosts` are names without a port.
    pub(crate) fn new(address: IpAddr, allowed_hosts: &[String]) -> Self {
        Self {
            allowed_hosts: allowed_hosts.iter().map(|name| name.to_ascii_lowercase()).collect(),
            loopback_only: address.is_loopback(),
        }
    }

    /// Refuses what may come from a web page.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Box<Problem>> {
        if self.loopback_only {
            // An absolute target stands before the header (RFC 9112, section 3.2.2).
            let host = match uri.authority() {
                Some(authority) => Some(authority.as_str()),
                None => text(headers, &header::HOST),
            };
            // HTTP/1.0 clients may leave it out; browsers never do.
            if let Some(host) = host
                && !self.is_allowed(host)
            {
                return Err(refused("Host", host));
            }
        }
        match text(headers, &header::ORIGIN) {
            Some(origin) if !origin.split_once("://").is_some_and(|(_, host)| self.is_allowed(host)) => {
                Err(refused("Origin", origin))
            }
            _ => Ok(()),
        }
    }

    fn is_allowed(&self, authority: &str) -> bool {
        let name = name_of(authority).to_ascii_lowercase();
        let address: Option<IpAddr> = name.trim_start_matches('[').trim_end_matches(']').parse().ok();
        address.is_some_and(|address| address.is_loopback())
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.allowed_hosts.contains(&name)
    }
}

/// `[::1]:7400` → `[::1]`, `localhost:7400` → `localhost`.
fn name_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

/// A header that is there and no text is as good as a foreign one.
fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

fn refused(header: &str, value: &str) -> Box<Problem> {
    Box::new(Problem::new(
        StatusCode::FORBIDDEN,
        CODE,
        format!(
            "the header `{header}: {}` names another machine, as a web page's does: if you trust it, add its name to \
             `allowed_hosts` in abide.toml",
            shown(value)
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(listen: &str, host: &str, origin: Option<&str>) -> bool {
        let guard = Guard::new(listen.parse().unwrap(), &["Console.example".to_owned()]);
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        guard.check(&Uri::from_static("/v1/runs"), &headers).is_ok()
    }

    #[test]
    fn this_machine_and_configured_names_pass() {
        for host in ["127.0.0.1:7400", "localhost:7400", "LOCALHOST", "[::1]:7400", "a.localhost", "console.example:1"]
        {
            assert!(passes("127.0.0.1", host, None), "{host}");
        }
        for origin in ["http://localhost:3000", "https://console.example", "http://[::1]:5173"] {
            assert!(passes("127.0.0.1", "localhost", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn web_pages_do_not() {
        for host in
            ["evil.example:7400", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.0.1", "[::2]", ""]
        {
            assert!(!passes("127.0.0.1", host, None), "{host}");
        }
        for origin in ["https://evil.example", "null", "", "localhost", "http://localhost.evil.example"] {
            assert!(!passes("127.0.0.1", "localhost", Some(origin)), "{origin}");
            assert!(!passes("0.0.0.0", "build.internal:7400", Some(origin)), "{origin}");
        }
    }

    #[test]
    fn an_open_address_takes_any_host() {
        assert!(passes("0.0.0.0", "build.internal:7400", None));
    }
}
