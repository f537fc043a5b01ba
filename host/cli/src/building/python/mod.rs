//! Python: componentize-py makes a component of the interpreter, the file of the workflow, and what it imports. The SDK is in this binary,
//! so that `import abide` works with nothing installed but componentize-py.

mod sdk;
mod tool;
mod trouble;

use std::fs;
use std::path::{Path, PathBuf};

use abide_model::Digest;
use bytes::Bytes;
use tempfile::TempDir;

use super::cache::Cache;
use super::{unbuildable, wit};
use crate::exit::Fault;
use crate::output;
use tool::Tool;

/// The world that the SDK is for.
const WORLD: &str = "workflow-with-query";
/// What the entry is called that this makes; a module of the user's cannot have this name.
const ENTRY: &str = "abide_entry";
/// Names that a file of a workflow cannot have, since modules of the component have them.
const TAKEN: [&str; 5] = ["abide", ENTRY, "wit_world", "componentize_py_types", "componentize_py_async_support"];
/// The most files of a folder that are looked at, to see whether something changed.
const MAX_FILES: usize = 10_000;
/// Folders that hold no modules of the workflow.
const SKIPPED: [&str; 3] = ["__pycache__", "node_modules", "site-packages"];

/// Makes a component of the module `file`, and of those beside it that it imports.
pub(super) fn build(file: &Path, again: bool) -> Result<Bytes, Fault> {
    let file = std::path::absolute(file)
        .and_then(|file| fs::metadata(&file).map(|_| file))
        .map_err(|error| Fault::usage(format!("cannot read `{}`: {error}", file.display())))?;
    let module = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if TAKEN.contains(&module.as_str()) || module.contains(['"', '\\', '.']) {
        return Err(Fault::usage(format!(
            "`{module}.py` cannot be the name of a workflow's file: give it another name"
        )));
    }
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let tool = Tool::find(&folder)?;
    let digest = digest(&module, &folder, &tool)?;
    let cache = Cache::of_user();
    if !again && let Some(component) = cache.get(&digest) {
        return Ok(component);
    }
    output::note(format!("building {} with {}", file.display(), tool.version()));
    let component = componentize(&module, &folder, &tool)?;
    cache.put(&digest, &component);
    Ok(component.into())
}

fn componentize(module: &str, folder: &Path, tool: &Tool) -> Result<Vec<u8>, Fault> {
    let stage = Stage::new(module).map_err(|error| unbuildable(format!("cannot write a temporary folder: {error}")))?;
    let path = |name: &str| stage.folder.path().join(name);
    let out = path("component.wasm");
    // The component's own modules come first: no file beside the workflow takes their place.
    let search = [path("entry"), path("sdk"), folder.to_owned()];
    let mut command = tool.command();
    command.arg("--wit-path").arg(path("wit")).args(["--world", WORLD, "componentize", ENTRY, "--output"]).arg(&out);
    search.iter().for_each(|folder| {
        command.arg("--python-path").arg(folder);
    });
    let done = command.output().map_err(|error| unbuildable(format!("{} does not start: {error}", tool.shown())))?;
    if !done.status.success() {
        return Err(unbuildable(trouble::explain(&String::from_utf8_lossy(&done.stderr), &search)));
    }
    fs::read(&out).map_err(|error| unbuildable(format!("{} made no component: {error}", tool.shown())))
}

/// The files that componentize-py is given beside the user's.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new(module: &str) -> std::io::Result<Self> {
        let folder = TempDir::new()?;
        wit::write(&folder.path().join("wit"), &wit::FILES)?;
        wit::write(&folder.path().join("sdk/abide"), &sdk::FILES)?;
        wit::write(&folder.path().join("entry"), &[(&format!("{ENTRY}.py"), &entry(module))])?;
        Ok(Self { folder })
    }
}

/// The module that componentize-py is told of.
fn entry(module: &str) -> String {
    format!("import abide._entry\n\nWitWorld = abide._entry.world(\"{module}\")\n")
}

/// The digest of all that a component is made of, as far as it can be seen: the modules beside the workflow and below, the packages of the
/// environment by their versions, the SDK, the world, and the tool.
fn digest(module: &str, folder: &Path, tool: &Tool) -> Result<Digest, Fault> {
    let mut files = Vec::new();
    gather(folder, &mut files)?;
    files.sort();
    let mut parts: Vec<Vec<u8>> = vec![module.into(), tool.version().into(), tool.packages().join("\n").into()];
    for (name, text) in sdk::FILES.iter().chain(&wit::FILES) {
        parts.push(Digest::of_parts([name.as_bytes(), b"\0", text.as_bytes()]).as_bytes().to_vec());
    }
    for file in files {
        let text =
            fs::read(&file).map_err(|error| Fault::usage(format!("cannot read `{}`: {error}", file.display())))?;
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().into_owned();
        parts.push(Digest::of_parts([name.as_bytes(), b"\0", &text]).as_bytes().to_vec());
    }
    let lengths: Vec<[u8; 8]> = parts.iter().map(|part| (part.len() as u64).to_le_bytes()).collect();
    Ok(Digest::of_parts(lengths.iter().zip(&parts).flat_map(|(length, part)| [length.as_slice(), part])))
}

/// The modules in a folder and below.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Fault> {
    let entries =
        folder.read_dir().map_err(|error| Fault::usage(format!("cannot read `{}`: {error}", folder.display())))?;
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // The kind of the entry itself: a link may lead in a circle.
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            let skipped = name.starts_with('.') || SKIPPED.contains(&&*name) || path.join("pyvenv.cfg").exists();
            if !skipped {
                gather(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(Fault::usage(format!(
                "there are more than {MAX_FILES} modules in `{}`: put the workflow into a folder of its own",
                folder.display()
            )));
        }
    }
    Ok(())
}
