//! What knows nothing of abide: the programs of `tests/programs`, in Python by componentize-py and in JavaScript by componentize-js
//! (StarlingMonkey), each for a world of WASI 0.2 alone; and the tool component of `tests/tools-python`. Each takes half a minute, so what was
//! built of the same files with the same tools is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::guests::copy_if_different;
use crate::parts::{self, Parts};
use crate::places::{root, target_folder};
use crate::toolchain::run;

/// Where the definitions of WASI are that the host was built with.
const WASI: &str = "host/engine/wasi/deps";
/// The interfaces of the tool component.
const CRM: &str = "tests/guests/crm-tool/wit";

/// Something to build.
struct Program {
    name: &'static str,
    /// The folder of its sources.
    source: &'static str,
    build: fn(&Parts, &Path, &Path) -> Result<()>,
}

const PROGRAMS: [Program; 3] = [
    Program {
        name: "program-python",
        source: "tests/programs/python",
        build: |parts, source, out| python(parts, source, out, "program", WASI),
    },
    Program { name: "program-javascript", source: "tests/programs/javascript", build: javascript },
    Program {
        name: "crm-python",
        source: "tests/tools-python",
        build: |parts, source, out| python(parts, source, out, "tool", CRM),
    },
];

/// Builds them into the folder of the other guests.
pub(crate) fn build(parts: &Parts) -> Result<()> {
    let target = target_folder()?;
    let work = target.join("programs");
    let guests = target.join("guests");
    fs::create_dir_all(&guests)?;
    for Program { name, source, build } in PROGRAMS {
        let source = root().join(source);
        let folder = work.join(name);
        let file = format!("{name}.wasm");
        let made_of = inputs(&source)?;
        let stamp = folder.join("made-of");
        if fs::read(&stamp).is_ok_and(|kept| kept == made_of) && guests.join(&file).is_file() {
            continue;
        }
        println!("building {name}");
        fs::create_dir_all(&folder)?;
        // What is broken off is made anew.
        fs::write(&stamp, "")?;
        let built = folder.join(&file);
        build(parts, &source, &built).with_context(|| format!("{} does not build", source.display()))?;
        copy_if_different(&built, &guests.join(&file))?;
        fs::write(&stamp, made_of)?;
    }
    Ok(())
}

/// The module and the WIT file that are called as the world are. componentize-py wants the packages that a world names in a folder below it.
fn python(parts: &Parts, source: &Path, out: &Path, world: &str, packages: &str) -> Result<()> {
    let wit = out.with_extension("wit");
    let file = format!("{world}.wit");
    fs::create_dir_all(wit.join("deps"))?;
    fs::copy(source.join(&file), wit.join(&file))?;
    for file in files(&root().join(packages))? {
        fs::copy(&file, wit.join("deps").join(file.file_name().context("a file has a name")?))?;
    }
    let mut tool = Command::new(parts.language_tool("componentize-py"));
    tool.arg("--wit-path").arg(&wit).args(["--world", world, "componentize", world, "--python-path"]).arg(source);
    run(tool.arg("--output").arg(out))
}

fn javascript(parts: &Parts, source: &Path, out: &Path) -> Result<()> {
    let tool = parts.folder.join("components/node_modules/@bytecodealliance/componentize-js/src/cli.js");
    let mut node = Command::new("node");
    node.arg(tool).arg("program.js").current_dir(source);
    node.args(["--wit", "program.wit", "--world-name", "program", "--out"]).arg(out);
    run(&mut node)
}

/// All that a program is made of: its files and the tools' versions.
fn inputs(source: &Path) -> Result<Vec<u8>> {
    let mut made_of = parts::component_tools().join("\n").into_bytes();
    for file in files(source)?.into_iter().chain(files(&root().join(CRM))?) {
        made_of.extend_from_slice(format!("\n{}\n", file.display()).as_bytes());
        made_of.extend(fs::read(&file)?);
    }
    Ok(made_of)
}

/// The files of a folder, in their order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}
