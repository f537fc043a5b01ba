//! For each example, the host is killed with SIGKILL before and after every single commit, and while each request is in flight. Each run ends
//! with the same result, its history replays identical, what was durable is never asked again, and what was in flight is asked again
//! under the same idempotency key.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use abide_tests::{Caller, FreezeAt, HostProcess, Providers, copy_folder, eventually};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

const ID: &str = "the-run";

/// An example with what it needs to run to its end.
#[derive(Clone)]
struct Example {
    name: &'static str,
    input: Value,
    /// The name and the payload of the signal that it waits for, once the tool has been called.
    signal: Option<(&'static str, Value, &'static str)>,
}

fn helpdesk() -> Example {
    Example {
        name: "helpdesk",
        input: json!({
            "customer": "ada@example.com",
            "message": "Our new office in Lisbon needs VPN access by Monday.",
            "reminder_after_ms": 50,
            "reminders": 1,
        }),
        signal: Some(("approval", json!({ "approved": true, "by": "grace" }), "remind")),
    }
}

fn researcher() -> Example {
    Example {
        name: "researcher",
        input: json!({ "question": "Which station should be repaired first, and why?" }),
        signal: None,
    }
}

/// The same in TypeScript.
fn researcher_js() -> Example {
    Example { name: "researcher-js", ..researcher() }
}

