//! `[http]`: what `http.fetch` may do.

use std::collections::BTreeMap;

use abide_model::RetryPolicy;
use serde::Deserialize;

use super::Secret;

/// What `http.fetch` may do. Nothing is allowed that is not named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Hosts: `api.example.com` (at the usual port of the scheme), `127.0.0.1:9000`, or `*.example.org`, where `*` is one label.
    pub allow: Vec<String>,
    /// Headers that the host adds to requests to a host, such as its key; in place of those of the request. Runs never see them.
    pub headers: BTreeMap<String, BTreeMap<String, Secret>>,
    /// The largest body of an answer, after it is decompressed. Default 8 MiB.
    pub max_response_bytes: Option<usize>,
    /// The longest that one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time. Default 64.
    pub max_concurrent: Option<usize>,
}

calling!(HttpConfig);
