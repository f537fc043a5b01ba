//! `replay --prove`: a history on the engine of live runs, on one that shows its memory, and on an interpreter, compared after each event.

use abide_runtime::view::{Proof, ReplayVerdict};
use abide_tests::{LocalHost, ScriptedPerformer, echo};
use serde_json::json;

/// Proves a run, and checks what every proof of equality says.
async fn equal(local: &LocalHost, run: &abide_model::RunRef) -> Proof {
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instruction_sets_do_the_same() {
    let local = LocalHost::new(ScriptedPerformer::jittering(3)).await;
    local.deploy("determinism").await;
    let run = local.start("determinism", "d-1", json!(null)).await;
    local.result(&run).await;
    let proof = equal(&local, &run).await;
    println!("{proof:#?}");
    assert!(proof.compared_events > 3);
}
