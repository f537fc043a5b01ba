//! What must be gone when the demo ends: the host's process and the temporary folder. They go with [`Stage`], and also when the
//! demo itself is told to stop (Ctrl-C, SIGTERM).

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio, exit};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tempfile::TempDir;

/// How long a host may take to stop in order.
const STOPPING: Duration = Duration::from_secs(20);

/// Holds the process and the folder.
pub(crate) struct Stage {
    things: Arc<Mutex<Things>>,
    folder: PathBuf,
}

struct Things {
    host: Option<Child>,
    folder: Option<TempDir>,
    /// Nothing may come any more.
    over: bool,
}

impl Stage {
    /// An empty stage, with a temporary folder.
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("abide-demo-").tempdir().context("no temporary folder")?;
        let path = folder.path().to_owned();
        let things = Arc::new(Mutex::new(Things { host: None, folder: Some(folder), over: false }));
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let watched = things.clone();
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                lock(&watched).clear();
                exit(128 + signal);
            }
        });
        Ok(Self { things, folder: path })
    }

    /// The temporary folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the host. Gives its process id and its standard output.
    pub(crate) fn start_host(&self, command: &mut Command) -> Result<(u32, ChildStdout)> {
        let mut things = lock(&self.things);
        if things.over || things.host.is_some() {
            bail!("there is a host already");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the host does not start")?;
        let id = child.id();
        let output = child.stdout.take();
        things.host = Some(child);
        Ok((id, output.context("the host has no output")?))
    }

    /// Whether the host ended by itself, and how.
    pub(crate) fn host_ended(&self) -> Option<String> {
        let mut things = lock(&self.things);
        let status = things.host.as_mut()?.try_wait().ok()??;
        Some(status.to_string())
    }

    /// Kills the host with SIGKILL: it cannot do anything about it, and does not hear of it.
    pub(crate) fn kill_host(&self) -> Result<()> {
        let mut child = lock(&self.things).host.take().context("there is no host to kill")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks the host to stop and waits until it did.
    pub(crate) fn stop_host(&self) -> Result<()> {
        let id = lock(&self.things).host.as_ref().map(Child::id).context("there is no host to stop")?;
        if !Command::new("kill").args(["-TERM", &id.to_string()]).status()?.success() {
            bail!("the host cannot be told to stop");
        }
        let began = Instant::now();
        while began.elapsed() < STOPPING {
            let mut things = lock(&self.things);
            if let Some(status) = things.host.as_mut().context("the host is gone")?.try_wait()? {
                things.host = None;
                if !status.success() {
                    bail!("the host was told to stop, and ended with {status}");
                }
                return Ok(());
            }
            drop(things);
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the host does not stop within {STOPPING:?}")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        lock(&self.things).clear();
    }
}

impl Things {
    fn clear(&mut self) {
        self.over = true;
        if let Some(mut host) = self.host.take() {
            // Either may fail only because it has ended by itself in the meantime.
            drop(host.kill());
            drop(host.wait());
        }
        self.folder = None;
    }
}

fn lock(things: &Mutex<Things>) -> MutexGuard<'_, Things> {
    things.lock().unwrap_or_else(PoisonError::into_inner)
}
