//! Guests in JavaScript and TypeScript: `tests/guests-js`, and the examples with an `agent.ts`. They are built when a test first asks for
//! them, and kept for as long as nothing that they are made of changes.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::guests_dir;

/// The component of a guest, where there is one of that name.
pub(crate) fn guest(name: &str) -> Option<Bytes> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places =
        [root.join("guests-js").join(format!("{name}.ts")), root.join("../examples").join(name).join("agent.ts")];
    let entry = places.into_iter().find(|place| place.is_file())?;
    Some(build(&entry).unwrap_or_else(|error| panic!("`{}` does not build: {error}", entry.display())))
}

/// Builds a program, or finds it built. The name of what is kept is the time of what it was made of: the files of its folder, and this test
/// itself, which the builder is a part of.
fn build(entry: &Path) -> anyhow::Result<Bytes> {
    let folder = entry.parent().unwrap_or(entry);
    let newest = newest(folder)?.max(std::env::current_exe()?.metadata()?.modified()?);
    let stamp = newest.duration_since(std::time::UNIX_EPOCH)?.as_nanos();
    let stem = folder
        .file_name()
        .zip(entry.file_stem())
        .map(|(folder, stem)| (folder.to_string_lossy(), stem.to_string_lossy()));
    let (folder, stem) = stem.unwrap_or_default();
    let kept = guests_dir().join("javascript").join(format!("{folder}-{stem}-{stamp:x}.wasm"));
    if let Ok(component) = std::fs::read(&kept) {
        return Ok(component.into());
    }
    let component = abide_javascript::build(entry)?;
    keep(&kept, &component)?;
    Ok(component.into())
}

/// Puts a file in place as a whole: other tests build the same.
fn keep(path: &Path, component: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    let temporary: PathBuf = path.with_extension(format!("{}-{:?}", std::process::id(), std::thread::current().id()));
    std::fs::write(&temporary, component)?;
    std::fs::rename(&temporary, path)?;
    Ok(())
}

fn newest(folder: &Path) -> anyhow::Result<std::time::SystemTime> {
    let mut newest = std::time::UNIX_EPOCH;
    for entry in folder.read_dir()? {
        let entry = entry?;
        let changed =
            if entry.file_type()?.is_dir() { self::newest(&entry.path())? } else { entry.metadata()?.modified()? };
        newest = newest.max(changed);
    }
    Ok(newest)
}
