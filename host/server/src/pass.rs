//! Being let in, for as long as the token is good. A stream may be open for months, and whose token was revoked must not see what comes after.

use std::convert::Infallible;
use std::time::Duration;

use abide_model::Error;
use abide_runtime::{Actor, Host};
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response, Sse};
use futures_util::{StreamExt, stream};
use http::header;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::routes::failure;

/// How often the store is asked whether a token is still good, beside the moments at which one is revoked: one that expires lets a stream go on for so long.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What somebody was let in by.
pub(crate) struct Pass {
    host: Host,
    token: Zeroizing<String>,
    revocations: watch::Receiver<()>,
}

impl Pass {
    /// Lets somebody in who has a good token.
    pub(crate) async fn of(host: &Host, token: &str) -> Result<(Actor, Self), Error> {
        // Before the look, so that none is missed.
        let revocations = host.revocations();
        let actor = host.authenticate(token).await?;
        Ok((actor, Self { host: host.clone(), token: Zeroizing::new(token.to_owned()), revocations }))
    }

    /// Waits until the token is good no more, and says why.
    pub(crate) async fn ended(&mut self) -> Error {
        loop {
            let changed = async {
                if self.revocations.changed().await.is_err() {
                    // The host stops, and with it all that is open.
                    std::future::pending().await
                }
            };
            drop(tokio::time::timeout(LOOK_EVERY, changed).await);
            if let Err(error) = self.host.authenticate(&self.token).await {
                return error;
            }
        }
    }

    /// The same response. If it is a stream, it ends with the event `error` when the token is good no more.
    pub(crate) fn bound(mut self, response: Response) -> Response {
        let media_type = response.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
        if !media_type.is_some_and(|value| value.starts_with(b"text/event-stream")) {
            return response;
        }
        let (head, body) = response.into_parts();
        // One for all pieces: it goes on with what it had begun, however fast they come.
        let ended = Box::pin(async move { self.ended().await });
        let pieces = stream::unfold(Some((body.into_data_stream(), ended)), |open| async {
            let (mut body, mut ended) = open?;
            tokio::select! {
                // First: who may not look any more sees nothing more.
                biased;
                error = &mut ended => Some((last_piece(error).await, None)),
                piece = body.next() => piece.map(|piece| (piece, Some((body, ended)))),
            }
        });
        Response::from_parts(head, Body::from_stream(pieces))
    }
}

async fn last_piece(error: Error) -> Result<Bytes, axum::Error> {
    let events = Sse::new(stream::iter([Ok::<_, Infallible>(failure(error))])).into_response();
    axum::body::to_bytes(events.into_body(), usize::MAX).await
}
