//! What the demo shows: the commands that it runs with what they print, like a transcript of a terminal, and words in between.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::stage::Stage;

/// How long a host may take until it listens.
const STARTING: Duration = Duration::from_secs(60);

/// A terminal in the demo's folder, with the binary `abide` at hand.
pub(crate) struct Terminal {
    stage: Stage,
    abide: PathBuf,
    data: String,
    listen: String,
    host: u32,
}

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n── {text} ──\n");
}

/// A sentence between the commands.
pub(crate) fn say(text: &str) {
    println!("# {text}");
}

impl Terminal {
    /// A terminal for the binary `abide`. The data of the host goes to `data`.
    pub(crate) fn new(stage: Stage, abide: PathBuf, data: &str) -> Result<Self> {
        // Free now, and the host has it in a moment; a host that is started again wants the same one.
        let listen = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string();
        Ok(Self { stage, abide, data: data.to_owned(), listen, host: 0 })
    }

    /// The folder in which all happens.
    pub(crate) fn folder(&self) -> &Path {
        self.stage.folder()
    }

    /// Starts the host and waits until it listens.
    pub(crate) fn start_host(&mut self) -> Result<()> {
        println!("$ abide dev --data {} --listen {} &", self.data, self.listen);
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = self.command();
        command.args(["dev", "--data", &self.data, "--listen", &self.listen]).stderr(log);
        let (id, output) = self.stage.start_host(&mut command)?;
        self.host = id;
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in BufReader::new(output).lines().map_while(Result::ok) {
                // The first line is all that anybody waits for; the rest is read so that the host can write it.
                let _ = line.send(text);
            }
        });
        let began = Instant::now();
        loop {
            if let Ok(text) = lines.recv_timeout(Duration::from_millis(50)) {
                println!("{text}");
                return Ok(());
            }
            if let Some(status) = self.stage.host_ended() {
                bail!("the host ended with {status} before it listened");
            }
            if began.elapsed() > STARTING {
                bail!("the host does not listen after {STARTING:?}");
            }
        }
    }

    /// Kills the host, as rudely as it gets.
    pub(crate) fn kill_host(&mut self) -> Result<()> {
        println!("$ kill -9 {}", self.host);
        self.stage.kill_host()
    }

    /// Stops the host in order.
    pub(crate) fn stop_host(&mut self) -> Result<()> {
        println!("$ kill {}", self.host);
        self.stage.stop_host()
    }

    /// Runs a command of `abide`, shows it and what it prints, and gives that.
    pub(crate) fn abide(&self, arguments: &[&str]) -> Result<String> {
        println!("$ abide {}", shown(arguments));
        let output = self.run(arguments)?;
        print!("{output}");
        Ok(output)
    }

    /// Runs a command of `abide` and reads the JSON that it prints. Nothing is shown.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.run(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&output).with_context(|| format!("`abide {}` printed no JSON", shown(arguments)))
    }

    /// Asks until the answer is right.
    pub(crate) fn ask_until(
        &self,
        arguments: &[&str],
        patience: Duration,
        right: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let began = Instant::now();
        loop {
            let answer = self.ask(arguments)?;
            if right(&answer) {
                return Ok(answer);
            }
            if began.elapsed() > patience {
                bail!("after {patience:?}, `abide {}` still says: {answer}", shown(arguments));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the host logged, for when something went wrong.
    pub(crate) fn host_log(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder().join("host.log")
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command().args(arguments).output().context("`abide` does not start")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`abide {}` ended with {}: {}", shown(arguments), output.status, said.trim());
        }
        String::from_utf8(output.stdout).context("`abide` printed something that is no text")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.abide);
        command.current_dir(self.folder()).env("ABIDE_URL", format!("http://{}", self.listen));
        // The demo looks the same wherever it runs.
        for name in ["ABIDE_LOG", "RUST_LOG", "COLUMNS", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"] {
            command.env_remove(OsStr::new(name));
        }
        command
    }
}

/// Arguments as one would type them.
fn shown(arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
        if argument.bytes().all(plain) { (*argument).to_owned() } else { format!("'{argument}'") }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_shown_as_one_would_type_them() {
        assert_eq!(shown(&["signal", "lisbon", r#"{"by": "grace"}"#]), r#"signal lisbon '{"by": "grace"}'"#);
    }
}
