//! Connections: one task each, so many at the most, and none that takes for ever to say what it wants.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at the same time. Who comes when there are so many waits until one ends.
const MAX_CONNECTIONS: usize = 8192;
/// How long a client may take to send the head of a request, and how long a connection may lie idle: longer than the 90 seconds after which
/// usual clients give one up themselves, so that none is closed under a request.
const HEAD: Duration = Duration::from_secs(120);

/// Serves `router` on what `listener` gives, until the server stops; then requests under way are finished.
pub(crate) async fn serve<L: Listener>(mut listener: L, router: Router, stopping: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let (connections, places) = (TaskTracker::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, (stream, _)) = tokio::select! {
            accepted = accepted => accepted,
            () = stopping.cancelled() => break,
        };
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let stopping = stopping.clone();
        connections.spawn(async move {
            let _place = place;
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    connections.close();
    connections.wait().await;
}
