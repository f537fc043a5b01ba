//! How the process ends: the exit status, and what is said on standard error.
//!
//! | status | meaning |
//! | --- | --- |
//! | 0 | done |
//! | 1 | the run failed, a replay is not identical, or an inspected file is refused |
//! | 2 | the arguments, a file or a JSON text are not right, or a source does not build |
//! | 3 | the host cannot be reached |
//! | 4 | the host refused |
//! | 5 | the run is still open |
//! | 6 | the host itself cannot start, or had to stop |

use std::process::ExitCode;

use abide_model::{Error, ErrorCode};
use abide_server::Problem;
use serde_json::json;

use crate::output::{ClosedPipe, Format};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    RunFailed = 1,
    Usage = 2,
    Unreachable = 3,
    Refused = 4,
    StillOpen = 5,
    HostFailed = 6,
}

/// An error that says how the process is to end.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) exit: Exit,
    /// A code for programs.
    pub(crate) code: String,
    pub(crate) message: String,
    /// The whole problem, if the host answered with one.
    pub(crate) problem: Option<Box<Problem>>,
}

impl Fault {
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self { exit, code: code.to_owned(), message: message.into(), problem: None }
    }

    /// The arguments, a file or a JSON text are not right.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, ErrorCode::InvalidArgument.as_str(), message)
    }

    /// Of the host that this process is.
    pub(crate) fn of_host(error: Error) -> Self {
        let exit = if error.code == ErrorCode::InvalidConfig { Exit::Usage } else { Exit::HostFailed };
        Self::new(exit, error.code.as_str(), error.message)
    }
}

/// Whether the host refused with that code.
pub(crate) fn has_code(error: &anyhow::Error, code: ErrorCode) -> bool {
    error.downcast_ref::<Fault>().is_some_and(|fault| fault.code == code.as_str())
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let exit = if problem.code == ErrorCode::NotYet.as_str() { Exit::StillOpen } else { Exit::Refused };
        Self { exit, code: problem.code.clone(), message: problem.detail.clone(), problem: Some(Box::new(problem)) }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// Says what went wrong, if something did, and gives the exit status.
pub(crate) fn report(done: anyhow::Result<Exit>, format: Format) -> ExitCode {
    let exit = match done {
        Ok(exit) => exit,
        // Whoever read the output has seen enough.
        Err(error) if error.is::<ClosedPipe>() => Exit::Done,
        Err(error) => match error.downcast_ref::<Fault>() {
            Some(fault) => complain(fault.exit, &fault.code, &format!("{error:#}"), fault.problem.as_deref(), format),
            None => complain(Exit::HostFailed, ErrorCode::Internal.as_str(), &format!("{error:#}"), None, format),
        },
    };
    ExitCode::from(exit as u8)
}

fn complain(exit: Exit, code: &str, message: &str, problem: Option<&Problem>, format: Format) -> Exit {
    // Nobody may read standard error either; there is nowhere left to say so.
    use std::io::Write;
    let mut stderr = std::io::stderr().lock();
    let _ = match (format, problem) {
        (Format::Text, _) => writeln!(stderr, "abide: {message}"),
        (Format::Json, Some(problem)) => writeln!(stderr, "{}", json!(problem)),
        (Format::Json, None) => writeln!(stderr, "{}", json!({"code": code, "detail": message})),
    };
    exit
}
