//! Task queues over HTTP, through a host that is a process; and the worker of `examples/worker-python`, which is killed in the middle
//! of a task, as is the host.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use abide_tests::{Caller, HostProcess, eventually};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A host at a port of its own, so that workers find it again when it is back.
struct Bench {
    folder: TempDir,
    url: String,
}

impl Bench {
    fn new(lease_ms: u64, more: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        // Below those that the system gives to whoever asks for any; each test takes one of its own.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = 10_000 + u16::try_from(std::process::id() % 20_000)?;
        let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::SeqCst)).take(1000);
        let port = ports.into_iter().find(is_free).context("no port is free")?;
        let config = format!(
            r#"
            listen = "127.0.0.1:{port}"
            data = "data"
            [workers.python]
            lease_ms = {lease_ms}
            {more}
            retry = {{ max_attempts = 20, initial_interval_ms = 10, max_interval_ms = 100 }}
            [[workers.python.tool]]
            name = "step"
            [[workers.python.tool]]
            name = "ask_person"
            [[workers.python.tool]]
            name = "slow"
            "#
        );
        std::fs::write(folder.path().join("abide.toml"), config)?;
        Ok(Self { folder, url: format!("http://127.0.0.1:{port}") })
    }

    async fn host(&self) -> Result<HostProcess> {
        let binary = Path::new(env!("CARGO_BIN_EXE_freezing-host"));
        HostProcess::start(binary, &self.folder.path().join("abide.toml"), None).await
    }

    fn worker(&self) -> Result<Worker> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/worker-python/worker.py");
        let mut command = Command::new("python3");
        command.arg(script).args(["--url", &self.url, "--threads", "1"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let said = Arc::<Mutex<Vec<String>>>::default();
        let mut lines = BufReader::new(child.stdout.take().context("the worker has no output")?).lines();
        let (saying, echo) = (said.clone(), std::process::id());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                println!("worker of {echo}: {line}");
                saying.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Ok(Worker { child, said })
    }
}

/// The real worker, as a process.
struct Worker {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Worker {
    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it said something of the call `number`, and gives the token.
    async fn until(&self, word: &str, number: usize) -> Result<String> {
        eventually(&format!("`{word}` of call {number}"), async || {
            let said = self.said();
            Ok(said.iter().find_map(|line| {
                let token = line.strip_prefix(word)?.split_whitespace().next()?;
                (token.split(':').nth(1)? == number.to_string()).then(|| token.to_owned())
            }))
        })
        .await
    }

