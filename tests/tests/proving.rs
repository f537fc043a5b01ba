//! `replay --prove`: a history on the engine of live runs, on one that shows its memory, and on an interpreter, compared after each event.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;

use abide_engine::{Backend, CompiledCache, Engine, Guest, GuestSpec, MemoryDigest, Turn};
use abide_model::{
    Attributes, CallerId, Digest, Json, Limits, RunId, RunRef, RunStarted, RunStatus, Tenant, WorkflowName,
};
use abide_runtime::view::{Proof, ReplayVerdict};
use abide_tests::{LocalHost, ScriptedPerformer, compiled_dir, guest};
use serde_json::{Value, json};

/// A host that keeps what it compiled for the next test: that takes longer than the tests.
async fn host(salt: u64) -> LocalHost {
    LocalHost::with(ScriptedPerformer::jittering(salt), |config| config.cache_dir = compiled_dir()).await
}

/// Proves a run, and checks what every proof of equality says.
async fn equal(local: &LocalHost, run: &RunRef) -> Proof {
    let plain = local.host.replay(&local.tenant, run, None).await.unwrap();
    let report = local.host.prove(&local.tenant, run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Identical, "{:?}", report.reason);
    let proof = report.proof.expect("a proof was asked for");
    assert!(proof.equal, "{:?}", proof.difference);
    assert_eq!(proof.engines.len(), 3);
    for engine in &proof.engines {
        assert_eq!(engine.trace, plain.trace, "{}", engine.engine);
        assert_eq!(engine.fuel_used, proof.engines[0].fuel_used, "{}", engine.engine);
    }
    assert!(proof.engines[0].fuel_used > Some(0));
    assert_eq!(proof.engines[0].memory, None, "the engine of live runs shows no memory");
    assert!(proof.engines[1].memory.is_some());
    assert_eq!(proof.engines[1].memory, proof.engines[2].memory);
    proof
}

async fn ended(name: &str, input: Value) -> (LocalHost, RunRef) {
    let local = host(3).await;
    local.deploy(name).await;
    let run = local.start(name, "r-1", input).await;
    let row = local.result(&run).await;
    assert_eq!(row.status, RunStatus::Completed, "{row:?}");
    (local, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instruction_sets_do_the_same() {
    let (local, run) = ended("determinism", json!(null)).await;
    let proof = equal(&local, &run).await;
    assert!(proof.compared_events > 3, "{proof:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_they_do_for_an_interpreter_of_javascript() {
    let (local, run) = ended("js-determinism", json!(null)).await;
    equal(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_for_one_of_python() {
    let (local, run) = ended("python-kitchen", json!({"part": "surroundings"})).await;
    equal(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_waits_in_a_plain_function_shows_its_memory_too() {
    let local = host(5).await;
    local.deploy("plain").await;
    let run = local.start("plain", "p-1", json!({"patience_ms": 3_600_000})).await;
    local.until_length(&run, 11).await;
    let proof = equal(&local, &run).await;
    assert!(proof.compared_events > 0);
}

/// A run that stops is compared up to there: both engines stop it for the same reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_is_the_same_trap() {
    let local = host(5).await;
    local.deploy("faulty").await;
    let run = local.start("faulty", "f-1", json!({"mode": "panic", "after": 2})).await;
    local.until(&run, RunStatus::Parked).await;
    let report = local.host.prove(&local.tenant, &run, None).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Stopped);
    let proof = report.proof.unwrap();
    assert!(proof.equal, "{:?}", proof.difference);
    assert_eq!(proof.compared_events, 3);
}

/// Another component is compared with itself on the other engines, and still diverges from the history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_diverges_does_so_on_all_engines() {
    let local = host(5).await;
    local.deploy_as("order-v1", "order").await;
    let run = local.start("order", "o-1", json!(null)).await;
    local.until_length(&run, 5).await;
    let report = local.host.prove(&local.tenant, &run, Some(guest("order-v2"))).await.unwrap();
    assert_eq!(report.verdict, ReplayVerdict::Diverged);
    assert!(report.proof.unwrap().equal);
    let backtrace = report.reason.unwrap().backtrace.join("\n");
    assert!(backtrace.contains("step"), "{backtrace}");
}

/// The memory of a guest that got `input`, on an engine for replays.
fn memory(backend: Backend, input: &Value) -> (MemoryDigest, u64) {
    let folder = tempfile::TempDir::new().unwrap();
    let engine = Engine::for_replays(backend).unwrap();
    let component = abide_engine::inspect(&guest("faulty")).unwrap().component;
    let program =
        CompiledCache::open(folder.path(), CompiledCache::MOST_BYTES).unwrap().load_once(&engine, &component).unwrap();
    let started = RunStarted {
        tenant: Tenant::default(),
        workflow: WorkflowName::parse("faulty").unwrap(),
        version: Digest::of(b"faulty"),
        id: CallerId::parse("f-1").unwrap(),
        input: Json::from(input),
        seed: [7; 32],
        limits: Limits::default(),
        parent: None,
        continued_from: None,
        run_timeout_ms: None,
        attributes: Attributes::default(),
        configuration: None,
        veil: None,
    };
    let spec = GuestSpec { run_id: RunId::new(1, 2), started_ms: 1, started, markers: HashMap::new() };
    let mut guest = Guest::new(&program, spec);
    guest.watch();
    while guest.poll() == Turn::Yielded {}
    let look = guest.look(true).expect("the guest waits");
    (look.memory.expect("an engine for replays shows it"), look.fuel_used)
}

/// What the proof rests on: the digest tells guests apart that hold other things, and the engines do not.
#[test]
fn a_digest_of_memory_tells_guests_apart_and_not_engines() {
    let (one, other) = (json!({"mode": "ok", "after": 3}), json!({"mode": "ok", "after": 4}));
    let (native, fuel) = memory(Backend::Native, &one);
    let (interpreted, same_fuel) = memory(Backend::Interpreter, &one);
    assert_eq!(native.difference(&interpreted), None);
    assert_eq!((native.digest(), fuel), (interpreted.digest(), same_fuel));
    let (differs, _) = memory(Backend::Native, &other);
    assert_ne!(native.digest(), differs.digest());
    let place = native.difference(&differs).unwrap();
    assert!(place.starts_with("memory 0: the 65536 bytes from 0x"), "{place}");
}
