//! A host that dies in the middle of a call.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use abide_tests::{HostProcess, guests_dir};
use anyhow::{Result, ensure};
use axum::http::HeaderMap;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::{BOUND, COMPONENT};

/// A tool component that asks a server, which counts the idempotency keys and holds one request back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_killed_in_the_middle_of_a_call_goes_on() -> Result<()> {
    let keys = Arc::new(Mutex::new(Vec::<String>::new()));
    let (seen, held) = (keys.clone(), Arc::new(Notify::new()));
    let arrived = held.clone();
    let answer = move |headers: HeaderMap| {
        let (seen, arrived) = (seen.clone(), arrived.clone());
        async move {
            let key = headers["idempotency-key"].to_str().unwrap().to_owned();
            let count = {
                let mut seen = seen.lock().unwrap();
                seen.push(key);
                seen.len()
            };
            // The second request is that of the second call, in its first attempt.
            if count == 2 {
                arrived.notify_one();
                std::future::pending::<()>().await;
            }
            "hello"
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/", get(answer))).await });

    let folder = TempDir::new()?;
    let component = guests_dir().join("crm-tool.wasm");
    let component = COMPONENT.replace("crm-tool.wasm", &component.display().to_string());
    let config = folder.path().join("abide.toml");
    let text =
        format!("listen = \"127.0.0.1:0\"\ndata = \"data\"\n{component}http = {{ allow = [\"{address}\"] }}\n{BOUND}");
    std::fs::write(&config, text)?;
    let binary = Path::new(env!("CARGO_BIN_EXE_freezing-host"));

    let host = HostProcess::start(binary, &config, None).await?;
    host.deploy("crm-flow").await?;
    let url = format!("http://{address}/");
    let steps = json!([{ "fetch": url }, { "fetch": url }, { "find": "Ada" }, "echo"]);
    host.caller().start_run("crm-flow", "killed", &steps).await?;
    tokio::time::timeout(Duration::from_secs(60), held.notified()).await?;
    host.kill().await?;

    let host = HostProcess::start(binary, &config, None).await?;
    let run = host.caller().get("/v1/runs/killed/result?wait=60s").await?;
    let result = &run["outcome"]["ok"];
    ensure!(result[0] == json!({ "ok": 200 }) && result[1] == json!({ "ok": 200 }), "{run}");
    ensure!(result[2]["name"] == "Ada" && result[3] == json!({ "same": true }), "{run}");
    let replay = host.caller().post("/v1/runs/killed/replay", &Value::Null).await?;
    ensure!(replay["verdict"] == "identical", "{replay}");
    host.kill().await?;
    // What was durable is not asked again; what was in flight is, under the same key.
    let keys = keys.lock().unwrap().clone();
    ensure!(keys.len() == 3 && keys[0] != keys[1] && keys[1] == keys[2], "{keys:?}");
    Ok(())
}
