//! Erasing tenants.

use abide_model::{Digest, RecordedRequest, Request, Tenant};
use bytes::Bytes;

use super::sample::{self, json, run_id, tenant};
use super::{Place, Tested};
use crate::{Commit, KeyUse, RunFilter, RunTimer, Store, StoreError, UploadedTool, Version};

/// Runs open and ended, a fork, a schedule, a version, a tool component.
pub async fn fill(store: &std::sync::Arc<dyn Store>, tenant: &Tenant, text: &str) -> Tested {
    for number in 1..=3 {
        let mut run = sample::run(run_id(number), &format!("ticket-{number}"));
        run.attributes = json(r#"{"customer": "acme"}"#).read().expect("tests give valid attributes");
        let mut start = sample::start(tenant, &run);
        start.events = vec![sample::started(tenant, &run, &format!("{{\"message\":\"{text}\"}}"))];
        let request = Request { head: json("{}"), messages: vec![json(&format!("\"{text}\"")), json("2")] };
        let recorded = RecordedRequest::with_nodes(&request, |digest, node| start.nodes.push((digest, node)));
        start.events.push(sample::requested(1, 0, recorded));
        start.published = vec![("state".into(), json(&format!("\"{text}\"")))];
        start.key = Some(("k".into(), KeyUse { digest: Digest::of(b"k"), seq: 0 }));
        start.timers_set = vec![RunTimer { due_ms: 1, call: 7 }];
        store.commit(start).await?;
    }
    store.commit(sample::end(tenant, &sample::run(run_id(2), "ticket-2"), 2)).await?;
    let fork = sample::run(run_id(4), "fork");
    let commit = Commit {
        events: vec![sample::signal(1, text, None)],
        fork: Some(crate::ForkOf { run_id: run_id(1), cut: 1 }),
        ..sample::start(tenant, &fork)
    };
    store.commit(commit).await?;
    store.change_schedule(sample::make_schedule(tenant, &sample::schedule("nightly", Some(5)))).await?;
    let version = Version {
        workflow: sample::workflow("helpdesk"),
        version: Digest::of(text.as_bytes()),
        uploaded_ms: 1,
        size_bytes: 9,
        imports: Vec::new(),
        has_query: false,
        configuration: None,
        labels: Default::default(),
        deactivated_ms: None,
        manifest: None,
    };
    let mut change = sample::versions_change(store, tenant, &version.workflow).await?;
    change.routing.activate(version.version);
    change.component = Some((version.version, Bytes::copy_from_slice(text.as_bytes())));
    change.put.push(version);
    store.change_versions(change).await?;
    let tool = UploadedTool {
        name: "crm".into(),
        version: Digest::of(b"tool"),
        uploaded_ms: 1,
        size_bytes: 4,
        settings: json(&format!("\"{text}\"")),
    };
    store.put_tool(tenant, tool, Bytes::copy_from_slice(text.as_bytes())).await
}

/// What a look at a tenant shows: how many runs, events, versions, schedules, tool components, and whether something is to be done.
async fn seen(store: &dyn Store, tenant: &Tenant) -> Result<[usize; 6], StoreError> {
    let runs = store.runs(tenant, &RunFilter::default(), None, 100).await?.runs.len();
    let mut events = 0;
    for number in 1..=4 {
        events += store.events(tenant, run_id(number), 0, 100).await?.len();
    }
    let schedules = store.schedules(tenant, None, 100).await?.schedules.len();
    let wakes = store.ready(None, 100).await?.iter().filter(|(owner, _)| owner == tenant).count()
        + store.due_timers(9, 100).await?.iter().filter(|due| due.tenant == *tenant).count()
        + store.due_schedules(9, None, 100).await?.iter().filter(|due| due.tenant == *tenant).count();
    Ok([runs, events, store.versions(tenant, None).await?.len(), schedules, store.tools(tenant).await?.len(), wakes])
}

/// Open runs and all, also after a restart; those whose names begin alike keep everything; and nothing is written for it until its name is
/// released.
pub async fn an_erased_tenant_leaves_nothing_and_nobody_else_misses_anything(place: &dyn Place) -> Tested {
    let (acme, others) = (tenant("acme"), [tenant("acm"), tenant("acme-2"), tenant("acmf")]);
    let store = place.open().await?;
    fill(&store, &acme, "hello").await?;
    for other in &others {
        fill(&store, other, "hello").await?;
    }
    // More rows than one change removes.
    let mut many = Commit::new(acme.clone(), run_id(3), 2);
    many.published = (0..3000).map(|number| (format!("value-{number}"), json("1"))).collect();
    store.commit(many).await?;
    let before = seen(&*store, &others[0]).await?;
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    store.erase(&acme).await?;
    assert_eq!(seen(&*store, &acme).await?, [0; 6]);
    let late = store.commit(sample::start(&acme, &sample::run(run_id(9), "late"))).await;
    assert_eq!(late, Err(StoreError::Erased(acme.clone())));
    let late = store.change_schedule(sample::make_schedule(&acme, &sample::schedule("late", None))).await;
    assert_eq!(late, Err(StoreError::Erased(acme.clone())));
    // One that is there no more, and one that never was.
    store.erase(&acme).await?;
    store.erase(&tenant("nobody")).await?;
    drop(store);
    let store = place.open().await?;
    assert_eq!(seen(&*store, &acme).await?, [0; 6]);
    for other in &others {
        assert_eq!(seen(&*store, other).await?, before);
    }
    // The name can be used again.
    store.keyring().release(&acme);
    fill(&store, &acme, "hello").await?;
    assert_eq!(seen(&*store, &acme).await?, before);
    Ok(())
}
