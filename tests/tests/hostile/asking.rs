//! Traps where the host asks the guest something: in queries, updates, the cleanup.

use abide_model::{ErrorCode, Json, ParkKind, RunStatus};
use abide_runtime::view::{UpdateRun, WaitFor};
use serde_json::json;

use crate::support::{Arena, assert_kind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_in_a_query_is_the_querys_own() {
    let arena = Arena::new().await;
    let run = arena.attack(json!({ "do": "trap_in_query" })).await;
    arena.local.until_length(&run, 2).await;
    let (host, tenant) = (&arena.local.host, &arena.local.tenant);
    for query in ["trap", "loop"] {
        let error = host.query(tenant, &run, query, Json::null()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::QueryFailed, "{error}");
    }
    // Many at a time, which all take their turns.
    let asked = (0..6).map(|_| host.query(tenant, &run, "loop", Json::null()));
    assert!(futures(asked).await.into_iter().all(|answer| answer.is_err()));
    arena.local.signal(&run, "go", json!(7)).await;
    assert_eq!(arena.local.result(&run).await.status, RunStatus::Completed);
    arena.contained(512 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_at_an_update_parks_the_run() {
    let arena = Arena::new().await;
    let run = arena.attack(json!({ "do": "trap_in_update" })).await;
    let update = UpdateRun { id: None, name: "any".to_owned(), arguments: Json::null(), wait_for: WaitFor::default() };
    drop(arena.local.host.update(&arena.local.tenant, &run, update, std::time::Duration::from_millis(100)).await);
    let reason = arena.local.until(&run, RunStatus::Parked).await.parked.unwrap();
    assert_kind(&reason, ParkKind::Trap, "told any");
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_in_the_cleanup_parks_the_run() {
    let arena = Arena::new().await;
    let reason = arena.parked_by(json!({ "do": "trap_in_cleanup" })).await;
    assert_kind(&reason, ParkKind::Trap, "in the cleanup");
    let reason = arena.parked_by(json!({ "do": "trap_with_calls" })).await;
    assert_kind(&reason, ParkKind::Trap, "with a call under way");
    arena.contained(256 << 20).await;
}

async fn futures<F: Future>(all: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F::Output: Send,
{
    let mut done = Vec::new();
    let mut under_way: Vec<_> = all.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|context| {
        under_way.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if under_way.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}
