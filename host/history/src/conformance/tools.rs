//! Tool components that were uploaded.

use abide_model::{Digest, Json};
use bytes::Bytes;

use super::sample::tenant;
use super::{Place, Tested};
use crate::UploadedTool;

fn tool(name: &str, component: &[u8], uploaded_ms: u64) -> UploadedTool {
    UploadedTool {
        name: name.to_owned(),
        version: Digest::of(component),
        uploaded_ms,
        size_bytes: component.len() as u64,
        settings: Json::of(&uploaded_ms).unwrap_or_else(|_| Json::null()),
    }
}

/// Also where the new one is smaller, and after a restart.
pub async fn a_tool_component_takes_the_place_of_the_one_before(place: &dyn Place) -> Tested {
    let acme = tenant("acme");
    let large: Bytes = (0..5_000_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9) as u8).collect();
    let small = Bytes::from_static(b"small");
    {
        let store = place.open().await?;
        for (component, time) in [(&small, 1), (&large, 2)] {
            store.put_tool(&acme, tool("crm", component, time), component.clone()).await?;
            assert!(store.tool_component(&acme, "crm").await? == Some(component.clone()), "the one of {time}");
        }
    }
    {
        let store = place.open().await?;
        assert!(store.tool_component(&acme, "crm").await? == Some(large), "after a restart");
        store.put_tool(&acme, tool("crm", &small, 3), small.clone()).await?;
    }
    let store = place.open().await?;
    assert_eq!(store.tool_component(&acme, "crm").await?, Some(small.clone()));
    assert_eq!(store.tools(&acme).await?, [tool("crm", &small, 3)]);
    Ok(())
}

/// And the others are as they were.
pub async fn a_deleted_tool_component_leaves_nothing(place: &dyn Place) -> Tested {
    let (acme, acme_2) = (tenant("acme"), tenant("acme-2"));
    let component = Bytes::from_static(b"component");
    {
        let store = place.open().await?;
        store.delete_tool(&acme, "crm").await?;
        for (owner, name) in [(&acme, "crm"), (&acme, "crm-2"), (&acme, "cr"), (&acme_2, "crm")] {
            store.put_tool(owner, tool(name, &component, 1), component.clone()).await?;
        }
        store.delete_tool(&acme, "crm").await?;
    }
    let store = place.open().await?;
    assert_eq!(store.tool_component(&acme, "crm").await?, None);
    assert_eq!(store.tools(&acme).await?, [tool("cr", &component, 1), tool("crm-2", &component, 1)]);
    assert_eq!(store.tools(&acme_2).await?, [tool("crm", &component, 1)]);
    for (owner, name) in [(&acme, "crm-2"), (&acme, "cr"), (&acme_2, "crm")] {
        assert_eq!(store.tool_component(owner, name).await?, Some(component.clone()), "{name}");
    }
    Ok(())
}

/// A tenant does not see another's.
pub async fn tool_components_are_listed_by_name(place: &dyn Place) -> Tested {
    let (store, acme) = (place.open().await?, tenant("acme"));
    let component = Bytes::from_static(b"component");
    for name in ["b", "a.b", "a", "A"] {
        store.put_tool(&acme, tool(name, &component, 1), component.clone()).await?;
    }
    let names: Vec<_> = store.tools(&acme).await?.into_iter().map(|tool| tool.name).collect();
    assert_eq!(names, ["A", "a", "a.b", "b"]);
    assert_eq!(store.tools(&tenant("other")).await?, []);
    Ok(())
}
