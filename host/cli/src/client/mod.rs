//! Speaks with a host over HTTP.

mod access;
mod connection;
mod events;
mod follow;
mod forks;
mod ledger;
mod patience;
mod replays;
mod request;
mod schedules;
mod secrets;
mod tools;
mod versions;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use reqwest::{Url, redirect};

use crate::exit::Fault;

pub(crate) use connection::Connection;
pub(crate) use follow::Waiting;
pub(crate) use request::ListFilter;
pub(crate) use versions::CheckAsked;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A host at an address.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    answered: Arc<AtomicBool>,
}

impl Client {
    /// The host of a connection.
    pub(crate) fn new(connection: &Connection) -> Result<Self> {
        let base = base(&connection.server)?;
        // The first provider in a process wins, and any does.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("abide/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .default_headers(connection.headers(base.scheme() == "https" || is_loopback(&base))?)
            .connect_timeout(CONNECT_TIMEOUT);
        if is_loopback(&base) {
            // A proxy would look for the host on its own machine.
            builder = builder.no_proxy();
        }
        if let Some(certificates) = connection.certificates()? {
            builder = builder.tls_certs_only(certificates);
        }
        Ok(Self { http: builder.build()?, base, answered: Arc::default() })
    }

    /// The address of the host, for messages.
    pub(crate) fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Whether the host answered anything yet. One that was there is waited for when it goes away.
    fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// The URL of a path, whose parts are escaped.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // `base` lets only `http` and `https` through, which always have a path.
        url.path_segments_mut().expect("an http URL has a path").pop_if_empty().extend(path);
        url
    }
}

fn base(server: &str) -> Result<Url, Fault> {
    let bad =
        |why: &str| Fault::usage(format!("`{server}` is no address of a host: {why}, such as http://127.0.0.1:7400"));
    let url = Url::parse(server).map_err(|_| bad("give a URL"))?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_some() && url.query().is_none() && url.fragment().is_none() => Ok(url),
        _ => Err(bad("give an http or https URL")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        let client = Client::new(&Connection::to("http://127.0.0.1:7400")).unwrap();
        assert_eq!(
            client.url(&["v1", "runs", "a?b#c%d e"]).as_str(),
            "http://127.0.0.1:7400/v1/runs/a%3Fb%23c%25d%20e"
        );
        let client = Client::new(&Connection::to("https://example.com/abide/")).unwrap();
        assert_eq!(client.url(&["healthz"]).as_str(), "https://example.com/abide/healthz");
        assert_eq!(client.server(), "https://example.com/abide");
    }

    #[test]
    fn only_addresses_of_hosts_are_taken() {
        for bad in ["", "127.0.0.1:7400", "localhost:7400", "ftp://a", "http://a/?b", "unix:/a"] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }
}
