//! Starts the binary, as a host and as a client.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use abide_tests::guests_dir;
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for something that takes milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, away from the configuration of whoever runs the test.
pub(crate) fn abide() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_abide"));
    let abide = ["ABIDE_URL", "ABIDE_LOG", "ABIDE_TOKEN", "ABIDE_TOKEN_FILE", "ABIDE_TENANT", "ABIDE_CA_FILE"];
    let others = ["RUST_LOG", "OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL", "COLUMNS"];
    for name in abide.into_iter().chain(others) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The file of a guest.
pub(crate) fn guest(name: &str) -> PathBuf {
    guests_dir().join(format!("{name}.wasm"))
}

/// The tool that makes components of Python; `cargo xtask test` installs it.
pub(crate) fn componentize_py() -> PathBuf {
    let parts = std::env::var_os("ABIDE_TEST_PARTS").expect("ABIDE_TEST_PARTS is set by `cargo xtask test`");
    Path::new(&parts).join("languages/bin/componentize-py")
}

/// A host that is a process.
pub(crate) struct Host {
    pub(crate) child: Child,
    pub(crate) url: String,
    _stdout: BufReader<ChildStdout>,
}

impl Host {
    /// On any free port.
    pub(crate) fn start(data: &Path) -> Self {
        Self::listening(data, "127.0.0.1:0")
    }

    pub(crate) fn listening(data: &Path, listen: &str) -> Self {
        let mut command = abide();
        command.current_dir(data).args(["dev", "-o", "json", "--listen", listen]).arg("--data").arg(data.join("data"));
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let banner: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("the host did not start: {line:?}"));
        Self { child, url: banner["url"].as_str().unwrap().to_owned(), _stdout: stdout }
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same host again, on the same port and the same data.
    pub(crate) fn again(&mut self, data: &Path) {
        let listen = self.url.trim_start_matches("http://").to_owned();
        *self = Self::listening(data, &listen);
    }

    /// The binary as a client of this host.
    pub(crate) fn client<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = abide();
        command.env("ABIDE_URL", &self.url).args(arguments);
        command
    }

    /// Runs a command that succeeds, and gives what it prints.
    #[track_caller]
    pub(crate) fn run<const N: usize>(&self, arguments: [&str; N]) -> String {
        let output = self.client(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with `-o json`.
    #[track_caller]
    pub(crate) fn json<const N: usize>(&self, arguments: [&str; N]) -> Value {
        let output = self.client(arguments).args(["-o", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn deploy(&self, name: &str) {
        self.run(["deploy", guest(name).to_str().unwrap()]);
    }

    /// Waits until a run has so many events.
    pub(crate) fn until_events(&self, run: &str, count: usize) {
        let began = Instant::now();
        while self.json(["history", run]).as_array().unwrap().len() < count {
            assert!(began.elapsed() < PATIENCE, "the history stays shorter than {count}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that goes on while the test does other things.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let stderr = lines_of(child.stderr.take().unwrap());
        Self { child, lines, stderr }
    }

    /// The next line of standard output.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line in time")
    }

    /// The next line of standard error.
    #[track_caller]
    pub(crate) fn note(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).expect("a note in time")
    }

    /// Waits for the end: the exit status, and the rest of the lines.
    pub(crate) fn end(mut self) -> (i32, Vec<String>) {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if began.elapsed() > PATIENCE => {
                    self.child.kill().unwrap();
                    panic!("the command does not end");
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        (status.code().expect("no signal ended it"), self.lines.iter().collect())
    }
}

fn lines_of(reader: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A host in a folder of its own.
pub(crate) fn host() -> (Host, TempDir) {
    let folder = TempDir::new().unwrap();
    (Host::start(folder.path()), folder)
}

/// Exit status, standard output and standard error.
pub(crate) fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().expect("no signal ended it"), text(&output.stdout), text(&output.stderr))
}
