//! Packages of a Debian-like system, installed where we may. Who asks for one says what to do by hand where we may not.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::toolchain::run;

/// Installs packages. `by_hand` completes the sentence of the error where that is not possible.
pub(crate) fn install(packages: &[&str], by_hand: &str) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!("there is no apt-get to install packages with: {by_hand}");
    }
    if !is_root() {
        bail!("only root can install packages: {by_hand}");
    }
    println!("installing {}", packages.join(", "));
    if !try_install(packages) {
        // The lists of packages may be missing or old.
        run(&mut apt(&["update"]))?;
        if !try_install(packages) {
            bail!("apt-get could not install {}: {by_hand}", packages.join(", "));
        }
    }
    Ok(())
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn apt(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
    command
}

fn try_install(packages: &[&str]) -> bool {
    let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
    command.args(packages).status().is_ok_and(|status| status.success())
}
