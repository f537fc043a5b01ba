//! Components that no toolchain makes: written by hand, so that they do what Rust cannot.

use abide_model::{ParkKind, RunStatus};
use bytes::Bytes;
use serde_json::json;

use crate::support::{Arena, assert_kind, name};

/// A workflow in plain functions whose `run` does `body`, and then traps. `core` stands in the module, `canon` before its instance, whose
/// functions it may import from `host`.
fn workflow(core: &str, canon: &str, body: &str) -> Bytes {
    let text = format!(
        r#"(component
          {canon}
          (core module $m
            {core}
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func (export "run") (param i32 i32) (result i32) {body} unreachable))
          (core instance $i (instantiate $m (with "host" (instance $host))))
          (func (export "run") (param "input" string) (result (result string (error string)))
            (canon lift (core func $i "run") (memory $i "memory") (realloc (func $i "realloc")))))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).into()
}

const NOTHING: &str = r#"(core instance $host)"#;

async fn parked_by(arena: &Arena, component: Bytes) -> abide_model::ParkReason {
    let local = &arena.local;
    local.host.deploy(&local.tenant, &name("by-hand"), component).await.unwrap();
    let run = local.start("by-hand", "by-hand", json!(null)).await;
    let reason = local.until(&run, RunStatus::Parked).await.parked.unwrap();
    local.host.terminate(&local.tenant, &run, "enough").await.unwrap();
    reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_count_as_memory() {
    // The guest of the neighbour has a little more than a megabyte.
    let arena = Arena::with(|config| config.limits.memory_bytes = 1_500_000).await;
    let table = "(table $t 0 funcref)";
    let grow = |elements: u32| format!("(drop (table.grow $t (ref.null func) (i32.const {elements})))");
    let reason = parked_by(&arena, workflow(table, NOTHING, &grow(190_000))).await;
    assert_kind(&reason, ParkKind::MemoryExceeded, "memory and tables");
    let reason = parked_by(&arena, workflow(table, NOTHING, &grow(900_000))).await;
    assert_kind(&reason, ParkKind::MemoryExceeded, "table");
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stack_without_end_parks() {
    let arena = Arena::new().await;
    let core = "(func $deep (param i64 i64 i64 i64) (call $deep (local.get 0) (local.get 1) (local.get 2) (local.get 3)) unreachable)";
    let reason = parked_by(
        &arena,
        workflow(core, NOTHING, "(call $deep (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4))"),
    )
    .await;
    assert_eq!(reason.kind, ParkKind::StackExhausted, "{reason:?}");
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_before_anything_begins_parks() {
    let arena = Arena::new().await;
    let reason = parked_by(&arena, workflow("(func $begin (loop (br 0))) (start $begin)", NOTHING, "")).await;
    assert_eq!(reason.kind, ParkKind::FuelExhausted, "{reason:?}");
    arena.contained(256 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_that_are_never_let_go_are_bounded() {
    let arena = Arena::with(|config| config.limits.step_fuel = 10_000_000_000).await;
    for (intrinsic, signature) in [
        ("(canon waitable-set.new (core func $leak))", "(result i32)"),
        ("(type $s (stream u8)) (canon stream.new $s (core func $leak))", "(result i64)"),
        ("(type $s (future)) (canon future.new $s (core func $leak))", "(result i64)"),
    ] {
        let canon = format!(r#"{intrinsic} (core instance $host (export "leak" (func $leak)))"#);
        let core = format!(r#"(import "host" "leak" (func $leak {signature}))"#);
        let reason = parked_by(&arena, workflow(&core, &canon, "(loop (drop (call $leak)) (br 0))")).await;
        assert!(matches!(reason.kind, ParkKind::GuestError | ParkKind::Trap), "{intrinsic}: {reason:?}");
        assert!(!reason.message.is_empty());
    }
    arena.contained(384 << 20).await;
}

/// An ordinary program that writes to its standard output for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_without_end_fills_nothing() {
    let arena = Arena::with(|config| config.limits.turn_ms = Some(3000)).await;
    let program = r#"(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 2)
      (func (export "_start")
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 65536))
        (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))) (br 0))))"#;
    let reason = parked_by(&arena, wat::parse_str(program).unwrap().into()).await;
    assert!(matches!(reason.kind, ParkKind::FuelExhausted | ParkKind::TurnTooLong), "{reason:?}");
    arena.contained(256 << 20).await;
}
