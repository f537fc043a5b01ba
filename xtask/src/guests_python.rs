//! The guests in Python of `tests/guests-python` and `examples`: built by the command `abide build`, which keeps what it built before.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::demo::built_host;
use crate::parts::Parts;
use crate::places::{self, root, target_folder};
use crate::toolchain::run;

/// Each with the name of its guest.
const SOURCES: [(&str, &str); 2] = [
    ("tests/guests-python/python_kitchen.py", "python-kitchen"),
    ("examples/researcher-python/researcher.py", "researcher-python"),
];

/// Builds them into the folder of the other guests.
pub(crate) fn build(parts: &Parts) -> Result<()> {
    let target = target_folder()?;
    let mut cargo = places::cargo();
    // As the tests are built, which come next mostly: another selection would have other features, and all would be built twice.
    cargo.args(["test", "--workspace", "--no-run", "--target-dir"]).arg(&target);
    run(&mut cargo).context("the command `abide` does not build")?;
    let guests = target.join("guests");
    fs::create_dir_all(&guests)?;
    for (source, name) in SOURCES {
        println!("building {name} (Python)");
        let mut abide = Command::new(built_host()?);
        abide.arg("build").arg(root().join(source)).arg("--out").arg(guests.join(format!("{name}.wasm")));
        abide.env("ABIDE_COMPONENTIZE_PY", tool(parts)).env("ABIDE_CACHE", target.join("abide-cache"));
        run(&mut abide).with_context(|| format!("{source} does not build"))?;
    }
    Ok(())
}

fn tool(parts: &Parts) -> PathBuf {
    parts.language_tool("componentize-py")
}
