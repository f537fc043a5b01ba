//! A host that dies before or after any commit of a scenario: whoever asked asks again, and each scenario ends as if nothing had happened,
//! with histories that replay identical. `kill.rs` does the same with whole processes and providers; here are the things that runs do
//! with each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use abide_activities::Activity;
use abide_history::{RedbStore, Store};
use abide_model::{
    CallerId, ErrorCode, Failure, Json, Outcome, Run, RunRef, RunStatus, SystemClock, Tenant, WorkflowName,
};
use abide_runtime::view::{IfRunning, ReplayVerdict, StartRun, UpdateRun, WaitFor};
use abide_runtime::{Host, HostConfig};
use abide_tests::{FreezeAt, FreezingStore, ScriptedPerformer, copy_folder, echo, guest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(60);

type Asked<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Something to be done, and how it ends.
struct Scenario {
    guests: &'static [&'static str],
    /// Asks for all that is to happen; asked again, it asks for nothing twice.
    ask: for<'a> fn(&'a Host) -> Asked<'a>,
    /// The run whose end is the end of the scenario: the latest with this id, and of those that it went on as.
    id: &'static str,
    ends: fn(&Run),
    /// How many commits there are at least.
    commits: u64,
}

/// Declines `book-car`, echoes all else.
fn performer() -> ScriptedPerformer {
    ScriptedPerformer::new(|activity: Activity| async move {
        let request: Value = activity.request.to_json().read().unwrap_or_default();
        if request["name"] == "book-car" {
            return Outcome::Failed(Failure::new("sold-out", "no car is left"));
        }
        if let Some(messages) = request["messages"].as_array() {
            let text = format!("{} messages", messages.len());
            let message = json!({ "text": text, "tool_calls": [] });
            return Outcome::Ok(Json::from(&json!({ "message": message, "finish_reason": "stop", "model": "m" })));
        }
        echo(&activity)
    })
}

async fn open(root: &Path, store: Arc<dyn Store>) -> Host {
    let config = HostConfig::new(root.join("cache"));
    Host::open(config, store, Arc::new(performer()), Arc::new(SystemClock)).await.unwrap()
}

fn by_id(id: &str) -> RunRef {
    RunRef::Caller(CallerId::parse(id).unwrap())
}

async fn start(host: &Host, workflow: &str, id: &str, input: Value, run_timeout_ms: Option<u64>) {
    // The run may have ended before the host died: then it is not started again.
    let start = StartRun {
        id: Some(CallerId::parse(id).unwrap()),
        input: Json::from(&input),
        if_running: IfRunning::Use,
        id_reuse: abide_model::IdReuse::Reject,
        run_timeout_ms,
        ..StartRun::of(WorkflowName::parse(workflow).unwrap())
    };
    match host.start(&Tenant::default(), start).await {
        Ok(_) => {}
        Err(error) if error.code == ErrorCode::RunIdUsed => {}
        Err(error) => panic!("{error}"),
    }
}

