//! Quotas: at each, work waits or is refused by its kind, and another tenant is not concerned.

use std::time::{Duration, Instant};

use abide_model::{CallerId, ErrorCode, Json, ParkKind, RunStatus, SettingKind, Tenant};
use abide_runtime::view::StartRun;
use abide_tests::{LocalHost, ScriptedPerformer, guest};
use serde_json::{Value, json};

use crate::support::{Arena, answer, assert_kind, name, neighbour, result};

async fn set(arena: &Arena, quotas: Value) {
    let local = &arena.local;
    local.host.put_setting(&local.tenant, SettingKind::Quotas, Json::from(&quotas), None).await.unwrap();
}

async fn start(local: &LocalHost, id: &str) -> Result<abide_model::RunRef, abide_model::Error> {
    let start = StartRun {
        id: Some(CallerId::parse(id).unwrap()),
        input: Json::from(&json!({ "do": "wait" })),
        ..StartRun::of(name("hostile"))
    };
    local.host.start(&local.tenant, start).await.map(|started| abide_model::RunRef::Run(started.run.run_id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_runs_are_counted_exactly() {
    let arena = Arena::new().await;
    set(&arena, json!({ "open_runs": 10 })).await;
    let local = &arena.local;
    // All at once: as many as may be, and not one more.
    let mut starts = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (host, tenant) = (local.host.clone(), local.tenant.clone());
        starts.spawn(async move {
            let start = StartRun {
                id: Some(CallerId::parse(&format!("r-{number}")).unwrap()),
                input: Json::from(&json!({ "do": "wait" })),
                ..StartRun::of(name("hostile"))
            };
            host.start(&tenant, start).await.map(|started| started.run.run_id)
        });
    }
    let (started, refused): (Vec<_>, Vec<_>) = starts.join_all().await.into_iter().partition(Result::is_ok);
    assert!(started.len() <= 10, "{} were started", started.len());
    assert!(refused.iter().all(|start| start.as_ref().unwrap_err().code == ErrorCode::QuotaExceeded), "{refused:?}");
    let mut number = 0;
    while local.host.usage(&local.tenant).await.unwrap().open_runs < 10 {
        number += 1;
        start(local, &format!("more-{number}")).await.unwrap();
    }
    let error = start(local, "one-more").await.unwrap_err();
    assert!(error.message.contains("10 open runs"), "{error}");
    // One that ends makes room, and it is counted by the store: after a crash it is the same.
    let run = abide_model::RunRef::Run(started.into_iter().next().unwrap().unwrap());
    local.signal(&run, "go", json!(1)).await;
    local.result(&run).await;
    start(local, "next").await.unwrap();
    assert_eq!(local.host.usage(&local.tenant).await.unwrap().open_runs, 10);
    local.host.delete_setting(&local.tenant, SettingKind::Quotas).await.unwrap();
    arena.contained(512 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_without_end_meet_the_quota() {
    let arena = Arena::new().await;
    set(&arena, json!({ "open_runs": 50 })).await;
    arena.attack(json!({ "do": "children", "width": 10 })).await;
    let began = Instant::now();
    while arena.local.host.usage(&arena.local.tenant).await.unwrap().open_runs < 50 {
        assert!(began.elapsed() < Duration::from_secs(30), "the children do not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(arena.local.host.usage(&arena.local.tenant).await.unwrap().open_runs, 50);
    arena.local.host.delete_setting(&arena.local.tenant, SettingKind::Quotas).await.unwrap();
    arena.contained(512 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_have_a_rate() {
    let arena = Arena::new().await;
    set(&arena, json!({ "starts_per_second": 5 })).await;
    let mut refused = None;
    for number in 0..6 {
        refused = start(&arena.local, &format!("r-{number}")).await.err();
    }
    let refused = refused.expect("the sixth start of a second is refused");
    assert_eq!(refused.code, ErrorCode::QuotaExceeded);
    let wait_ms = refused.retry_after_ms.unwrap();
    assert!((1..=1000).contains(&wait_ms), "{wait_ms}");
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    start(&arena.local, "later").await.unwrap();
    arena.local.host.delete_setting(&arena.local.tenant, SettingKind::Quotas).await.unwrap();
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_wait_for_their_quota() {
    let most = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let under_way = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let performer = ScriptedPerformer::new({
        let (most, under_way) = (most.clone(), under_way.clone());
        move |activity| {
            let (most, under_way) = (most.clone(), under_way.clone());
            async move {
                use std::sync::atomic::Ordering::SeqCst;
                most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(Duration::from_millis(2)).await;
                under_way.fetch_sub(1, SeqCst);
                answer(activity).await
            }
        }
    });
    let local = LocalHost::new(performer).await;
    local.deploy("hostile").await;
    let quotas = Json::from(&json!({ "calls_in_flight": 3 }));
    local.host.put_setting(&local.tenant, SettingKind::Quotas, quotas, None).await.unwrap();
    let run = local.start("hostile", "calls", json!({ "do": "calls", "count": 60 })).await;
    assert_eq!(result(&local.result(&run).await), 0);
    assert_eq!(most.load(std::sync::atomic::Ordering::SeqCst), 3);

    let quotas = Json::from(&json!({ "calls_per_second": 20 }));
    local.host.put_setting(&local.tenant, SettingKind::Quotas, quotas, None).await.unwrap();
    let began = Instant::now();
    let run = local.start("hostile", "paced", json!({ "do": "calls", "count": 40 })).await;
    assert_eq!(result(&local.result(&run).await), 0);
    assert!(began.elapsed() >= Duration::from_millis(900), "40 calls took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_is_counted_and_bounded() {
    let arena = Arena::new().await;
    let (host, tenant) = (arena.local.host.clone(), arena.local.tenant.clone());
    let before = host.usage(&tenant).await.unwrap();
    assert!(before.stored_bytes > 10_000, "a component is stored: {before:?}");
    set(&arena, json!({ "stored_bytes": before.stored_bytes + 300_000 })).await;
    let run = arena.attack(json!({ "do": "grow" })).await;
    let reason = arena.local.until(&run, RunStatus::Parked).await.parked.unwrap();
    assert_kind(&reason, ParkKind::QuotaExceeded, "its quota is");
    let error = start(&arena.local, "no-room").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::QuotaExceeded, "{error}");
    let error = host.deploy(&tenant, &name("more"), guest("waiter")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::QuotaExceeded, "{error}");
    // What is deleted does not count, and the counts of the store are those of its rows after it was opened anew.
    host.terminate(&tenant, &run, "enough").await.unwrap();
    let used = host.usage(&tenant).await.unwrap().stored_bytes;
    host.delete(&tenant, &run).await.unwrap();
    assert!(host.usage(&tenant).await.unwrap().stored_bytes < used);
    host.delete_setting(&tenant, SettingKind::Quotas).await.unwrap();
    arena.contained(384 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_the_size_of_components_have_quotas() {
    let arena = Arena::new().await;
    let (host, tenant) = (arena.local.host.clone(), arena.local.tenant.clone());
    set(&arena, json!({ "versions": 1 })).await;
    let error = host.deploy(&tenant, &name("more"), guest("waiter")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::QuotaExceeded, "{error}");
    set(&arena, json!({ "component_bytes": 1000 })).await;
    let error = host.deploy(&tenant, &name("more"), guest("waiter")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge, "{error}");
    let other: Tenant = neighbour();
    host.deploy(&other, &name("more"), guest("waiter")).await.unwrap();
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guests_in_memory_have_a_quota() {
    let arena = Arena::new().await;
    set(&arena, json!({ "resident_guests": 2 })).await;
    let mut runs = Vec::new();
    for number in 0..10 {
        runs.push(start(&arena.local, &format!("r-{number}")).await.unwrap());
    }
    for run in &runs {
        arena.local.until_length(run, 2).await;
        assert!(arena.local.host.usage(&arena.local.tenant).await.unwrap().resident_guests <= 2);
    }
    for run in &runs {
        arena.local.signal(run, "go", json!(1)).await;
        arena.local.result(run).await;
    }
    arena.contained(256 << 20).await;
}
