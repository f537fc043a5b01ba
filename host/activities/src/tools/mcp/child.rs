//! An MCP server that runs as a child process: it never outlives the connection.
//!
//! When the connection is dropped, the child's input closes, which ends any decent server. One that stays is killed with all
//! that it started. When the host itself is killed, the system closes that input, so the server ends as well.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_model::Error;
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::errors::Errors;
use crate::config::{McpStdioProvider, Secret, environment, wrong};
use crate::trouble::Trouble;

/// What of the host's environment every child is given. All else, such as keys, only if the configuration says so.
const PASSED_ENV: [&str; 10] = ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

/// How long a server has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// How long is waited for the exit status of a server that closed its output.
const END_PATIENCE: Duration = Duration::from_millis(500);

const MAX_LINE_BYTES: usize = 1000;
const LINES_KEPT: usize = 3;

/// How a child is started.
#[derive(Debug)]
pub(crate) struct Recipe {
    key: String,
    program: PathBuf,
    args: Vec<String>,
    env: BTreeMap<String, Secret>,
    cwd: PathBuf,
}

impl Recipe {
    pub(crate) fn new(key: &str, config: &McpStdioProvider, base_dir: &Path) -> Result<Self, Error> {
        if config.command.is_empty() {
            return Err(wrong(&format!("{key}.command"), "is missing: give the program that is the MCP server"));
        }
        // The folder of a bare `abide.toml` is an empty path, in which no process can start; and a relative program would be looked for
        // from the child's folder.
        let here = std::env::current_dir()
            .map_err(|error| wrong(key, format_args!("cannot be started: the working folder is gone: {error}")))?;
        let base_dir = here.join(base_dir);
        let has_folder = config.command.contains(std::path::MAIN_SEPARATOR);
        let program = if has_folder { base_dir.join(&config.command) } else { PathBuf::from(&config.command) };
        let mut env = BTreeMap::new();
        for variable in &config.pass_env {
            env.insert(variable.clone(), environment(&format!("{key}.pass_env"), variable)?);
        }
        env.extend(config.env.clone());
        let cwd = config.cwd.as_ref().map_or_else(|| base_dir.clone(), |cwd| base_dir.join(cwd));
        Ok(Self { key: key.to_owned(), program, args: config.args.clone(), env, cwd })
    }

    /// What messages must not show.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.env.values()
    }

    /// Starts the child.
    pub(crate) fn spawn(&self, errors: &Arc<Errors>) -> Result<(Child, ChildStdout, ChildStdin), Trouble> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(PASSED_ENV.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .envs(self.env.iter().map(|(name, value)| (name, value.expose())))
            .current_dir(&self.cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: Ctrl-C at a terminal reaches the host, which then ends the child in good order, with all that it started.
        #[cfg(unix)]
        command.process_group(0);
        let cannot = |why: String| Trouble::passing("unavailable", format!("`{}` does not start: {why}", self.key));
        let mut child = command.spawn().map_err(|error| {
            cannot(format!("{} ({error}): check `command` and `cwd` of `[{}]`", self.program.display(), self.key))
        })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(cannot("it has no pipes".to_owned()));
        };
        info!(provider = self.key, pid = child.id(), "started an MCP server");
        let last_words = Arc::new(LastWords::default());
        tokio::spawn(listen(stderr, errors.clone(), last_words.clone()));
        let (ended_in, ended) = watch::channel(None);
        let leave = CancellationToken::new();
        tokio::spawn(keep(child, self.key.clone(), leave.clone(), ended_in));
        Ok((Child { leave, ended, last_words }, stdout, stdin))
    }
}

/// The handle of a child. Dropping it ends the child.
#[derive(Debug)]
pub(crate) struct Child {
    leave: CancellationToken,
    ended: watch::Receiver<Option<ExitStatus>>,
    last_words: Arc<LastWords>,
}

impl Drop for Child {
    fn drop(&mut self) {
        self.leave.cancel();
    }
}

