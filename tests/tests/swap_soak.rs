//! A soak: a few hundred runs work over real HTTP, a version is swapped in again and again, and the host's process is killed with SIGKILL in
//! between. At the end every call was made under one idempotency key, what was durable was never asked again, and each history replays on
//! every version that it records, as far as that version had it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use abide_history::RedbStore;
use abide_model::{RunRef, SystemClock, Tenant};
use abide_runtime::view::ReplayVerdict;
use abide_runtime::{Host, HostConfig};
use abide_tests::{Caller, HostProcess, eventually, guest_again};
use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use tempfile::TempDir;

const RUNS: usize = 200;
const STEPS: u64 = 40;
const KILLS: u32 = 4;
/// How long the tool takes: with so many runs and steps, the work lasts for the swaps and kills.
const WORK: Duration = Duration::from_millis(400);
const BETWEEN_SWAPS: Duration = Duration::from_secs(1);
const BETWEEN_KILLS: Duration = Duration::from_millis(2500);

type Keys = Arc<Mutex<BTreeMap<String, u32>>>;

/// A tool that counts how often each idempotency key came.
async fn tool() -> Result<(Keys, String)> {
    let keys = Keys::default();
    let answer = |State(keys): State<Keys>, headers: HeaderMap| async move {
        let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or("none").to_owned();
        *keys.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
        tokio::time::sleep(WORK).await;
        axum::Json(json!({ "done": true }))
    };
    let router = Router::new().route("/work", post(answer)).with_state(keys.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((keys, url))
}

fn write_config(folder: &Path, tool: &str) -> Result<()> {
    let data = folder.join("data").display().to_string();
    let config = format!(
        r#"listen = "127.0.0.1:0"
data = {data:?}

[host]
max_resident_guests = 120

[tools.bench]
kind = "http"
base_url = {tool:?}
max_concurrent = {RUNS}

[[tools.bench.tool]]
name = "echo"
description = "Works for a while."
method = "POST"
path = "/work"
input_schema = '{{"type": "object"}}'
"#
    );
    std::fs::write(folder.join("abide.toml"), config)?;
    Ok(())
}

/// Lets all runs go on with a version, page by page. An error is a host that was killed.
async fn swap(host: &Caller, to: &str) -> Result<BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut cursor = Value::Null;
    loop {
        let mut asked = json!({ "to": to, "limit": 100 });
        if !cursor.is_null() {
            asked["cursor"] = cursor;
        }
        let page = host.post("/v1/workflows/steps/swap", &asked).await?;
        for (verdict, count) in page["counts"].as_object().into_iter().flatten() {
            *counts.entry(verdict.clone()).or_default() += count.as_u64().unwrap_or_default();
        }
        cursor = page["next"].clone();
        if cursor.is_null() {
            return Ok(counts);
        }
    }
}

async fn open_runs(host: &Caller) -> Result<u64> {
    let counts = host.get("/v1/runs/count").await?;
    let of = |status: &str| counts["statuses"][status].as_u64().unwrap_or_default();
    Ok(of("running") + of("parked"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_swapped_in_under_hundreds_of_runs_while_the_host_is_killed() -> Result<()> {
    let (keys, url) = tool().await?;
    let folder = TempDir::new()?;
    write_config(folder.path(), &url)?;
    let config = folder.path().join("abide.toml");
    let mut host = HostProcess::start(binary(), &config, None).await?;
    for mark in 1..=3 {
        host.caller()
            .upload(&format!("/v1/versions?name=steps&labels=v{mark}"), guest_again("steps", mark).to_vec())
            .await?;
    }
    let input = json!({ "steps": STEPS, "provider": "bench", "tool": "echo" });
    for number in 0..RUNS {
        host.caller().start_run("steps", &format!("s-{number}"), &input).await?;
    }

    let (mut kills, mut swaps, mut swapped) = (0, 0, 0);
    let mut began = Instant::now();
    while open_runs(&host.caller()).await? > 0 {
        let to = format!("v{}", swaps % 3 + 1);
        let caller = host.caller();
        let one = async {
            let counts = swap(&caller, &to).await;
            tokio::time::sleep(BETWEEN_SWAPS).await;
            counts
        };
        tokio::select! {
            counts = one => {
                let counts = counts?;
                for wrong in ["diverges", "stops"] {
                    ensure!(!counts.contains_key(wrong), "{counts:?}");
                }
                swaps += 1;
                swapped += counts.get("swapped").copied().unwrap_or_default();
            }
            // In the middle of whatever it does, also of a swap.
            () = tokio::time::sleep(BETWEEN_KILLS.saturating_sub(began.elapsed())), if kills < KILLS => {
                host.kill().await?;
                kills += 1;
                host = HostProcess::start(binary(), &config, None).await?;
                began = Instant::now();
            }
        }
    }
    println!("{RUNS} runs of {STEPS} calls: {swaps} rounds of swaps, {swapped} swaps, {kills} kills");
    ensure!(kills == KILLS && swapped > RUNS as u64, "the runs were over too soon to show anything");
    let caller = host.caller();
    eventually("no run is parked", async || Ok((open_runs(&caller).await? == 0).then_some(()))).await?;
    host.kill().await?;
    check(&folder, &keys).await
}

/// What is left when all is over.
async fn check(folder: &TempDir, keys: &Keys) -> Result<()> {
    let store = RedbStore::open(&folder.path().join("data"))?;
    let config = HostConfig::new(folder.path().join("data/cache"));
    let host = Host::open_to_look(config, Arc::new(store), Arc::new(SystemClock))?;
    let tenant = Tenant::default();
    let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(keys.len() as u64 == RUNS as u64 * STEPS, "{} keys", keys.len());
    let repeated = keys.values().filter(|count| **count > 1).count();
    // A request that was under way when the process was killed is made again, under the same key.
    ensure!(keys.values().all(|count| *count <= KILLS + 1), "{repeated} keys came more than once");
    let mut links = 0;
    for number in 0..RUNS {
        let run = RunRef::parse(&format!("s-{number}"))?;
        let chain = host.replay_chain(&tenant, &run).await.context("the chain cannot be replayed")?;
        links += chain.len();
        for link in chain {
            ensure!(link.verdict == ReplayVerdict::Identical, "{run:?} on {}: {:?}", link.version, link.reason);
        }
    }
    println!("{repeated} requests were repeated; {links} replays on {RUNS} chains of versions");
    ensure!(links > RUNS * 2, "{links} links");
    host.shutdown().await;
    Ok(())
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_freezing-host"))
}
