//! How programs end, and what is told of it.

use abide_model::{ParkKind, RunStatus};
use serde_json::{Value, json};

use crate::{failed, given, host, identical, model};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exception_in_python_is_the_failure_of_the_run() {
    let local = host(model()).await;
    local.deploy("program-python").await;
    let run = local.start("program-python", "p-1", json!({ "part": "raise" })).await;
    let row = local.result(&run).await;
    let failure = failed(&row);
    assert_eq!(failure.code, "exit");
    assert_eq!(failure.message, "the program ended with exit code 1: KeyError: 'missing'");
    let details: Value = failure.details.as_ref().unwrap().read().unwrap();
    assert_eq!(details["exit_code"], 1);
    assert!(details["stderr"].as_str().unwrap().contains("KeyError"), "{details}");
    identical(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_ends_the_run_with_its_code() {
    let local = host(model()).await;
    local.deploy("program-python").await;
    // `exit` of WASI 0.2 says only whether all went well.
    let run = local.start("program-python", "p-1", json!({ "part": "leave", "code": 3 })).await;
    let row = local.result(&run).await;
    assert_eq!(failed(&row).message, "the program ended with exit code 1: leaving with 3");
    identical(&local, &run).await;

    let run = local.start("program-python", "p-2", json!({ "part": "leave", "code": 0 })).await;
    assert_eq!(given(&local.result(&run).await), json!(null));
    identical(&local, &run).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_catches_parks_the_run_and_says_why() {
    let local = host(model()).await;
    local.deploy("program-python").await;
    let run = local.start("program-python", "p-1", json!({ "part": "no such part" })).await;
    let row = local.until(&run, RunStatus::Parked).await;
    let reason = row.parked.unwrap();
    assert_eq!(reason.kind, ParkKind::Trap);
    assert!(reason.message.contains("KeyError: 'no such part'"), "{reason:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_javascript_throws_in_the_words_of_its_interface_is_the_failure_of_the_run() {
    let local = host(model()).await;
    local.deploy("program-javascript").await;
    let run = local.start("program-javascript", "j-1", json!({ "part": "reject" })).await;
    let row = local.result(&run).await;
    let failure = failed(&row);
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("failed", "the order is sold out"));
    let run = local.start("program-javascript", "j-2", json!({ "part": "raise" })).await;
    let row = local.until(&run, RunStatus::Parked).await;
    let reason = row.parked.unwrap();
    // What its generated code says of an object where the interface has a text.
    assert!(reason.message.contains("expected a string, received [object]"), "{reason:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_in_rust_that_gives_up_says_why() {
    let local = host(model()).await;
    local.deploy("ordinary").await;
    let run = local.start("ordinary", "r-1", json!({ "question": "no address" })).await;
    let row = local.result(&run).await;
    let failure = failed(&row);
    assert_eq!(failure.code, "exit");
    assert!(failure.details.as_ref().unwrap().as_str().contains("missing field `url`"), "{failure:?}");
}
