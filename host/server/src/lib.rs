//! The host over HTTP: routes, errors as problems (RFC 9457), server-sent events, the OpenAPI document and the
//! configuration file. Nothing is decided here: a handler extracts, calls [`abide_runtime::Host`] and renders.
//!
//! ```no_run
//! # async fn example() -> Result<(), abide_model::Error> {
//! let config = abide_server::Config::read("abide.toml".as_ref())?;
//! let app = abide_server::open(config).await?;
//! let listener = app.listen().await?;
//! app.serve(listener, abide_server::stop_signal()).await
//! # }
//! ```

mod access;
mod app;
mod body;
mod config;
mod connections;
mod duration;
mod encryption;
mod extract;
mod guard;
mod middleware;
mod openapi;
mod pass;
mod problem;
mod router;
mod routes;
mod serve;
mod state;
mod stop;
mod tls;

pub use abide_history::MasterKey;
pub use access::Auth;
pub use app::{App, open, open_to_look, open_with_store};
pub use config::{Config, HostSection};
pub use duration::parse_duration;
pub use encryption::{EncryptionSection, PreviousKey};
pub use problem::Problem;
pub use serve::{Options, serve};
pub use stop::stop_signal;
pub use tls::TlsFiles;
