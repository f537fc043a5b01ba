//! componentize-py: where it is, and which packages a component finds in its environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::building::unbuildable;
use crate::exit::Fault;
use crate::output;

/// The release that this one is tested with.
const TESTED: &str = "componentize-py 0.25.1";
const INSTALL: &str = "pip install componentize-py==0.25.1";
const PROGRAM: &str = "componentize-py";

/// The tool.
#[derive(Debug)]
pub(super) struct Tool {
    path: PathBuf,
    version: String,
}

impl Tool {
    /// Looks at `ABIDE_COMPONENTIZE_PY`, then in `.venv` of the folder and of those above, then in the environment that is active, then in `PATH`.
    pub(super) fn find(folder: &Path) -> Result<Self, Fault> {
        let path = match std::env::var_os("ABIDE_COMPONENTIZE_PY").filter(|path| !path.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => search(folder).ok_or_else(|| {
                unbuildable(format!(
                    "a workflow in Python is built with componentize-py, which is not here: run `{INSTALL}`, in the environment of the \
                     project or any other, or say where it is with `ABIDE_COMPONENTIZE_PY`"
                ))
            })?,
        };
        let asked = Command::new(&path).arg("--version").output();
        let answer = asked
            .map_err(|error| unbuildable(format!("`{}` does not start: {error}: run `{INSTALL}`", path.display())))?;
        let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if !answer.status.success() || !version.starts_with(PROGRAM) {
            return Err(unbuildable(format!(
                "`{} --version` does not say that it is componentize-py: run `{INSTALL}`",
                path.display()
            )));
        }
        if version != TESTED {
            output::note(format!("{version} is not the release that abide is tested with: {TESTED}"));
        }
        Ok(Self { path, version })
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn shown(&self) -> String {
        format!("`{}`", self.path.display())
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        // The backtrace would be that of the tool, which tells the author of a workflow nothing.
        command.env("RUST_BACKTRACE", "0");
        command
    }

    /// The packages of the environment that the tool is in, with their versions.
    pub(super) fn packages(&self) -> Vec<String> {
        let libraries = self.path.parent().and_then(Path::parent).map(|environment| environment.join("lib"));
        let pythons = libraries.and_then(|libraries| libraries.read_dir().ok()).into_iter().flatten().flatten();
        let entries =
            pythons.filter_map(|python| python.path().join("site-packages").read_dir().ok()).flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut packages: Vec<_> = names.filter(|name| name.ends_with(".dist-info")).collect();
        packages.sort();
        packages
    }
}

fn search(folder: &Path) -> Option<PathBuf> {
    let in_environment = |environment: &Path| Some(environment.join("bin").join(PROGRAM)).filter(|path| path.is_file());
    let of_project = folder.ancestors().find_map(|folder| in_environment(&folder.join(".venv")));
    let active = || in_environment(Path::new(&std::env::var_os("VIRTUAL_ENV")?));
    let path = std::env::var_os("PATH");
    let in_path = || {
        let folders = std::env::split_paths(path.as_deref().unwrap_or(OsStr::new("")));
        folders.map(|folder| folder.join(PROGRAM)).find(|path| path.is_file())
    };
    of_project.or_else(active).or_else(in_path)
}
