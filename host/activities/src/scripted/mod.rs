//! A language model that answers from a file: a real HTTP server that speaks Chat Completions, for tests, demonstrations and a first
//! look without a key. The activities start one for each scripted provider; it can also be run by itself with [`serve`].
//!
//! ```json
//! {"rules": [
//!   {"when": {"last_role": "tool"}, "answer": {"text": "It is sunny."}},
//!   {"when": {"contains": "weather"}, "answer": {"tool_calls": [{"name": "look", "arguments": {"at": "the sky"}}]}},
//!   {"when": {}, "answer": {"text": "Ask me about the weather."}, "delay_ms": 50}
//! ]}
//! ```
//!
//! The first rule whose given members of `when` all match answers. Matching looks at the request only, so a run that is replayed or a
//! host that restarts finds the same answer.

mod script;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use abide_model::{Error, ErrorCode};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use script::{Answer, FailFirst, Role, Rule, Script, ToolCall, When};
pub use server::serve;

use crate::config::wrong;

/// A server that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Scripted {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Scripted {
    /// Reads a file and serves it at a free port of this machine only. `key` is what the configuration calls the file.
    pub(crate) fn start(key: &str, file: &Path) -> Result<Self, Error> {
        let script = Script::read(file).map_err(|error| wrong(key, format_args!("cannot be used: {error}")))?;
        let internal = |error: std::io::Error| {
            Error::new(ErrorCode::Internal, format!("cannot serve {} at 127.0.0.1: {error}", file.display()))
        };
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            Error::new(ErrorCode::Internal, "scripted providers can only be started within a Tokio runtime")
        })?;
        // Bound here, so that the address is known and taken before anything is asked.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(internal)?;
        listener.set_nonblocking(true).map_err(internal)?;
        let listener = TcpListener::from_std(listener).map_err(internal)?;
        let address = listener.local_addr().map_err(internal)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let shown = file.display().to_string();
        runtime.spawn(async move {
            if let Err(error) = serve(script, listener, stopped).await {
                tracing::error!(file = shown, %error, "a scripted language model ended");
            }
        });
        Ok(Self { address, _stop: stop.drop_guard() })
    }

    /// What a provider is configured with.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}
