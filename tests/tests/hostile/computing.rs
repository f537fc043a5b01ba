//! Attacks on time and memory: loops, recursion, memory without end.

use std::time::{Duration, Instant};

use abide_model::{ParkKind, RunStatus};
use serde_json::json;

use crate::support::{Arena, assert_kind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_loops_cost_a_neighbour_its_share_and_no_more() {
    let arena = Arena::with(|config| config.limits.turn_ms = Some(3000)).await;
    let mut loops = Vec::new();
    for _ in 0..20 {
        loops.push(arena.attack(json!({ "do": "loop" })).await);
    }
    for run in &loops {
        let reason = arena.local.until(run, RunStatus::Parked).await.parked.unwrap();
        assert!(matches!(reason.kind, ParkKind::FuelExhausted | ParkKind::TurnTooLong), "{reason:?}");
    }
    let progress = arena.contained(512 << 20).await;
    // Twenty loops take many seconds of all turns; each run of the neighbour takes a few of them.
    assert!(progress.longest < Duration::from_secs(2), "{progress:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_costs_no_fuel_ends_with_the_time_of_a_turn() {
    let arena = Arena::with(|config| config.limits.turn_ms = Some(300)).await;
    let began = Instant::now();
    let reason = arena.parked_by(json!({ "do": "random" })).await;
    assert_kind(&reason, ParkKind::TurnTooLong, "limits.turn_ms");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_without_end_parks() {
    let arena = Arena::new().await;
    for _ in 0..5 {
        let reason = arena.parked_by(json!({ "do": "memory" })).await;
        assert_kind(&reason, ParkKind::MemoryExceeded, "limits.memory_bytes");
    }
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recursion_without_end_parks() {
    let arena = Arena::new().await;
    let reason = arena.parked_by(json!({ "do": "recurse" })).await;
    assert!(matches!(reason.kind, ParkKind::StackExhausted | ParkKind::Trap), "{reason:?}");
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_go_on_for_ever_can_be_ended() {
    let arena = Arena::new().await;
    let run = arena.attack(json!({ "do": "continue", "so_far": 0 })).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let row = arena.local.host.describe(&arena.local.tenant, &run).await.unwrap().run;
    assert_eq!(row.status, RunStatus::Continued);
    arena.local.host.terminate(&arena.local.tenant, &abide_model::RunRef::Caller(row.id), "enough").await.unwrap();
    arena.contained(512 << 20).await;
}
