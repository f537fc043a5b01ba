//! `cargo xtask guests`: builds the guests of `examples/` and `tests/guests/` into one folder. A guest stays a core module that
//! carries its component's types: the host makes the component when it is uploaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::places::{root, target_folder};
use crate::toolchain::{self, Target, Toolchain};

/// Where guests are, below the root of the repository.
const FOLDERS: [&str; 2] = ["examples", "tests/guests"];

/// Builds the guests named, or all where none is, and says where they are.
pub(crate) fn command(names: &[String]) -> Result<()> {
    let folder = if names.is_empty() { build_all() } else { build(names) }?;
    println!("guests are in {}", folder.display());
    Ok(())
}

/// Builds all guests. Gives the folder that then has a `NAME.wasm` of each.
pub(crate) fn build_all() -> Result<PathBuf> {
    build(&known()?.into_keys().collect::<Vec<_>>())
}

/// Builds some guests. Gives the folder that then has a `NAME.wasm` of each.
pub(crate) fn build(names: &[String]) -> Result<PathBuf> {
    let known = known()?;
    if let Some(unknown) = names.iter().find(|name| !known.contains_key(*name)) {
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        bail!("there is no guest `{unknown}`; there are: {}", known.join(", "));
    }
    let target = target_folder()?;
    let build = target.join("guests-build");
    println!("building {}", names.join(", "));
    let guests = target.join("guests");
    fs::create_dir_all(&guests).with_context(|| format!("cannot make {}", guests.display()))?;
    for target in [Target::Plain, Target::Wasi] {
        let names: Vec<&String> = names.iter().filter(|name| known[*name] == target).collect();
        if names.is_empty() {
            continue;
        }
        let mut cargo = Toolchain::find(target)?.cargo_build(target);
        cargo.current_dir(root()).args(["--profile", "guest", "--target-dir"]).arg(&build);
        for name in &names {
            cargo.args(["--package", name]);
        }
        toolchain::run(&mut cargo).context("the guests do not build")?;
        let built = build.join(target.name()).join("guest");
        for name in names {
            // A program keeps the `-` of its name, a library has `_`.
            let from = match target {
                Target::Plain => built.join(format!("{}.wasm", name.replace('-', "_"))),
                Target::Wasi => built.join(format!("{name}.wasm")),
            };
            let to = guests.join(format!("{name}.wasm"));
            if copy_if_different(&from, &to)? {
                println!("{name}.wasm is new: {} KiB", fs::metadata(&to)?.len().div_ceil(1024));
            }
        }
    }
    Ok(guests)
}

/// The guests that are there, and what each is built for: folders with a `Cargo.toml`, each named like its package.
fn known() -> Result<BTreeMap<String, Target>> {
    let mut known = BTreeMap::new();
    for folder in FOLDERS {
        let folder = root().join(folder);
        for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let manifest = entry.path().join("Cargo.toml");
            if manifest.exists() {
                known.insert(entry.file_name().to_string_lossy().into_owned(), target_of(&manifest)?);
            }
        }
    }
    Ok(known)
}

/// What the manifest says, in `[package.metadata.abide]`; a guest that says nothing imports nothing but what it names.
fn target_of(manifest: &Path) -> Result<Target> {
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
    let wanted = text.lines().find_map(|line| line.strip_prefix("target = ")).map(|name| name.trim_matches('"'));
    [Target::Plain, Target::Wasi]
        .into_iter()
        .find(|target| wanted.is_none_or(|wanted| wanted == target.name()))
        .with_context(|| format!("{} asks for a target that is not known here", manifest.display()))
}

/// Says whether it copied. An unchanged guest keeps its time, so that what is made of it is not made again. The copy comes into place as a
/// whole: another process may be reading.
fn copy_if_different(from: &Path, to: &Path) -> Result<bool> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let temporary = to.with_extension(format!("wasm.{}", std::process::id()));
    fs::write(&temporary, bytes).with_context(|| format!("cannot write {}", temporary.display()))?;
    fs::rename(&temporary, to).with_context(|| format!("cannot put {} in place", to.display()))?;
    Ok(true)
}