/// The same in Python.
fn researcher_python() -> Example {
    Example { name: "researcher-python", ..researcher() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helpdesk_survives_a_kill_at_every_commit_and_in_every_call() -> Result<()> {
    kill_everywhere(helpdesk()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn researcher_survives_a_kill_at_every_commit_and_in_every_call() -> Result<()> {
    kill_everywhere(researcher()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn researcher_in_typescript_survives_a_kill_at_every_commit_and_in_every_call() -> Result<()> {
    kill_everywhere(researcher_js()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn researcher_in_python_survives_a_kill_at_every_commit_and_in_every_call() -> Result<()> {
    kill_everywhere(researcher_python()).await
}

async fn kill_everywhere(example: Example) -> Result<()> {
    let folder = example_folder(example.name);
    let providers = Providers::start(&folder.join("answers.json")).await?;
    let root = TempDir::new()?;
    let bench = Bench { example, providers, root: root.path().to_owned() };
    bench.prepare().await?;

    let reference = bench.undisturbed().await?;
    println!("{}: {} commits, {} requests", bench.example.name, reference.commits, reference.keys.len());
    ensure!(reference.commits >= 5, "the example does too little to show anything: {} commits", reference.commits);
    let mut frozen = 0;
    for number in 1..=reference.commits {
        for freeze in [FreezeAt::Before(number), FreezeAt::After(number)] {
            let killed = bench.killed_at(freeze).await.with_context(|| format!("killed {freeze}"))?;
            frozen += u64::from(killed.frozen);
            killed.check(&reference).with_context(|| format!("killed {freeze}"))?;
        }
    }
    println!("{}: killed at {frozen} commits", bench.example.name);
    // There is a commit for every event or two, and each is tried before and after.
    ensure!(frozen >= reference.commits / 2, "the host came to {frozen} of the commits only");
    for number in 1..=u32::try_from(reference.keys.len())? {
        let killed = bench.killed_in_flight(number).await.with_context(|| format!("killed in request {number}"))?;
        killed.check(&reference).with_context(|| format!("killed in request {number}"))?;
        ensure!(killed.keys.values().any(|count| *count == 2), "no request was repeated: {:?}", killed.keys);
    }
    Ok(())
}

/// What is the same for all the kills of an example.
struct Bench {
    example: Example,
    providers: Providers,
    root: PathBuf,
}

/// How a run ended.
struct Ended {
    result: Value,
    replay: Value,
    /// How often each idempotency key came to the providers.
    keys: BTreeMap<String, u32>,
    /// The keys of the calls whose outcome was durable when the host was killed, with how often they had come by then.
    durable: BTreeMap<String, u32>,
    commits: u64,
    /// Whether the host was killed at the commit that was asked for, and not after the end of the run.
    frozen: bool,
}

impl Ended {
    fn check(&self, reference: &Ended) -> Result<()> {
        ensure!(self.result == reference.result, "another result: {} instead of {}", self.result, reference.result);
        ensure!(self.replay["verdict"] == "identical", "the history does not replay: {}", self.replay);
        for (key, count) in &self.durable {
            let asked = self.keys.get(key);
            ensure!(asked == Some(count), "`{key}` was durable after {count} requests, and was asked {asked:?} times");
        }
        for (key, count) in &self.keys {
            ensure!((1..=2).contains(count), "`{key}` was asked {count} times, with one kill");
        }
        let calls = |keys: &BTreeMap<String, u32>| keys.keys().filter_map(|key| call_of(key)).collect::<BTreeSet<_>>();
        ensure!(calls(&self.keys) == calls(&reference.keys), "other calls: {:?}", self.keys);
        Ok(())
    }
}

/// The number of the call in the default idempotency key.
fn call_of(key: &str) -> Option<u64> {
    key.rsplit_once(':')?.1.parse().ok()
}

impl Bench {
    /// Deploys the example once; each kill begins with a copy of that folder.
    async fn prepare(&self) -> Result<()> {
        let template = self.root.join("template");
        std::fs::create_dir_all(&template)?;
        self.write_config(&template)?;
        let host = HostProcess::start(binary(), &template.join("abide.toml"), None).await?;
        host.deploy(self.example.name).await?;
        host.kill().await
    }

    /// The configuration of the example itself, with the providers of this test.
    fn write_config(&self, folder: &Path) -> Result<()> {
        let source = example_folder(self.example.name);
        let mut config: toml::Table = toml::from_str(&std::fs::read_to_string(source.join("abide.toml"))?)?;
        config.insert("listen".to_owned(), "127.0.0.1:0".into());
        config.insert("data".to_owned(), folder.join("data").display().to_string().into());
        let model = toml::Table::from_iter([
            ("kind".to_owned(), "openai".into()),
            ("base_url".to_owned(), self.providers.model_url.clone().into()),
            ("model".to_owned(), "scripted".into()),
        ]);
        config.insert("llm".to_owned(), toml::Table::from_iter([("scripted".to_owned(), model.into())]).into());
        let tools = config.get_mut("tools").and_then(toml::Value::as_table_mut).context("no tools")?;
        if let Some(desk) = tools.get_mut("desk").and_then(toml::Value::as_table_mut) {
            desk.insert("base_url".to_owned(), self.providers.desk_url.clone().into());
        }
        if let Some(files) = tools.get_mut("files").and_then(toml::Value::as_table_mut) {
            let parts =
                std::env::var("ABIDE_TEST_PARTS").context("ABIDE_TEST_PARTS is not set: run `cargo xtask test`")?;
            let server =
                Path::new(&parts).join("node/node_modules/@modelcontextprotocol/server-filesystem/dist/index.js");
            files.insert("command".to_owned(), "node".into());
            let shown = source.join("files").display().to_string();
            files.insert("args".to_owned(), vec![server.display().to_string(), shown.clone()].into());
            files.insert("cwd".to_owned(), shown.into());
        }
        std::fs::write(folder.join("abide.toml"), config.to_string())?;
        Ok(())
    }

    fn fresh(&self, name: &str) -> Result<PathBuf> {
        let folder = copy_folder(&self.root.join("template"), &self.root.join(name))?;
        self.write_config(&folder)?;
        self.providers.requests.clear();
        Ok(folder.join("abide.toml"))
    }

    /// A run without a kill, which the others are compared with. It also tells how many commits there are: the run is done again and again,
    /// frozen ever later, until it is not frozen.
    async fn undisturbed(&self) -> Result<Ended> {
        let config = self.fresh("undisturbed")?;
        let host = HostProcess::start(binary(), &config, None).await?;
        let mut ended = self.finish(host, BTreeMap::new()).await?;
        // Outcomes that come at the same time may share a commit, so this is the most that there may be.
        let host = HostProcess::start(binary(), &config, None).await?;
        ended.commits = host.history(ID).await?.len() as u64;
        host.kill().await?;
        Ok(ended)
    }

    async fn killed_at(&self, freeze: FreezeAt) -> Result<Ended> {
        let config = self.fresh(&freeze.to_string().replace(':', "-"))?;
        let mut host = HostProcess::start(binary(), &config, Some(freeze)).await?;
        let caller = host.caller();
        // A run that ends before that commit is as good: then the host is killed after its end. An error is the freeze.
        let frozen = tokio::select! {
            frozen = host.frozen() => { ensure!(frozen?, "the host ended by itself"); true }
            Ok(()) = drive(&caller, &self.example) => false,
        };
        host.kill().await?;
        let ended = self.go_on(&config).await?;
        Ok(Ended { frozen, ..ended })
    }

    async fn killed_in_flight(&self, number: u32) -> Result<Ended> {
        let config = self.fresh(&format!("request-{number}"))?;
        let came = self.providers.requests.hold(number);
        let host = HostProcess::start(binary(), &config, None).await?;
        let caller = host.caller();
        let came = tokio::time::timeout(Duration::from_secs(30), came);
        tokio::select! {
            came = came => came.context("the request did not come")??,
            driven = drive(&caller, &self.example) => bail!("the run ended without that request: {driven:?}"),
        }
        host.kill().await?;
        self.go_on(&config).await
    }

    /// Starts the host again, and sees the run to its end.
    async fn go_on(&self, config: &Path) -> Result<Ended> {
        let durable = self.durable(config).await?;
        let host = HostProcess::start(binary(), config, None).await?;
        self.finish(host, durable).await
    }

    /// What the store holds while no host runs.
    async fn durable(&self, config: &Path) -> Result<BTreeMap<String, u32>> {
        use abide_history::{RedbStore, Store};
        use abide_model::{CallerId, Event, Tenant};

        let store = RedbStore::open(&config.with_file_name("data"))?;
        let (tenant, id) = (Tenant::default(), CallerId::parse(ID)?);
        let Some(run_id) = store.latest_run(&tenant, &id).await? else { return Ok(BTreeMap::new()) };
        let events = store.events(&tenant, run_id, 0, 10_000).await?;
        let seen = self.providers.requests.keys();
        let completed = events.into_iter().filter_map(|(_, recorded)| match recorded.event {
            Event::CallCompleted(completed) => Some(format!("{run_id}:{}", completed.call)),
            _ => None,
        });
        Ok(completed.filter_map(|key| seen.get(&key).map(|count| (key.clone(), *count))).collect())
    }

    async fn finish(&self, host: HostProcess, durable: BTreeMap<String, u32>) -> Result<Ended> {
        let caller = host.caller();
        drive(&caller, &self.example).await?;
        let run = caller.get(&format!("/v1/runs/{ID}/result?wait=60s")).await?;
        ensure!(run["status"] == "completed", "the run ended as {run}");
        let replay = caller.post(&format!("/v1/runs/{ID}/replay"), &Value::Null).await?;
        host.kill().await?;
        let keys = self.providers.requests.keys();
        Ok(Ended { result: run["outcome"].clone(), replay, keys, durable, commits: 0, frozen: false })
    }
}

/// Starts the run, or finds it, and sends the signal when it is time. A host that goes on with the run after a crash is asked the same again.
async fn drive(host: &Caller, example: &Example) -> Result<()> {
    let known = host.get(&format!("/v1/runs/{ID}")).await;
    if known.is_err() {
        host.start_run(example.name, ID, &example.input).await?;
    }
    let Some((name, payload, after_tool)) = &example.signal else {
        host.get(&format!("/v1/runs/{ID}/result?wait=30s")).await?;
        return Ok(());
    };
    eventually("the reminder", async || {
        let events = host.history(ID).await?;
        let call = events.iter().find(|event| event["request"]["name"] == *after_tool).map(|event| &event["call"]);
        let done = call
            .is_some_and(|call| events.iter().any(|event| event["type"] == "call-completed" && event["call"] == *call));
        Ok(done.then_some(()))
    })
    .await?;
    // The key makes it one signal, however often it is sent.
    host.signal(ID, name, payload, "the-approval").await?;
    host.get(&format!("/v1/runs/{ID}/result?wait=30s")).await?;
    Ok(())
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_freezing-host"))
}

/// Where an example's answers and files are; in TypeScript it shares those of the one in Rust.
fn example_folder(name: &str) -> PathBuf {
    let name = name.trim_end_matches("-js").trim_end_matches("-python");
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}
