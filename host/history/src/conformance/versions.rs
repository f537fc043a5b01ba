//! Versions and their components.

use std::sync::Arc;

use abide_model::{Digest, Label, Labels, Routing, Tenant, WorkflowName};
use bytes::Bytes;

use super::sample::{self, tenant, workflow};
use super::{Place, Tested};
use crate::{Store, StoreError, Version, VersionsChange};

fn version(name: &str, component: &[u8], uploaded_ms: u64) -> Version {
    Version {
        workflow: workflow(name),
        version: Digest::of(component),
        uploaded_ms,
        size_bytes: component.len() as u64,
        imports: vec!["abide:workflow/tools".into()],
        has_query: uploaded_ms % 2 == 1,
        configuration: None,
        labels: Labels::default(),
        deactivated_ms: None,
        manifest: None,
    }
}

/// Stores a version and makes it the active one of its workflow.
async fn put(store: &Arc<dyn Store>, tenant: &Tenant, version: Version, component: Bytes) -> Tested {
    let mut change = sample::versions_change(store, tenant, &version.workflow).await?;
    change.routing.activate(version.version);
    change.component = Some((version.version, component));
    change.put.push(version);
    store.change_versions(change).await
}

async fn active(store: &Arc<dyn Store>, tenant: &Tenant, name: &WorkflowName) -> Result<Option<Digest>, StoreError> {
    Ok(store.routing(tenant, name).await?.active)
}

/// Also after a restart.
pub async fn the_last_version_that_came_is_active(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let name = workflow("helpdesk");
    {
        let store = place.open().await?;
        assert_eq!(active(&store, &acme, &name).await?, None);
        for (component, time) in [("one", 5), ("two", 6), ("three", 7)] {
            let version = version("helpdesk", component.as_bytes(), time);
            put(&store, &acme, version, Bytes::from(component)).await?;
            assert_eq!(active(&store, &acme, &name).await?, Some(Digest::of(component.as_bytes())));
        }
    }
    let store = place.open().await?;
    assert_eq!(active(&store, &acme, &name).await?, Some(Digest::of(b"three")));
    assert_eq!(active(&store, &acme, &workflow("help")).await?, None);
    Ok(())
}

/// In the order in which they came, even if the clock went back.
pub async fn versions_are_listed_oldest_first(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let all = [
        version("helpdesk", b"one", 9),
        version("billing", b"two", 8),
        version("helpdesk", b"three", 7),
        version("helpdesk-2", b"one", 6),
    ];
    for version in &all {
        put(&store, &acme, version.clone(), Bytes::from_static(b"component")).await?;
    }
    assert_eq!(store.versions(&acme, None).await?, all);
    let of = |name| workflow(name);
    assert_eq!(store.versions(&acme, Some(&of("helpdesk"))).await?, [all[0].clone(), all[2].clone()]);
    assert_eq!(store.versions(&acme, Some(&of("billing"))).await?, [all[1].clone()]);
    assert_eq!(store.versions(&acme, Some(&of("help"))).await?, []);
    Ok(())
}

/// So an older version is made active again by uploading it again.
pub async fn a_version_that_comes_again_keeps_its_place_and_is_active(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let (one, two) = (version("helpdesk", b"one", 1), version("helpdesk", b"two", 2));
    put(&store, &acme, one.clone(), Bytes::from_static(b"one")).await?;
    put(&store, &acme, two.clone(), Bytes::from_static(b"two")).await?;
    put(&store, &acme, one.clone(), Bytes::from_static(b"one")).await?;
    assert_eq!(store.versions(&acme, Some(&one.workflow)).await?, [one.clone(), two]);
    assert_eq!(active(&store, &acme, &one.workflow).await?, Some(one.version));
    Ok(())
}

