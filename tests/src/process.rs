//! The real host in a process of its own, to be killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::{FreezeAt, guest};

/// How long a test waits for something that takes a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host process.
pub struct HostProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    caller: Caller,
}

impl HostProcess {
    /// Starts a host; `binary` is the freezing one.
    pub async fn start(binary: &Path, config: &Path, freeze: Option<FreezeAt>) -> Result<Self> {
        let mut command = Command::new(binary);
        command.arg(config).args(freeze.map(|at| at.to_string())).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().context("the host does not start")?;
        let stdout = child.stdout.take().context("the host has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??.context("the host ended at once")?;
        let address = line.strip_prefix("listening ").with_context(|| format!("the host said `{line}`"))?;
        let client = client()?;
        Ok(Self { child, caller: Caller { url: format!("http://{address}"), client }, lines })
    }

    /// Waits until the host's store is frozen. `false` where the host ended instead.
    pub async fn frozen(&mut self) -> Result<bool> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.context("the store does not freeze")?;
        Ok(line?.as_deref() == Some("frozen"))
    }

    /// SIGKILL.
    pub async fn kill(mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// For asking it, also from beside the test.
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Uploads a guest.
    pub async fn deploy(&self, name: &str) -> Result<()> {
        self.caller.send("POST", &format!("/v1/versions?name={name}"), guest(name).to_vec(), None).await?;
        Ok(())
    }

    /// The events of a run.
    pub async fn history(&self, id: &str) -> Result<Vec<Value>> {
        self.caller.history(id).await
    }
}

/// Asks a host.
#[derive(Clone)]
pub struct Caller {
    url: String,
    client: reqwest::Client,
}

impl Caller {
    /// Starts a run, or finds the one that is open.
    pub async fn start_run(&self, workflow: &str, id: &str, input: &Value) -> Result<Value> {
        let body = json!({ "workflow": workflow, "id": id, "input": input, "if_running": "use" });
        self.post("/v1/runs", &body).await
    }

    /// Sends a signal under an idempotency key.
    pub async fn signal(&self, id: &str, name: &str, payload: &Value, key: &str) -> Result<Value> {
        self.send("POST", &format!("/v1/runs/{id}/signals/{name}"), payload.to_string().into_bytes(), Some(key)).await
    }

    /// Posts JSON; nothing for `null`.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.send("POST", path, body, None).await
    }

    /// Posts a component.
    pub async fn upload(&self, path: &str, component: Vec<u8>) -> Result<Value> {
        self.send("POST", path, component, None).await
    }

    /// Gets JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.send("GET", path, Vec::new(), None).await
    }

    async fn send(&self, method: &str, path: &str, body: Vec<u8>, key: Option<&str>) -> Result<Value> {
        let mut request = self.client.request(method.parse()?, format!("{}{path}", self.url)).body(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answer = request.header("content-type", "application/json").send().await?;
        let (status, bytes) = (answer.status(), answer.bytes().await?);
        ensure!(status.is_success(), "{method} {path}: {status}: {}", String::from_utf8_lossy(&bytes));
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// The events of a run.
    pub async fn history(&self, id: &str) -> Result<Vec<Value>> {
        let page = self.get(&format!("/v1/runs/{id}/history?limit=1000")).await?;
        Ok(page["events"].as_array().cloned().unwrap_or_default())
    }
}

/// An HTTP client. All that it asks is on this machine, but it wants to know its TLS all the same.
pub(crate) fn client() -> Result<reqwest::Client> {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().timeout(PATIENCE).build()?)
}

/// Waits until `check` gives something.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = check().await? {
            return Ok(found);
        }
        if began.elapsed() > PATIENCE {
            bail!("waited in vain for {what}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A folder that is copied for each position at which a host is killed.
pub fn copy_folder(from: &Path, to: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(to.to_owned())
}
