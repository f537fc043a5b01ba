//! Versions and their components.

use abide_model::Digest;
use bytes::Bytes;

use super::sample::{tenant, workflow};
use super::{Place, Tested};
use crate::Version;

fn version(name: &str, component: &[u8], uploaded_ms: u64) -> Version {
    Version {
        workflow: workflow(name),
        version: Digest::of(component),
        uploaded_ms,
        size_bytes: component.len() as u64,
        imports: vec!["abide:workflow/tools".into()],
        has_query: uploaded_ms % 2 == 1,
        configuration: None,
    }
}

/// Also after a restart.
pub async fn the_last_version_that_came_is_active(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let name = workflow("helpdesk");
    {
        let store = place.open().await?;
        assert_eq!(store.active_version(&acme, &name).await?, None);
        for (component, time) in [("one", 5), ("two", 6), ("three", 7)] {
            let version = version("helpdesk", component.as_bytes(), time);
            store.put_version(&acme, version, Bytes::from(component)).await?;
            assert_eq!(store.active_version(&acme, &name).await?, Some(Digest::of(component.as_bytes())));
        }
    }
    let store = place.open().await?;
    assert_eq!(store.active_version(&acme, &name).await?, Some(Digest::of(b"three")));
    assert_eq!(store.active_version(&acme, &workflow("help")).await?, None);
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
        store.put_version(&acme, version.clone(), Bytes::from_static(b"component")).await?;
    }
    assert_eq!(store.versions(&acme, None).await?, all);
    let of = |name| workflow(name);
    assert_eq!(store.versions(&acme, Some(&of("helpdesk"))).await?, [all[0].clone(), all[2].clone()]);
    assert_eq!(store.versions(&acme, Some(&of("billing"))).await?, [all[1].clone()]);
    assert_eq!(store.versions(&acme, Some(&of("help"))).await?, []);
    Ok(())
}

/// So an older version is made active again by uploading it again.
pub async fn a_version_that_comes_again_keeps_its_row_and_is_active(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let (one, two) = (version("helpdesk", b"one", 1), version("helpdesk", b"two", 2));
    store.put_version(&acme, one.clone(), Bytes::from_static(b"one")).await?;
    store.put_version(&acme, two.clone(), Bytes::from_static(b"two")).await?;
    store.put_version(&acme, version("helpdesk", b"one", 3), Bytes::from_static(b"one")).await?;
    assert_eq!(store.versions(&acme, Some(&one.workflow)).await?, [one.clone(), two]);
    assert_eq!(store.active_version(&acme, &one.workflow).await?, Some(one.version));
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
                store.put_version(&acme, version(name, &component, number), component.clone()).await?;
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
    store.put_version(&acme, one.clone(), Bytes::from_static(b"one")).await?;
    assert_eq!(store.versions(&acme_2, None).await?, []);
    assert_eq!(store.active_version(&acme_2, &one.workflow).await?, None);
    assert_eq!(store.component(&acme_2, one.version).await?, None);
    Ok(())
}
