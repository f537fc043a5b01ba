//! What differs from run to run is the same in each replay.

use std::collections::BTreeSet;
use std::time::Duration;

use abide_model::RunStatus;
use abide_tests::{LocalHost, ScriptedPerformer, compiled_dir};
use serde_json::json;

use crate::{URL, given, host, identical, model, question, said, talk};

/// An interpreter is much to replay.
const REPLAYS: usize = 20;
/// So many runs wait, of which so few fit into memory.
const RUNS: usize = 12;
const SEATS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_sees_what_the_run_saw_and_no_other_run_does() {
    let local = host(model()).await;
    for (program, of_chance) in
        [("program-python", &["random", "bytes"][..]), ("program-javascript", &["random", "bytes", "uuid"])]
    {
        local.deploy(program).await;
        let mut seen = Vec::new();
        for number in 0..3 {
            let run = local.start(program, &format!("{program}-{number}"), json!({ "part": "surroundings" })).await;
            let row = local.result(&run).await;
            let first = identical(&local, &run).await;
            for _ in 0..REPLAYS {
                assert_eq!(identical(&local, &run).await.trace, first.trace, "{program}");
            }
            let result = given(&row);
            let time = result["time"].as_f64().unwrap();
            // Python tells seconds.
            let time_ms = if program == "program-python" { time * 1000.0 } else { time };
            assert!((time_ms - row.started_ms as f64).abs() < 1.0, "{program}: {result}");
            seen.push(result);
        }
        for name in of_chance {
            let values: BTreeSet<String> = seen.iter().map(|result| result[name].to_string()).collect();
            assert_eq!(values.len(), seen.len(), "{program}: `{name}` is the same in several runs: {values:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_python_draws_as_it_is_built_is_the_same_in_each_run() {
    let local = host(model()).await;
    local.deploy("program-python").await;
    let mut drawn = BTreeSet::new();
    for id in ["p-1", "p-2"] {
        let run = local.start("program-python", id, json!({ "part": "surroundings" })).await;
        drawn.insert(given(&local.result(&run).await)["drawn_at_build"].to_string());
    }
    assert_eq!(drawn.len(), 1, "the document says otherwise: {drawn:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_come_in_the_order_of_the_history() {
    // The first that is asked takes the longest.
    let slow_first = ScriptedPerformer::new(|activity| async move {
        let place: u64 = question(&activity).parse().unwrap();
        tokio::time::sleep(Duration::from_millis(300 - 100 * place)).await;
        said("well")
    });
    let local = host(slow_first).await;
    local.deploy("program-javascript").await;
    let input = json!({ "part": "race", "questions": ["0", "1", "2"], "url": URL });
    let run = local.start("program-javascript", "r-1", input).await;
    assert_eq!(given(&local.result(&run).await), json!([2, 1, 0]));
    let history = local.history(&run).await;
    let kinds: Vec<&str> = history.iter().map(|event| event.kind.as_str()).collect();
    let requested =
        kinds.iter().take_while(|kind| **kind != "call-completed").filter(|kind| **kind == "call-requested");
    assert_eq!(requested.count(), 3, "they are not under way at the same time: {kinds:?}");
    for _ in 0..REPLAYS {
        identical(&local, &run).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_that_wait_leave_memory_and_come_back() {
    for program in ["program-python", "program-javascript"] {
        let local = LocalHost::with(model(), |config| {
            config.cache_dir = compiled_dir();
            config.max_resident = SEATS;
        })
        .await;
        local.deploy(program).await;
        let mut runs = Vec::new();
        for number in 0..RUNS {
            let input = json!({ "part": "nap", "pause_ms": 3000 });
            runs.push(local.start(program, &format!("n-{number}"), input).await);
        }
        for run in &runs {
            local.until_length(run, 2).await;
        }
        assert!(local.host.resident() <= SEATS, "{} guests are in memory", local.host.resident());
        let mut results = BTreeSet::new();
        for run in &runs {
            let row = local.result(run).await;
            assert_eq!(row.status, RunStatus::Completed, "{program}: {row:?}");
            results.insert(given(&row).to_string());
            identical(&local, run).await;
        }
        assert_eq!(results.len(), RUNS, "{program}: runs drew alike");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_answer_at_the_second_time_is_not_asked_for() {
    // What a model says differs each time: whoever asked it again in a replay would say something else.
    let local = host(ScriptedPerformer::new(|activity| async move {
        said(&format!("{} {}", question(&activity), activity.idempotency_key()))
    }))
    .await;
    for program in crate::PROGRAMS {
        local.deploy(program).await;
        let run = local.start(program, program, talk(URL)).await;
        let result = given(&local.result(&run).await);
        let answer = result["answer"].as_str().unwrap();
        assert!(answer.starts_with("Say it shorter: ") && result["waited"] == true, "{program}: {result}");
        let outline = local.outline(&run).await;
        let calls = |kind: &str| outline.iter().filter(|event| event.starts_with(kind)).count();
        assert_eq!((calls("call-requested"), calls("call-completed")), (3, 3), "{program}: {outline:?}");
        identical(&local, &run).await;
    }
}
