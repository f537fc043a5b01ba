//! Machine code ahead of time: after its start, a host loads the versions that new runs take, one after the other, so that the first run after a new
//! release of the host does not wait for the compiler. Nothing depends on it: a run that comes first has its component compiled at once.

use std::sync::Arc;
use std::time::Instant;

use abide_model::Tenant;

use crate::inner::Inner;

pub(crate) async fn warm(inner: Arc<Inner>) {
    tokio::select! {
        () = inner.stopping.cancelled() => {}
        () = load_all(&inner) => {}
    }
}

async fn load_all(inner: &Inner) {
    for tenant in inner.tenants() {
        load_all_of(inner, &tenant).await;
    }
}

async fn load_all_of(inner: &Inner, tenant: &Tenant) {
    let versions = match inner.store.versions(tenant, None).await {
        Ok(versions) => versions,
        Err(error) => return tracing::warn!(%error, "the versions cannot be read, and are loaded when they are needed"),
    };
    let mut workflows: Vec<_> = versions.into_iter().map(|version| version.workflow).collect();
    workflows.dedup();
    for workflow in workflows {
        let Ok(routing) = inner.store.routing(tenant, &workflow).await else { continue };
        for digest in routing.active.into_iter().chain(routing.ramp.map(|ramp| ramp.version)) {
            let began = Instant::now();
            match inner.programs.get(tenant, digest).await {
                Ok(_) => {
                    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                    tracing::debug!(%workflow, %digest, took_ms, "loaded a version that new runs take");
                }
                Err(error) => {
                    tracing::warn!(%workflow, %digest, %error, "a version that new runs take cannot be loaded")
                }
            }
        }
    }
}
