//! The policy `automatic`: when a version becomes active, the open runs of its workflow go on with it, if their histories allow.
//!
//! What is to be done follows from the rows: open runs that are on another version than the active one, are not pinned, and were not held
//! back from that version already. So a crash loses nothing, and a look now and then finds what a start in the same moment left behind.

use std::sync::Arc;
use std::time::Duration;

use abide_model::{Error, SwapPolicy, Tenant, WorkflowName};

use crate::Host;
use crate::inner::Inner;

/// How often the rows are looked at without a reason.
const LOOK: Duration = Duration::from_secs(30);

pub(crate) async fn keep(host: Host) {
    let inner: Arc<Inner> = host.inner.clone();
    loop {
        if let Err(error) = look(&host).await {
            tracing::warn!(%error, "runs could not be swapped, and are looked at again");
        }
        tokio::select! {
            () = inner.swap_hint.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            () = inner.stopping.cancelled() => return,
        }
    }
}

async fn look(host: &Host) -> Result<(), Error> {
    for tenant in host.inner.tenants() {
        look_at(host, &tenant).await?;
    }
    Ok(())
}

async fn look_at(host: &Host, tenant: &Tenant) -> Result<(), Error> {
    let mut workflows: Vec<_> =
        host.inner.store.versions(tenant, None).await?.into_iter().map(|version| version.workflow).collect();
    workflows.sort_unstable();
    workflows.dedup();
    for workflow in workflows {
        swap(host, tenant, &workflow).await?;
    }
    Ok(())
}

async fn swap(host: &Host, tenant: &Tenant, workflow: &WorkflowName) -> Result<(), Error> {
    let routing = host.inner.store.routing(tenant, workflow).await?;
    let (SwapPolicy::Automatic, Some(version)) = (routing.swap, routing.active) else { return Ok(()) };
    let swapped = tokio::select! {
        swapped = host.swap_all(tenant, workflow, version) => swapped?,
        () = host.inner.stopping.cancelled() => return Ok(()),
    };
    let changed: u64 = swapped.iter().filter(|(verdict, _)| *verdict != "unchanged").map(|(_, count)| count).sum();
    if changed > 0 {
        tracing::info!(%workflow, %version, ?swapped, "runs were swapped to the active version");
    }
    Ok(())
}
