//! Drives the runs that the store says are to be driven: all of them when the host comes up, and any that was missed, by a look every
//! few seconds. Tenants come up beside each other: one with many runs holds up its own.

use std::sync::Arc;
use std::time::Duration;

use abide_fair::{Ask, Charge, Slots};
use abide_history::StoreError;
use abide_model::{RunId, Tenant};
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::inner::{Inner, RunKey};
use crate::registry::Message;

const PAGE_RUNS: usize = 256;
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Tenants whose rows are read at the same time.
const TENANTS_AT_ONCE: usize = 64;

/// Drives ready runs until the host stops.
pub(crate) async fn drive(inner: Arc<Inner>) {
    // So many runs come up at the same time; the others wait in the store.
    let most = u32::try_from(2 * inner.config.max_resident).unwrap_or(u32::MAX).max(64);
    let permits = Slots::new(most, Charge::Each);
    // A task that is there when the host comes up was made by a message, and does not know that there is more to do.
    let mut first = true;
    loop {
        if let Err(error) = drive_all(&inner, &permits, std::mem::take(&mut first)).await {
            inner.fail(&error);
            tracing::error!(%error, "the runs that are to be driven cannot be read");
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn drive_all(inner: &Arc<Inner>, permits: &Slots<Tenant>, first: bool) -> Result<(), StoreError> {
    let mut tenants = inner.tenants().into_iter();
    let mut driving: FuturesUnordered<_> =
        tenants.by_ref().take(TENANTS_AT_ONCE).map(|tenant| drive_ready(inner, permits, tenant, first)).collect();
    while let Some(done) = driving.next().await {
        done?;
        driving.extend(tenants.next().map(|tenant| drive_ready(inner, permits, tenant, first)));
    }
    Ok(())
}

/// Drives the ready runs of one tenant.
async fn drive_ready(
    inner: &Arc<Inner>,
    permits: &Slots<Tenant>,
    tenant: Tenant,
    first: bool,
) -> Result<(), StoreError> {
    let weight = inner.share(&tenant).activities.weight();
    // No run has the id of only zeroes: it would be of a time before there were hosts.
    let mut after = (tenant.clone(), RunId::from_bytes([0; 16]));
    loop {
        let page = inner.store.ready(Some(&after), PAGE_RUNS).await?;
        let own: Vec<_> = page.into_iter().take_while(|(owner, _)| *owner == tenant).collect();
        let Some(last) = own.last().cloned() else { return Ok(()) };
        for (tenant, run_id) in own {
            let key = RunKey { tenant, run_id };
            if !first && inner.registry.has(&key) {
                continue;
            }
            let permit = permits.take(Ask::one(key.tenant.clone(), weight)).await;
            if inner.registry.send(inner, &key, Message::Drive(Some(permit))).await.is_err() {
                return Ok(());
            }
        }
        after = last;
    }
}
