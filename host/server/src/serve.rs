//! Serves a host on a listener until it is told to stop or the host fails.

use std::pin::pin;
use std::time::Duration;

use abide_model::{Error, ErrorCode};
use abide_runtime::Host;
use axum::serve::{Listener, ListenerExt};
use tokio::net::TcpListener;
use tokio::time::{interval, timeout};

use crate::access::Auth;
use crate::connections;
use crate::guard::Guard;
use crate::router::router;
use crate::state::{Shared, State};
use crate::tls::{TlsFiles, TlsListener};

/// How long requests under way may take once the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How often the server looks whether the store of the host failed.
const LOOK: Duration = Duration::from_secs(1);

/// What a server allows.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest component that may be uploaded.
    pub max_component_bytes: usize,
    /// Names, without a port, that `Host` and `Origin` headers may carry besides those of this machine.
    pub allowed_hosts: Vec<String>,
    /// How it is known who asks.
    pub auth: Auth,
    /// The certificate. Without one, connections are not encrypted.
    pub tls: Option<TlsFiles>,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_component_bytes: 64 << 20, allowed_hosts: Vec::new(), auth: Auth::default(), tls: None }
    }
}

/// Serves until `shutdown` completes (then requests under way are finished, waits and streams are cut, and the host is
/// shut down) or the store of the host fails (then its error is given).
///
/// The connections are tasks of their own. They end with their requests; at the latest `GRACE` after the stop they are no
/// longer waited for.
pub async fn serve(
    listener: TcpListener,
    host: Host,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    let address = listener
        .local_addr()
        .map_err(|error| Error::new(ErrorCode::Internal, format!("the listener is gone: {error}")))?;
    let guard = Guard::new(address.ip(), &options.allowed_hosts);
    let shared = Shared::new(State::new(host, guard, options.auth, options.max_component_bytes));
    if let Some(files) = &options.tls {
        return serve_on(TlsListener::new(listener, address, files)?, shared, shutdown).await;
    }
    // Answers are small and somebody waits for each.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm for a connection");
        }
    });
    serve_on(listener, shared, shutdown).await
}

/// The same, on connections of any sort.
async fn serve_on<L: Listener>(listener: L, shared: Shared, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
    let (host, stopping) = (shared.host.clone(), shared.stopping.clone());
    let mut connections = pin!(connections::serve(listener, router(shared), stopping.clone()));
    let failure = tokio::select! {
        () = &mut connections => None,
        error = failed(&host) => Some(error),
        () = shutdown => None,
    };
    stopping.cancel();
    if timeout(GRACE, &mut connections).await.is_err() {
        tracing::warn!(grace = ?GRACE, "requests are still under way: they are cut off now");
    }
    if timeout(GRACE, host.shutdown()).await.is_err() {
        tracing::warn!(grace = ?GRACE, "the host does not come to rest: it is ended as it is, nothing durable is lost by that");
    }
    failure.map_or(Ok(()), Err)
}

/// Completes when the store of the host failed. The host tells; a look now and then finds what was not told.
async fn failed(host: &Host) -> Error {
    let mut looks = interval(LOOK);
    loop {
        tokio::select! {
            error = host.failed() => return error,
            _ = looks.tick() => {
                if let Err(error) = host.ready()
                    && matches!(error.code, ErrorCode::StoreUnavailable | ErrorCode::StoreCorrupt)
                {
                    return error;
                }
            }
        }
    }
}
