//! Compiling a component in a process of its own, which has so much time and so much memory. What a component makes of the compiler ends there:
//! a component that takes it minutes, that fills the memory or that finds a fault in it is refused, and costs the host nothing else.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use abide_model::{Error, ErrorCode};

use crate::{Engine, EngineConfig};

/// How a component is compiled elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// A program that does what [`serve_compiler`] does, with the arguments `--memory-bytes N` after these.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// How long it may take.
    pub patience: Duration,
}

/// The most machine code that is taken.
const MAX_CODE_BYTES: u64 = 1 << 30;
/// The most that is read of what it says on standard error.
const MAX_WORDS_BYTES: u64 = 4096;
/// The first bytes of the answer: the code id of the engine that compiled, of so many bytes.
const CODE_ID_BYTES: usize = 16;

impl Compiler {
    /// Compiles a component for engines of this code id. Blocks.
    pub(crate) fn compile(&self, component: &[u8], max_memory_bytes: u64, code_id: &str) -> Result<Vec<u8>, Error> {
        let broken = |what: String| Error::new(ErrorCode::Internal, format!("the compiler cannot be run: {what}"));
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .args(["--memory-bytes", &max_memory_bytes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| broken(format!("`{}`: {error}", self.program.display())))?;
        let (Some(mut input), Some(output), Some(words)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(broken("it has no pipes".to_owned()));
        };
        let mut child = Killed(child);
        let began = Instant::now();
        std::thread::scope(|scope| {
            // One that ends before it has read all says why on its standard error.
            scope.spawn(move || drop(input.write_all(component)));
            let output = scope.spawn(move || read(output, MAX_CODE_BYTES));
            let words = scope.spawn(move || read(words, MAX_WORDS_BYTES));
            let status = loop {
                match child.0.try_wait() {
                    Ok(Some(status)) => break Some(status),
                    Ok(None) if began.elapsed() < self.patience => std::thread::sleep(pause(began.elapsed())),
                    Ok(None) => break None,
                    Err(error) => return Err(broken(error.to_string())),
                }
            };
            let Some(status) = status else {
                // Its pipes end with it, and with them the threads.
                drop(child);
                return Err(refused(format_args!(
                    "takes the compiler more than {} s: it has functions that are too large, or too many; \
                     `compile_timeout_ms` of `[host]` says how long it may take",
                    self.patience.as_secs_f64()
                )));
            };
            let output = output.join().unwrap_or_default();
            let words = String::from_utf8_lossy(&words.join().unwrap_or_default()).trim().to_owned();
            match output.split_at_checked(CODE_ID_BYTES) {
                Some((id, code)) if status.success() && id == code_id.as_bytes() => Ok(code.to_vec()),
                Some(_) if status.success() => Err(broken("it is of another release than the host".to_owned())),
                _ if status.code() == Some(REFUSED) => Err(Error::new(ErrorCode::InvalidComponent, words)),
                _ => {
                    tracing::warn!(%status, words, "the compiler ended before it had compiled a component");
                    Err(refused(format_args!(
                        "is more than the compiler can do ({status}): it took too much memory, or time"
                    )))
                }
            }
        })
    }
}

/// A process that is not needed any more is killed, whatever happens.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks often at first: most components take some hundred milliseconds.
fn pause(waited: Duration) -> Duration {
    (waited / 20).clamp(Duration::from_millis(1), Duration::from_millis(100))
}

fn read(from: impl Read, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    match from.take(most).read_to_end(&mut bytes) {
        Ok(_) => bytes,
        Err(_) => Vec::new(),
    }
}

fn refused(why: std::fmt::Arguments<'_>) -> Error {
    Error::new(ErrorCode::InvalidComponent, format!("the component {why}"))
}

/// The exit code of a compiler that refuses a component, with its reason on standard error.
const REFUSED: i32 = 3;

/// What the process does: compiles what comes on standard input for engines whose memories may have so many bytes, and gives its exit code. The
/// bounds of the process are its own affair, and are set before this.
pub fn serve_compiler(max_memory_bytes: u64) -> i32 {
    let compile = || -> Result<(), Error> {
        let failed = |error: std::io::Error| Error::new(ErrorCode::Internal, error.to_string());
        let mut component = Vec::new();
        std::io::stdin().lock().read_to_end(&mut component).map_err(failed)?;
        // Of one guest: nothing runs here. What the code depends on is the same for any number.
        let engine = Engine::new(&EngineConfig { max_guests: 1, max_memory_bytes })?;
        let code = engine.compile(&component)?;
        let mut output = std::io::stdout().lock();
        output.write_all(engine.code_id().as_bytes()).and_then(|()| output.write_all(&code)).map_err(failed)?;
        output.flush().map_err(failed)
    };
    match compile() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            if error.code == ErrorCode::InvalidComponent { REFUSED } else { 1 }
        }
    }
}
