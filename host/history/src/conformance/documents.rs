//! Documents, and the record of who did what.

use abide_model::{AuditEntry, AuditId};
use bytes::Bytes;

use super::sample::tenant;
use super::{Place, Tested};
use crate::{Document, DocumentChange, DocumentKind, Owner, StoreError};

fn change(owner: &Owner, name: &str, expected: Option<u64>, value: Option<&'static str>) -> DocumentChange {
    let value = value.map(|text| Bytes::from_static(text.as_bytes()));
    DocumentChange { owner: owner.clone(), kind: DocumentKind::Token, name: name.to_owned(), expected, value }
}

/// Each change counts its revision up, and one that expects another is refused as a whole.
pub async fn documents_have_revisions(place: &dyn Place) -> Tested {
    let (host, acme) = (Owner::Host, Owner::Tenant(tenant("acme")));
    let kind = DocumentKind::Token;
    {
        let store = place.open().await?;
        store.change_documents(vec![change(&acme, "a", Some(0), Some("one"))]).await?;
        store.change_documents(vec![change(&acme, "a", Some(1), Some("two"))]).await?;
        let refused = store
            .change_documents(vec![change(&host, "b", None, Some("never")), change(&acme, "a", Some(1), Some("three"))])
            .await;
        assert_eq!(refused, Err(StoreError::DocumentChanged("a".to_owned())));
        assert_eq!(store.document(&host, kind, "b").await?, None);
    }
    let store = place.open().await?;
    let two = Document { revision: 2, value: Bytes::from_static(b"two") };
    assert_eq!(store.document(&acme, kind, "a").await?, Some(two));
    store.change_documents(vec![change(&acme, "a", Some(2), None)]).await?;
    assert_eq!(store.document(&acme, kind, "a").await?, None);
    let refused = store.change_documents(vec![change(&acme, "a", Some(2), Some("late"))]).await;
    assert_eq!(refused, Err(StoreError::DocumentChanged("a".to_owned())));
    Ok(())
}

/// By owner and kind, sorted by name, in pages.
pub async fn documents_are_listed_by_name(place: &dyn Place) -> Tested {
    let store = place.open().await?;
    let owners = [Owner::Host, Owner::Tenant(tenant("a")), Owner::Tenant(tenant("a-b"))];
    for owner in &owners {
        for name in ["b", "a.b", "a", ""] {
            store.change_documents(vec![change(owner, name, Some(0), Some("x"))]).await?;
        }
    }
    for owner in &owners {
        let mut names: Vec<String> = Vec::new();
        loop {
            let page = store.documents(owner, DocumentKind::Token, names.last().map(String::as_str), 3).await?;
            if page.is_empty() {
                break;
            }
            names.extend(page.into_iter().map(|(name, _)| name));
        }
        assert_eq!(names, ["", "a", "a.b", "b"], "{owner}");
        assert_eq!(store.documents(owner, DocumentKind::Secret, None, 10).await?, []);
    }
    Ok(())
}

/// Latest first; an entry that is written again takes the place of the one before; old ones go.
pub async fn audit_entries_are_kept_and_pruned(place: &dyn Place) -> Tested {
    let (host, acme) = (Owner::Host, Owner::Tenant(tenant("acme")));
    let entry = |actor: &str, status| AuditEntry {
        actor: actor.to_owned(),
        action: "POST /v1/runs".to_owned(),
        target: "/v1/runs".to_owned(),
        status,
    };
    let id = |time_ms| AuditId { time_ms, number: 7 };
    {
        let store = place.open().await?;
        for number in 0..5 {
            store.record_audit(&acme, id(100 + number), entry("ann", None)).await?;
        }
        store.record_audit(&host, id(100), entry("root", None)).await?;
        store.record_audit(&acme, id(104), entry("ann", Some(201))).await?;
    }
    let store = place.open().await?;
    let times = |page: Vec<(AuditId, AuditEntry)>| page.into_iter().map(|(id, _)| id.time_ms).collect::<Vec<_>>();
    let latest = store.audit(&acme, None, 2).await?;
    assert_eq!(latest[0], (id(104), entry("ann", Some(201))));
    assert_eq!(times(latest), [104, 103]);
    assert_eq!(times(store.audit(&acme, Some(id(103)), 10).await?), [102, 101, 100]);
    assert_eq!(store.audit(&host, None, 10).await?, [(id(100), entry("root", None))]);
    store.prune_audit(&acme, 103).await?;
    assert_eq!(times(store.audit(&acme, None, 10).await?), [104, 103]);
    assert_eq!(store.audit(&host, None, 10).await?.len(), 1);
    Ok(())
}
