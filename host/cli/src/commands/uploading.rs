//! A file on its way to the host, and how far it is.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use reqwest::Body;
use tokio::time::{Instant, interval};

use crate::output::size;

/// The pieces in which a file is sent.
const PIECE_BYTES: usize = 256 << 10;
/// How often progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// Sends `file` with what `upload` makes of its body and size, and shows on a terminal how far it is. `what` names it.
pub(super) async fn upload<T, F: Future<Output = T>>(
    what: &str,
    file: Bytes,
    upload: impl FnOnce(Body, u64) -> F,
) -> T {
    let sent = Arc::new(AtomicU64::new(0));
    let total = file.len() as u64;
    let upload = upload(pieces(file, sent.clone()), total);
    let done = tokio::select! {
        done = upload => done,
        () = progress(what, &sent, total) => unreachable!("progress is shown until the upload ends"),
    };
    clear_progress();
    done
}

/// The file in pieces; `sent` counts those that went out.
fn pieces(file: Bytes, sent: Arc<AtomicU64>) -> Body {
    Body::wrap_stream(stream::unfold(file, move |mut rest| {
        let sent = sent.clone();
        async move {
            if rest.is_empty() {
                return None;
            }
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Some((Ok::<_, std::io::Error>(piece), rest))
        }
    }))
}

/// Shows how far the upload is, on a terminal. Never completes.
async fn progress(what: &str, sent: &AtomicU64, total: u64) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let began = Instant::now();
    let mut ticks = interval(TICK);
    loop {
        ticks.tick().await;
        let sent = sent.load(Ordering::Relaxed);
        let state = if sent < total {
            format!("uploading {what}: {} of {}", size(sent), size(total))
        } else {
            format!("compiling {what} ({} s)", began.elapsed().as_secs())
        };
        eprint!("\r\x1b[2K{state}");
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}