impl Child {
    /// How it ended, if it did, in words that follow its name.
    pub(crate) async fn end(&self) -> Option<String> {
        let mut ended = self.ended.clone();
        let status = tokio::time::timeout(END_PATIENCE, ended.wait_for(Option::is_some)).await.ok()?.ok()?;
        let status = (*status)?;
        Some(match self.last_words.get() {
            Some(words) => format!("ended ({status}); its last words: {words}"),
            None => format!("ended ({status})"),
        })
    }

    /// Ends it, and waits until it has.
    pub(crate) async fn close(&self) {
        self.leave.cancel();
        let mut ended = self.ended.clone();
        // An error means that the task which keeps the child is gone, and then so is the child.
        drop(tokio::time::timeout(GRACE * 2, ended.wait_for(Option::is_some)).await);
    }
}

/// Owns the process until it has ended. If the runtime drops this task, the process is killed.
async fn keep(
    mut child: tokio::process::Child,
    provider: String,
    leave: CancellationToken,
    ended: watch::Sender<Option<ExitStatus>>,
) {
    let pid = child.id();
    let status = tokio::select! {
        status = child.wait() => status,
        () = leave.cancelled() => match tokio::time::timeout(GRACE, child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                debug!(provider, "an MCP server does not end by itself and is killed");
                kill_group(&child);
                if let Err(error) = child.start_kill() {
                    debug!(provider, %error, "an MCP server could not be killed");
                }
                child.wait().await
            }
        },
    };
    match status {
        Ok(status) => {
            info!(provider, pid, %status, "an MCP server ended");
            ended.send_replace(Some(status));
        }
        Err(error) => debug!(provider, pid, %error, "an MCP server cannot be waited for"),
    }
}

/// Kills what the child started too, such as the server behind `npx`.
#[cfg(unix)]
fn kill_group(child: &tokio::process::Child) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL)
    {
        debug!(%error, "the processes of an MCP server could not be killed");
    }
}

#[cfg(not(unix))]
fn kill_group(_: &tokio::process::Child) {}

/// The last lines that a child wrote to its standard error.
#[derive(Debug, Default)]
struct LastWords(Mutex<VecDeque<String>>);

impl LastWords {
    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn get(&self) -> Option<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!lines.is_empty()).then(|| lines.iter().map(String::as_str).collect::<Vec<_>>().join(" / "))
    }
}

/// Reads what a child writes to its standard error, to its end, or else the child would block. Lines are cut, and shown to developers.
async fn listen(mut stderr: ChildStderr, errors: Arc<Errors>, last_words: Arc<LastWords>) {
    let mut buffer = [0; 4096];
    let mut line = Vec::new();
    loop {
        let read = stderr.read(&mut buffer).await.unwrap_or(0);
        for byte in &buffer[..read] {
            match byte {
                b'\n' => flush(&mut line, &errors, &last_words),
                _ if line.len() < MAX_LINE_BYTES => line.push(*byte),
                _ => {}
            }
        }
        if read == 0 {
            flush(&mut line, &errors, &last_words);
            return;
        }
    }
}

fn flush(line: &mut Vec<u8>, errors: &Errors, last_words: &LastWords) {
    let text = errors.redactor.quote(&String::from_utf8_lossy(line));
    line.clear();
    if !text.is_empty() {
        debug!(provider = errors.provider, line = text, "an MCP server wrote to its standard error");
        last_words.add(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_starts_in_a_folder_even_where_the_configuration_is_in_the_working_one() {
        let config = McpStdioProvider { command: "bin/server".to_owned(), ..McpStdioProvider::default() };
        let recipe = Recipe::new("tools.t", &config, Path::new("")).unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(recipe.cwd, here.join(""));
        assert_eq!(recipe.program, here.join("bin/server"));
        let recipe = Recipe::new("tools.t", &config, Path::new("etc")).unwrap();
        assert_eq!(recipe.cwd, here.join("etc"));
    }
}
