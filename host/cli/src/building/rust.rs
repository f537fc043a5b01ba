//! Rust: cargo builds the crate for `wasm32-unknown-unknown`. What comes of it is a core module that carries its component's types.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use serde::Deserialize;

use super::{read, unbuildable};
use crate::exit::Fault;

const TARGET: &str = "wasm32-unknown-unknown";

/// The name of the crate.
pub(super) fn package_name(manifest: &Path) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Option<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
    }
    let shown = manifest.display();
    let text =
        std::fs::read_to_string(manifest).map_err(|error| Fault::usage(format!("cannot read `{shown}`: {error}")))?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|error| Fault::usage(format!("`{shown}` is no manifest: {error}")))?;
    let package = manifest.package.ok_or_else(|| {
        Fault::usage(format!("`{shown}` is a workspace without a package: name the folder of the workflow's crate"))
    })?;
    Ok(package.name)
}

/// Builds a crate.
pub(super) fn build(manifest: &Path) -> Result<Bytes, Fault> {
    let name = package_name(manifest)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.args(["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"]);
    command.arg("--manifest-path").arg(manifest).stdout(Stdio::piped());
    let cannot = |error| unbuildable(format!("`cargo` does not start: {error}: install Rust from https://rustup.rs"));
    let mut child = command.spawn().map_err(cannot)?;
    let lines = child.stdout.take().map(|stdout| BufReader::new(stdout).lines().map_while(Result::ok));
    let files: Vec<PathBuf> = lines.into_iter().flatten().filter_map(|line| component_of(&line, &name)).collect();
    let status = child.wait().map_err(cannot)?;
    if !status.success() {
        return Err(unbuildable(format!(
            "the crate `{name}` does not build; where the target is missing (`can't find crate for core`), run `rustup target add {TARGET}`"
        )));
    }
    match files.as_slice() {
        [file] => read(file),
        _ => Err(unbuildable(format!(
            "the crate `{name}` made no component: its `Cargo.toml` needs `[lib]` with `crate-type = [\"cdylib\"]`"
        ))),
    }
}

/// The web assembly that a line of cargo's messages says it made of the library of that package.
fn component_of(line: &str, package: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        #[serde(default)]
        filenames: Vec<PathBuf>,
        target: Option<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    let message: Message = serde_json::from_str(line).ok()?;
    let target = message.target.filter(|_| message.reason == "compiler-artifact")?;
    let is_ours =
        target.name.replace('-', "_") == package.replace('-', "_") && target.kind.iter().any(|it| it == "cdylib");
    let is_wasm = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "wasm");
    message.filenames.into_iter().find(is_wasm).filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_found_in_what_cargo_says() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"my_bot","kind":["cdylib"]},"filenames":["/t/my_bot.wasm"]}"#;
        assert_eq!(component_of(line, "my-bot"), Some(PathBuf::from("/t/my_bot.wasm")));
        assert_eq!(component_of(line, "other"), None);
        assert_eq!(component_of(r#"{"reason":"build-finished","success":true}"#, "my-bot"), None);
        assert_eq!(component_of("warning: x", "my-bot"), None);
    }

    #[test]
    fn a_workspace_is_no_crate() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("Cargo.toml");
        std::fs::write(&manifest, "[workspace]\n").unwrap();
        assert!(package_name(&manifest).unwrap_err().message.contains("workspace"));
        std::fs::write(&manifest, "[package\n").unwrap();
        assert!(package_name(&manifest).unwrap_err().message.contains("no manifest"));
    }
}
