//! `cargo xtask parts`: real programs that tests run against (a mock of language models with faults, MCP servers), of fixed versions, in a
//! folder that is kept. Tests find it by the environment variable `ABIDE_TEST_PARTS`; nothing of it is needed to build or run abide.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt;
use crate::places::target_folder;
use crate::toolchain::run;

/// From PyPI.
const PYTHON: [&str; 2] = ["llmock==0.2.2", "mcp==2.3.0"];

/// From PyPI as well, in an environment of its own: what makes components of Python and of C.
const LANGUAGES: [&str; 2] = ["componentize-py==0.25.1", "ziglang==0.17.1"];

/// From npm.
const NODE: [&str; 2] =
    ["@modelcontextprotocol/server-everything@2026.8.31", "@modelcontextprotocol/server-filesystem@2026.8.31"];

/// From npm as well, in a folder of its own: what makes components of JavaScript with another engine than abide's, and components that others made.
const COMPONENTS: [&str; 2] = ["@bytecodealliance/componentize-js@0.23.0", "@bytecodealliance/jco-transpile@0.15.0"];

/// The tools that make components, each with its version.
pub(crate) fn component_tools() -> Vec<&'static str> {
    LANGUAGES.into_iter().chain(COMPONENTS).collect()
}

/// Where the parts are.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// What `ABIDE_TEST_PARTS` has to be: it has `python/bin`, `languages/bin`, `node/node_modules` and
    /// `components/node_modules`.
    pub(crate) folder: PathBuf,
}

impl Parts {
    /// A program of the environment for languages.
    pub(crate) fn language_tool(&self, name: &str) -> PathBuf {
        self.folder.join("languages/bin").join(name)
    }
}

/// Installs the parts and says where they are.
pub(crate) fn command() -> Result<()> {
    println!("ABIDE_TEST_PARTS={}", install()?.folder.display());
    Ok(())
}

/// Installs what is missing, which takes a minute the first time and nothing after that.
pub(crate) fn install() -> Result<Parts> {
    let folder = target_folder()?.join("parts");
    require_interpreters()?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // Two that install at the same time would tear down what the other builds. The lock goes with the file.
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("cannot wait for another installation")?;
    for (name, packages) in [("python", PYTHON), ("languages", LANGUAGES)] {
        install_once(&folder.join(name), &packages, |folder| {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))
                .context("install Python 3.10 or later with its module `venv`")?;
            run(Command::new(folder.join("bin/pip"))
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .args(packages))
            .context("the packages from PyPI cannot be installed")
        })?;
    }
    for (name, packages) in [("node", NODE), ("components", COMPONENTS)] {
        install_once(&folder.join(name), &packages, |folder| {
            fs::create_dir_all(folder)?;
            fs::write(folder.join("package.json"), "{\"private\":true}\n")?;
            run(Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--no-update-notifier", "--silent", "--save-exact"])
                .args(packages)
                .current_dir(folder))
            .context("the packages from npm cannot be installed: install Node.js 20 or later")
        })?;
    }
    Ok(Parts { folder })
}

/// Python with `venv`, and Node.js with npm.
fn require_interpreters() -> Result<()> {
    let works = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if !works("python3", &["-c", "import ensurepip, venv"]) {
        apt::install(&["python3", "python3-venv"], "install Python 3.10 or later with its module `venv`")?;
    }
    if !works("node", &["--version"]) || !works("npm", &["--version"]) {
        apt::install(&["nodejs", "npm"], "install Node.js 20 or later with npm")?;
    }
    Ok(())
}

/// Calls `install` unless the folder was made for the same packages before. A stamp that comes last tells, so one that was broken off is
/// made anew.
fn install_once(folder: &Path, packages: &[&str], install: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let stamp = folder.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("installing {}", packages.join(", "));
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    install(folder)?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
