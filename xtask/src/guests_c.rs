//! The guests in C of `tests/guests-c`: bindings by wit-bindgen, compiled by zig. Each becomes a core module that carries its component's types,
//! as those in Rust do. They use nothing of WASI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

use crate::guests::copy_if_different;
use crate::parts::Parts;
use crate::places::{root, target_folder};
use crate::toolchain::run;

const WORLD: &str = "workflow";
const FOLDER: &str = "tests/guests-c";

/// Builds them into the folder of the other guests.
pub(crate) fn build(parts: &Parts) -> Result<()> {
    let target = target_folder()?;
    let bindings = target.join("guests-c");
    generate(&bindings)?;
    let guests = target.join("guests");
    fs::create_dir_all(&guests)?;
    let folder = root().join(FOLDER);
    for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
        let source = entry?.path();
        let name = source.file_name().context("an entry of a folder has a name")?.to_string_lossy().into_owned();
        println!("building {name} (C)");
        let built = bindings.join(format!("{name}.wasm"));
        compile(parts, &bindings, &source.join(format!("{name}.c")), &built)?;
        copy_if_different(&built, &guests.join(format!("{name}.wasm")))?;
    }
    Ok(())
}

/// Writes the bindings of the guest's world: a header, a source, and an object that holds the types.
fn generate(folder: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root().join("wit"))?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
    fs::create_dir_all(folder)?;
    for (name, bytes) in files.iter() {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn compile(parts: &Parts, bindings: &Path, source: &Path, out: &Path) -> Result<()> {
    let mut zig = Command::new(parts.language_tool("python"));
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-Oz", "-Wall"]);
    // The usual stack is 16 MiB, which each waiting run would hold.
    zig.args(["-Wl,-z,stack-size=65536", "-o"]).arg(out).arg("-I").arg(bindings).arg(source);
    let made = |ending: &str| -> PathBuf { bindings.join(format!("{WORLD}{ending}")) };
    zig.arg(made(".c")).arg(made("_component_type.o"));
    run(&mut zig).with_context(|| format!("{} does not compile", source.display()))
}