/// Sends a signal once, whoever asks how often.
async fn signal(host: &Host, id: &str, name: &str, payload: Value, key: &str) {
    let began = Instant::now();
    loop {
        let sent = host.signal(&Tenant::default(), &by_id(id), name, Json::from(&payload), Some(key.to_owned())).await;
        match sent {
            Ok(_) => return,
            Err(error) if error.code == ErrorCode::RunClosed => return,
            // A child that is not there yet.
            Err(error) if error.code == ErrorCode::RunNotFound && began.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn update(host: &Host, id: &str, name: &str, arguments: Value, update: &str) -> Option<Outcome> {
    let update = UpdateRun {
        id: Some(update.to_owned()),
        name: name.to_owned(),
        arguments: Json::from(&arguments),
        wait_for: WaitFor::Completed,
    };
    host.update(&Tenant::default(), &by_id(id), update, PATIENCE).await.unwrap().outcome
}

impl Scenario {
    /// Has the host work until all is done or its store is frozen. Dropping the runtime is the death of the host: whatever waits for a commit
    /// never hears of it. Gives whether it was frozen.
    fn work(&self, root: &Path, data: &Path, freeze: FreezeAt) -> bool {
        let runtime = Runtime::new().unwrap();
        let frozen = runtime.block_on(async {
            let store = Arc::new(FreezingStore::new(Arc::new(RedbStore::open(data).unwrap()), Some(freeze)));
            let host = open(root, store.clone()).await;
            let (ask, asking) = (self.ask, host.clone());
            let asked = tokio::spawn(async move { ask(&asking).await });
            tokio::select! {
                () = store.freezes() => {}
                () = async { asked.await.unwrap(); self.done(&host, freeze).await } => {}
            }
            store.is_frozen()
        });
        runtime.shutdown_timeout(PATIENCE);
        frozen
    }

    /// Waits until all is done: no run of the store is open or has something to do.
    async fn done(&self, host: &Host, freeze: FreezeAt) {
        let began = Instant::now();
        loop {
            let found = host.describe(&Tenant::default(), &by_id(self.id)).await;
            let last = found.is_ok_and(|found| !found.run.status.is_open() && found.run.continued_as.is_none());
            let runs = host.runs(&Tenant::default(), &Default::default(), None, 100).await.unwrap().runs;
            if last && runs.iter().all(|run| !run.status.is_open()) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{freeze}: {runs:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Opens the folder again, and sees it through.
    fn go_on(&self, root: &Path, data: &Path, freeze: FreezeAt) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let host = open(root, Arc::new(RedbStore::open(data).unwrap())).await;
            (self.ask)(&host).await;
            self.done(&host, freeze).await;
            (self.ends)(&host.describe(&Tenant::default(), &by_id(self.id)).await.unwrap().run);
            for run in host.runs(&Tenant::default(), &Default::default(), None, 100).await.unwrap().runs {
                let report = host.replay(&Tenant::default(), &RunRef::Run(run.run_id), None).await.unwrap();
                assert_eq!(report.verdict, ReplayVerdict::Identical, "{freeze}: {report:?}");
            }
            host.shutdown().await;
        });
    }

    /// Ends the host at one commit after the other, until there is none left.
    fn everywhere(&self) {
        let root = TempDir::new().unwrap();
        let root = root.path();
        let template = root.join("template");
        Runtime::new().unwrap().block_on(async {
            let host = open(root, Arc::new(RedbStore::open(&template).unwrap())).await;
            for name in self.guests {
                let workflow = WorkflowName::parse(name).unwrap();
                host.deploy(&Tenant::default(), &workflow, guest(name)).await.unwrap();
            }
            host.shutdown().await;
        });
        let mut number = 0;
        loop {
            number += 1;
            let mut any = false;
            for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
                let data = copy_folder(&template, &root.join(freeze.to_string().replace(':', "-"))).unwrap();
                any |= self.work(root, &data, freeze);
                self.go_on(root, &data, freeze);
            }
            if !any {
                break;
            }
        }
        assert!(number > self.commits, "the host was stopped at {} commits only", number - 1);
    }
}

fn gives(run: &Run, expected: Value) {
    assert_eq!(run.outcome, Some(Outcome::Ok(Json::from(&expected))), "{run:?}");
}

#[test]
fn a_saga_is_undone() {
    Scenario {
        guests: &["trip"],
        ask: |host| Box::pin(start(host, "trip", "t", json!({ "traveller": "ada", "city": "Lisbon" }), None)),
        id: "t",
        ends: |run| match &run.outcome {
            Some(Outcome::Failed(failure)) => {
                assert_eq!((failure.code.as_str(), &failure.details), ("sold-out", &None))
            }
            other => panic!("{other:?}"),
        },
        commits: 6,
    }
    .everywhere();
}

#[test]
fn children_are_gathered() {
    Scenario {
        guests: &["survey"],
        ask: |host| {
            Box::pin(async move {
                let survey = json!({ "people": ["ada", "bob"], "patience_ms": 3_600_000 });
                start(host, "survey", "s", survey, None).await;
                signal(host, "s.ada", "stars", json!(5), "k").await;
                signal(host, "s.bob", "stars", json!(4), "k").await;
            })
        },
        id: "s",
        ends: |run| gives(run, json!([{ "person": "ada", "stars": 5 }, { "person": "bob", "stars": 4 }])),
        commits: 8,
    }
    .everywhere();
}

#[test]
fn a_child_does_not_outlive_its_parent() {
    Scenario {
        guests: &["relations"],
        ask: |host| {
            Box::pin(async move {
                start(host, "relations", "p", json!({ "do": "leave", "then": "cancel" }), None).await;
                signal(host, "p", "end", json!(null), "k").await;
            })
        },
        // The parent names its child like this.
        id: "p.child",
        ends: |run| assert_eq!(run.status, RunStatus::Cancelled, "{run:?}"),
        commits: 5,
    }
    .everywhere();
}

#[test]
fn an_update_is_answered_once() {
    Scenario {
        guests: &["approval"],
        ask: |host| {
            Box::pin(async move {
                start(host, "approval", "e", json!({ "cents": 5, "by": "bob", "patience_ms": 3_600_000 }), None).await;
                let decision = json!({ "approve": true, "by": "ada" });
                let answer = update(host, "e", "decide", decision, "u").await;
                let expected = json!({ "approved": true, "by": "ada", "cents": 5 });
                assert_eq!(answer, Some(Outcome::Ok(Json::from(&expected))));
            })
        },
        id: "e",
        ends: |run| gives(run, json!({ "approved": true, "by": "ada", "cents": 5 })),
        commits: 2,
    }
    .everywhere();
}

#[test]
fn a_chat_goes_on_as_new_runs() {
    Scenario {
        guests: &["chat"],
        ask: |host| {
            Box::pin(async move {
                start(host, "chat", "c", json!({ "turns_a_run": 1 }), None).await;
                for turn in 0..3 {
                    let answer = update(host, "c", "say", json!("hello"), &format!("say-{turn}")).await;
                    let expected = format!("{} messages", 2 + 2 * turn);
                    assert_eq!(answer, Some(Outcome::Ok(Json::from(&json!(expected)))));
                }
                // The run that waits for the next turn ends with the count.
                loop {
                    match host.cancel(&Tenant::default(), &by_id("c"), "bye").await {
                        Ok(_) => return,
                        Err(error) => assert_eq!(error.code, ErrorCode::RunClosed, "{error}"),
                    }
                    let last = host.describe(&Tenant::default(), &by_id("c")).await.unwrap().run;
                    if last.status != RunStatus::Continued {
                        return;
                    }
                }
            })
        },
        id: "c",
        ends: |run| gives(run, json!(3)),
        commits: 10,
    }
    .everywhere();
}

#[test]
fn signals_are_counted_once_across_new_runs() {
    Scenario {
        guests: &["relations"],
        ask: |host| {
            Box::pin(async move {
                start(host, "relations", "n", json!({ "do": "count", "so_far": 0 }), None).await;
                for (number, by) in [1, 2, 4, 8, 0].into_iter().enumerate() {
                    signal(host, "n", "add", json!(by), &format!("k{number}")).await;
                }
            })
        },
        id: "n",
        ends: |run| gives(run, json!(15)),
        commits: 6,
    }
    .everywhere();
}

#[test]
fn a_run_times_out() {
    Scenario {
        guests: &["relations"],
        ask: |host| Box::pin(start(host, "relations", "z", json!({ "do": "sleep" }), Some(20))),
        id: "z",
        ends: |run| assert_eq!(run.status, RunStatus::TimedOut),
        commits: 2,
    }
    .everywhere();
}
