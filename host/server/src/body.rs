//! Receives a body, up to a limit. What is over the limit is thrown away as it comes, never kept.

use std::time::Duration;

use abide_model::{Error, ErrorCode};
use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, header};
use tokio::time::Instant;

use crate::problem::invalid;

/// The longest pause between two pieces of a body.
const STALL: Duration = Duration::from_secs(30);
/// The least that a body may come with, in bytes a second, once that pause is over: who sends a byte now and then holds a place that others want.
const SLOWEST: usize = 16 << 10;
/// How much of a body that is too large is read to its end, so that its sender gets to see the answer: one that is still
/// writing when the connection closes often sees only the closed connection.
const DISCARDED_BYTES: usize = 1 << 30;
/// And for how long.
const DISCARDED_TIME: Duration = Duration::from_secs(20);

/// Receives `body`. `what` names it in the error, as in `the component`.
pub(crate) async fn receive(headers: &HeaderMap, body: Body, limit: usize, what: &str) -> Result<Bytes, Error> {
    receive_within(headers, body, limit, what, STALL).await
}

async fn receive_within(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    what: &str,
    stall: Duration,
) -> Result<Bytes, Error> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut stream = body.into_data_stream();
    if announced > limit {
        // Who asks first whether to send (curl does) is told no, and sends nothing.
        if !headers.contains_key(header::EXPECT) {
            discard(stream).await;
        }
        return Err(too_large(limit, what));
    }
    let mut received = BytesMut::with_capacity(announced);
    let began = Instant::now();
    while let Some(piece) = tokio::time::timeout(stall, stream.next())
        .await
        .map_err(|_| invalid(format!("{what} stopped coming for {stall:?}: send it again")))?
    {
        let piece = piece.map_err(|error| invalid(format!("{what} broke off: {error}")))?;
        if received.len() + piece.len() > limit {
            drop(received);
            discard(stream).await;
            return Err(too_large(limit, what));
        }
        received.extend_from_slice(&piece);
        let patience = stall + Duration::from_secs((received.len() / SLOWEST) as u64);
        if began.elapsed() > patience {
            return Err(invalid(format!("{what} comes with less than {SLOWEST} bytes a second: send it again")));
        }
    }
    Ok(received.freeze())
}

async fn discard(mut stream: BodyDataStream) {
    let drain = async {
        let mut rest = DISCARDED_BYTES;
        while let Some(Ok(piece)) = stream.next().await {
            match rest.checked_sub(piece.len()) {
                Some(left) => rest = left,
                None => break,
            }
        }
    };
    // Either way the request is answered now.
    let _ = tokio::time::timeout(DISCARDED_TIME, drain).await;
}

fn too_large(limit: usize, what: &str) -> Error {
    Error::new(ErrorCode::TooLarge, format!("{what} is larger than the {limit} bytes that the host takes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sizes: &[usize]) -> Body {
        let pieces: Vec<_> = sizes.iter().map(|size| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; *size]))).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn up_to_the_limit_all_is_received() {
        let received = receive(&HeaderMap::new(), pieces(&[3, 4, 3]), 10, "the body").await.unwrap();
        assert_eq!(received.len(), 10);
    }

    #[tokio::test]
    async fn over_the_limit_it_is_refused_with_or_without_a_length() {
        for body in [pieces(&[3, 4, 4]), Body::from(vec![0; 11])] {
            let error = receive(&HeaderMap::new(), body, 10, "the body").await.unwrap_err();
            assert_eq!(error.code, ErrorCode::TooLarge);
            assert_eq!(error.message, "the body is larger than the 10 bytes that the host takes");
        }
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_an_error() {
        let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))]);
        let error = receive(&HeaderMap::new(), Body::from_stream(broken), 10, "the body").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
    }

    #[tokio::test]
    async fn a_body_that_trickles_is_an_error() {
        let trickle = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
        });
        let stall = Duration::from_millis(200);
        let received = receive_within(&HeaderMap::new(), Body::from_stream(trickle), 1000, "the body", stall).await;
        assert!(received.unwrap_err().message.contains("less than 16384 bytes a second"));
    }

    #[tokio::test]
    async fn a_body_that_stalls_is_an_error() {
        let stalled = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let stall = Duration::from_millis(20);
        let received = receive_within(&HeaderMap::new(), Body::from_stream(stalled), 10, "the body", stall).await;
        assert_eq!(received.unwrap_err().message, "the body stopped coming for 20ms: send it again");
    }
}