    /// SIGKILL.
    async fn kill(mut self) -> Result<Vec<String>> {
        self.child.kill().await?;
        Ok(self.said())
    }
}

async fn poll(caller: &Caller, wait_ms: u64) -> Result<Vec<Value>> {
    let polled = caller.post("/v1/tasks/python/poll", &json!({"worker": "w", "wait_ms": wait_ms})).await?;
    Ok(polled["tasks"].as_array().context("no tasks")?.clone())
}

async fn one(caller: &Caller) -> Result<Value> {
    poll(caller, 30_000).await?.into_iter().next().context("no task came")
}

async fn send(caller: &Caller, verb: &str, body: Value) -> Result<Value> {
    caller.post(&format!("/v1/tasks/python/{verb}"), &body).await
}

/// The code that a request is refused with.
async fn refused(caller: &Caller, verb: &str, body: Value) -> Result<String> {
    let error = send(caller, verb, body).await.err().context("it is not refused")?.to_string();
    let problem = error.split_once('{').map(|(_, rest)| format!("{{{rest}")).context("no problem")?;
    let problem: Value = serde_json::from_str(&problem)?;
    Ok(problem["code"].as_str().unwrap_or_default().to_owned())
}

async fn result(caller: &Caller, id: &str) -> Result<Value> {
    caller.get(&format!("/v1/runs/{id}/result?wait=50s")).await
}

fn completed(history: &[Value]) -> Vec<&Value> {
    history.iter().filter(|event| event["type"] == "call-completed").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_leased_retried_completed_and_cancelled_over_http() -> Result<()> {
    let bench = Bench::new(300, "")?;
    let host = bench.host().await?;
    host.deploy("steps").await?;
    host.deploy("racer").await?;
    let caller = host.caller();
    ensure!(poll(&caller, 0).await?.is_empty());
    caller.start_run("steps", "a", &json!({"steps": 2, "provider": "python", "tool": "step"})).await?;

    // The first worker falls silent; its task comes again with what its heartbeat said.
    let task = one(&caller).await?;
    ensure!(task["attempt"] == 1 && task["tool"] == "step" && task["arguments"] == json!({"step": 0}), "{task}");
    let beat = send(&caller, "heartbeat", json!({"token": task["token"], "details": {"done": 7}})).await?;
    ensure!(beat == json!({"cancelled": false, "lease_ms": 300}), "{beat}");
    let again = one(&caller).await?;
    ensure!(again["attempt"] == 2 && again["heartbeat"] == json!({"done": 7}), "{again}");
    ensure!(again["idempotency_key"] == task["idempotency_key"]);
    ensure!(refused(&caller, "complete", json!({"token": task["token"]})).await? == "task-superseded");

    // A failure that may pass is tried again.
    let failure = json!({"code": "busy", "message": "no room", "retryable": true});
    send(&caller, "fail", json!({"token": again["token"], "failure": failure})).await?;
    let third = one(&caller).await?;
    ensure!(third["attempt"] == 3, "{third}");
    let done = json!({"token": third["token"], "result": {"ok": 1}});
    ensure!(send(&caller, "complete", done.clone()).await? == json!({"duplicate": false}));
    // What was acknowledged is in the history.
    let history = caller.history("a").await?;
    ensure!(completed(&history).len() == 1, "{history:?}");
    ensure!(completed(&history)[0]["outcome"]["ok"]["structured"] == json!({"ok": 1}), "{history:?}");
    ensure!(send(&caller, "complete", done).await? == json!({"duplicate": true}));
    let last = one(&caller).await?;
    let queues = caller.get("/v1/tasks").await?;
    ensure!(queues["queues"][0]["leased"] == 1 && queues["queues"][0]["workers"][0]["worker"] == "w", "{queues}");
    send(&caller, "complete", json!({"token": last["token"]})).await?;
    ensure!(result(&caller, "a").await?["outcome"] == json!({"ok": 2}));

    // A call that its workflow drops: the worker learns it.
    let racing = json!({"timeout_ms": 60_000, "provider": "python", "tool": "slow"});
    caller.start_run("racer", "b", &racing).await?;
    let task = one(&caller).await?;
    caller.signal("b", "go", &json!(1), "k").await?;
    ensure!(result(&caller, "b").await?["status"] == "completed");
    let beat = send(&caller, "heartbeat", json!({"token": task["token"]})).await?;
    ensure!(beat["cancelled"] == true, "{beat}");
    ensure!(refused(&caller, "complete", json!({"token": task["token"]})).await? == "task-closed");
    ensure!(poll(&caller, 0).await?.is_empty());

    // What makes no sense is refused with its reason.
    for (verb, body, code) in [
        ("poll", json!({"worker": ""}), "invalid-argument"),
        ("poll", json!({"worker": "w", "max_tasks": 1000}), "invalid-argument"),
        ("poll", json!({"worker": "w", "wait_ms": 9_000_000}), "invalid-argument"),
        ("complete", json!({"token": "x"}), "invalid-argument"),
        ("complete", json!({"token": "run_01hf7yat00000000000000000f:0:1"}), "task-not-found"),
        ("heartbeat", json!({"token": task["token"], "details": "x".repeat(70_000)}), "too-large"),
        ("defer", json!({"token": task["token"], "later": false}), "invalid-argument"),
    ] {
        let given = refused(&caller, verb, body.clone()).await?;
        ensure!(given == code, "{verb}: {given} instead of {code}");
    }
    ensure!(caller.post("/v1/tasks/other/poll", &json!({"worker": "w"})).await.is_err());
    host.kill().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_no_worker_takes_fails() -> Result<()> {
    let bench = Bench::new(300, "schedule_to_start_timeout_ms = 50")?;
    let host = bench.host().await?;
    host.deploy("steps").await?;
    let caller = host.caller();
    caller.start_run("steps", "a", &json!({"steps": 1, "provider": "python", "tool": "step"})).await?;
    let run = result(&caller, "a").await?;
    ensure!(run["outcome"]["failed"]["code"] == "no-worker", "{run}");
    host.kill().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_and_the_host_are_killed_and_no_completed_task_comes_again() -> Result<()> {
    const STEPS: usize = 9;
    let bench = Bench::new(700, "")?;
    let host = bench.host().await?;
    host.deploy("steps").await?;
    let input = json!({"steps": STEPS, "provider": "python", "tool": "step"});
    host.caller().start_run("steps", "a", &input).await?;

    let worker = bench.worker()?;
    worker.until("took", 2).await?;
    let mut said = worker.kill().await?;
    let worker = bench.worker()?;
    worker.until("took", 5).await?;
    host.kill().await?;
    let host = bench.host().await?;
    let run = result(&host.caller(), "a").await?;
    ensure!(run["outcome"] == json!({"ok": STEPS}), "{run}");
    let history = host.history("a").await?;
    ensure!(completed(&history).len() == STEPS, "{history:?}");
    let by = |event: &&Value| event["outcome"]["ok"]["structured"]["by"] == "python";
    ensure!(completed(&history).iter().all(by), "{history:?}");
    ensure!(completed(&history)[2]["attempts"] == 2, "the killed worker's task was tried again: {history:?}");
    let replayed = host.caller().post("/v1/runs/a/replay", &Value::Null).await?;
    ensure!(replayed["verdict"] == "identical", "{replayed}");

    worker.until("done", STEPS - 1).await?;
    said.extend(worker.kill().await?);
    let call = |line: &str| line.split(':').nth(1).map(str::to_owned);
    for (place, line) in said.iter().enumerate().filter(|(_, line)| line.starts_with("done ")) {
        let after = said[place..].iter().filter(|later| later.starts_with("took ") && call(later) == call(line));
        ensure!(after.count() == 0, "a completed task was handed out again: {said:?}");
    }
    host.kill().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deferred_call_outlives_the_host_and_is_not_handed_out_again() -> Result<()> {
    let bench = Bench::new(700, "")?;
    let host = bench.host().await?;
    host.deploy("steps").await?;
    let input = json!({"steps": 1, "provider": "python", "tool": "ask_person"});
    host.caller().start_run("steps", "a", &input).await?;
    let worker = bench.worker()?;
    let token = worker.until("later", 0).await?;
    ensure!(host.history("a").await?.iter().any(|event| event["type"] == "call-deferred"));
    host.kill().await?;

    let host = bench.host().await?;
    let caller = host.caller();
    eventually("the run to be back", async || {
        let queues = caller.get("/v1/tasks").await?;
        Ok((queues["queues"][0]["deferred"] == 1).then_some(()))
    })
    .await?;
    // The lease that it had is long over.
    tokio::time::sleep(std::time::Duration::from_millis(1000)).await;
    let answer = json!({"ok": {"approved": true}});
    let path = format!("/v1/completions/{token}");
    ensure!(caller.post(&path, &answer).await? == json!({"duplicate": false}));
    ensure!(caller.post(&path, &answer).await? == json!({"duplicate": true}));
    ensure!(result(&caller, "a").await?["outcome"] == json!({"ok": 1}));
    let history = caller.history("a").await?;
    ensure!(completed(&history)[0]["outcome"]["ok"]["structured"] == json!({"approved": true}), "{history:?}");
    ensure!(caller.post("/v1/runs/a/replay", &Value::Null).await?["verdict"] == "identical");
    let said = worker.kill().await?;
    ensure!(said.iter().filter(|line| line.starts_with("took ")).count() == 1, "{said:?}");
    host.kill().await
}
