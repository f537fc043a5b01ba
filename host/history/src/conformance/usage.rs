//! What a tenant has, counted in the changes themselves.

use super::sample::{self, tenant};
use super::{Place, Tested};
use crate::Usage;

/// Open runs are those that have not ended, and bytes come and go with rows; each tenant for itself, also after a restart.
pub async fn what_a_tenant_has_is_counted(place: &dyn Place) -> Tested {
    let (acme, other) = (tenant("acme"), tenant("other"));
    let runs: Vec<_> = (1..=3).map(|number| sample::run(sample::run_id(number), &format!("r-{number}"))).collect();
    let (before, open) = {
        let store = place.open().await?;
        assert_eq!(store.usage(&acme).await?, Usage::default());
        for run in &runs {
            store.commit(sample::start(&acme, run)).await?;
        }
        let started = store.usage(&acme).await?;
        assert_eq!(started.open_runs, 3);
        // One that is refused leaves no trace.
        assert!(store.commit(sample::start(&acme, &runs[0])).await.is_err());
        assert_eq!(store.usage(&acme).await?, started);
        store.commit(sample::step(&acme, runs[1].run_id, 1, 0)).await?;
        let stepped = store.usage(&acme).await?;
        assert!(stepped.stored_bytes > started.stored_bytes && stepped.open_runs == 3, "{stepped:?}");
        assert_eq!(store.usage(&other).await?, Usage::default());
        (started, stepped)
    };
    let store = place.open().await?;
    assert_eq!(store.usage(&acme).await?, open);
    store.commit(sample::end(&acme, &runs[0], 1)).await?;
    assert_eq!(store.usage(&acme).await?.open_runs, 2);
    store.delete(&acme, runs[0].run_id).await?;
    let after = store.usage(&acme).await?;
    assert!(after.open_runs == 2 && after.stored_bytes < before.stored_bytes.max(open.stored_bytes), "{after:?}");
    Ok(())
}