/// Of every size around the bounds of a row, and shared between workflows.
pub async fn components_come_back_whole(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let component = |size: usize| -> Bytes { (0..size).map(|n| (n as u64).wrapping_mul(0x9e37_79b9) as u8).collect() };
    let sizes = [0, 1, (1 << 20) - 1025, (1 << 20) - 1024, (1 << 20) - 1023, 1 << 20, 5_000_000];
    {
        let store = place.open().await?;
        for (number, size) in (0..).zip(sizes) {
            let component = component(size);
            for name in ["helpdesk", "billing"] {
                put(&store, &acme, version(name, &component, number), component.clone()).await?;
            }
        }
    }
    let store = place.open().await?;
    for size in sizes {
        let component = component(size);
        let found = store.component(&acme, Digest::of(&component)).await?;
        assert!(found == Some(component), "a component of {size} bytes");
    }
    assert_eq!(store.component(&acme, Digest::of(b"another")).await?, None);
    Ok(())
}

/// A tenant does not see another's uploads, though the file is the same.
pub async fn versions_of_tenants_are_apart(place: &dyn Place) -> Tested {
    let (store, acme, acme_2) = (place.open().await?, tenant("acme"), tenant("acme-2"));
    let one = version("helpdesk", b"one", 1);
    put(&store, &acme, one.clone(), Bytes::from_static(b"one")).await?;
    assert_eq!(store.versions(&acme_2, None).await?, []);
    assert_eq!(active(&store, &acme_2, &one.workflow).await?, None);
    assert_eq!(store.component(&acme_2, one.version).await?, None);
    Ok(())
}

/// Who changes the versions of a workflow knows what it changes.
pub async fn versions_of_another_revision_are_not_changed(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let one = version("helpdesk", b"one", 1);
    let first = sample::versions_change(&store, &acme, &one.workflow).await?;
    put(&store, &acme, one.clone(), Bytes::from_static(b"one")).await?;
    let refused = Err(StoreError::VersionsChanged(one.workflow.clone()));
    assert_eq!(store.change_versions(first.clone()).await, refused);
    assert_eq!(store.routing(&acme, &one.workflow).await?.active, Some(one.version));
    // A revision goes up, and a change puts no version that it removes.
    let change = sample::versions_change(&store, &acme, &one.workflow).await?;
    let old = VersionsChange { routing: Routing::default(), ..change.clone() };
    let both = VersionsChange { put: vec![one.clone()], remove: Some(one.version), ..change };
    for wrong in [old, both] {
        assert!(matches!(store.change_versions(wrong).await, Err(StoreError::Invalid(_))));
    }
    Ok(())
}

/// With its component, unless another workflow has the same one.
pub async fn a_version_that_is_removed_is_gone(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let (one, two) = (version("helpdesk", b"one", 1), version("helpdesk", b"two", 2));
    let same = version("billing", b"two", 3);
    {
        let store = place.open().await?;
        for (version, component) in [(&one, "one"), (&two, "two"), (&same, "two")] {
            put(&store, &acme, version.clone(), Bytes::from(component)).await?;
        }
        for digest in [one.version, two.version] {
            let mut change = sample::versions_change(&store, &acme, &one.workflow).await?;
            change.remove = Some(digest);
            store.change_versions(change).await?;
        }
    }
    let store = place.open().await?;
    assert_eq!(store.versions(&acme, None).await?, [same]);
    assert_eq!(store.component(&acme, one.version).await?, None);
    assert_eq!(store.component(&acme, two.version).await?, Some(Bytes::from_static(b"two")));
    Ok(())
}

/// Labels and what else changes of a version, and the routing, come back as they were written.
pub async fn what_changes_of_a_version_is_kept(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let mut one = version("helpdesk", b"one", 1);
    let routing = {
        let store = place.open().await?;
        put(&store, &acme, one.clone(), Bytes::from_static(b"one")).await?;
        one.labels.add(Label::parse("stable").expect("a label")).expect("there is room");
        one.deactivated_ms = Some(5);
        let mut change = sample::versions_change(&store, &acme, &one.workflow).await?;
        change.put.push(one.clone());
        change.routing.set_ramp(Digest::of(b"two"), 10).expect("a ramp");
        let routing = change.routing.clone();
        store.change_versions(change).await?;
        routing
    };
    let store = place.open().await?;
    assert_eq!(store.versions(&acme, None).await?, [one.clone()]);
    assert_eq!(store.routing(&acme, &one.workflow).await?, routing);
    assert_eq!(store.routing(&acme, &workflow("billing")).await?, Routing::default());
    Ok(())
}
