//! Drives the runs that the store says are to be driven: all of them when the host comes up, and any that was missed, by a look every
//! few seconds.

use std::sync::Arc;
use std::time::Duration;

use abide_history::StoreError;
use tokio::sync::Semaphore;

use crate::inner::{Inner, RunKey};
use crate::registry::Message;

const PAGE_RUNS: usize = 256;
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Drives ready runs until the host stops.
pub(crate) async fn drive(inner: Arc<Inner>) {
    // So many runs come up at the same time; the others wait in the store.
    let permits = Arc::new(Semaphore::new((2 * inner.config.max_resident).max(64)));
    // A task that is there when the host comes up was made by a message, and does not know that there is more to do.
    let mut first = true;
    loop {
        if let Err(error) = drive_ready(&inner, &permits, std::mem::take(&mut first)).await {
            inner.fail(&error);
            tracing::error!(%error, "the runs that are to be driven cannot be read");
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn drive_ready(inner: &Arc<Inner>, permits: &Arc<Semaphore>, first: bool) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = inner.store.ready(after.as_ref(), PAGE_RUNS).await?;
        let Some(last) = page.last().cloned() else { return Ok(()) };
        for (tenant, run_id) in page {
            let key = RunKey { tenant, run_id };
            if !first && inner.registry.has(&key) {
                continue;
            }
            let permit = permits.clone().acquire_owned().await.expect("the permits are never closed");
            if inner.registry.send(inner, &key, Message::Drive(Some(permit))).await.is_err() {
                return Ok(());
            }
        }
        after = Some(last);
    }
}
