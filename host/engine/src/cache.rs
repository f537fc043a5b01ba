//! Machine code of components, in files: compiled once, found again after a restart. Losing the folder loses nothing but time. Its size is bounded: who
//! uploads one component after the other does not fill the disk with what they are compiled to.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use abide_model::{Digest, Error, ErrorCode};

use crate::{Engine, Program, ToolProgram};

/// What the names of its files end with.
const EXTENSION: &str = "cwasm";

/// A folder of compiled components. The clones are the same folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledCache {
    folder: PathBuf,
    most_bytes: u64,
}

impl CompiledCache {
    /// As many bytes as a cache has if nothing else is said.
    pub const MOST_BYTES: u64 = 8 << 30;

    /// A cache in `folder`, which is made if it is missing, for this user only. Where its files come to have more than `most_bytes`, those go that
    /// were not loaded for the longest time. The last one that came stays, however large it is.
    pub fn open(folder: &Path, most_bytes: u64) -> Result<Self, Error> {
        let made = std::fs::create_dir_all(folder);
        #[cfg(unix)]
        let made = made.and_then(|()| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        });
        made.map_err(|error| cannot("make the folder", folder, &error))?;
        Ok(Self { folder: folder.to_owned(), most_bytes })
    }

    /// Loads the component `digest`; compiles it where it was not compiled for this engine. Blocks: call it where that is fine.
    pub fn load(
        &self,
        engine: &Engine,
        digest: Digest,
        component: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<Program, Error> {
        self.load_by(engine, digest, component, Engine::load)
    }

    /// The same for a tool component.
    pub fn load_tool(
        &self,
        engine: &Engine,
        digest: Digest,
        component: impl FnOnce() -> Result<Vec<u8>, Error>,
    ) -> Result<ToolProgram, Error> {
        self.load_by(engine, digest, component, ToolProgram::load)
    }

    fn load_by<T>(
        &self,
        engine: &Engine,
        digest: Digest,
        component: impl FnOnce() -> Result<Vec<u8>, Error>,
        load: fn(&Engine, &Path) -> wasmtime::Result<T>,
    ) -> Result<T, Error> {
        let path = self.folder.join(format!("{}-{}.{EXTENSION}", digest.hex(), engine.code_id()));
        if path.exists() {
            match load(engine, &path) {
                Ok(program) => {
                    note_use(&path);
                    return Ok(program);
                }
                // A file of another build of the engine: made anew.
                Err(error) => {
                    tracing::warn!(%digest, %error, "a compiled component cannot be loaded and is compiled again")
                }
            }
        }
        let code = engine.compile(&component()?)?;
        let file = self.write(&code).map_err(|error| cannot("write to", &self.folder, &error))?;
        // Before it has its name: nobody removes it meanwhile. The program keeps its mapping, whatever becomes of the file.
        let program = load(engine, file.path()).map_err(|error| does_not_fit(&error))?;
        put(file, &path).map_err(|error| cannot("write", &path, &error))?;
        self.make_room(&path);
        Ok(program)
    }

    /// Compiles and loads a component, and keeps nothing of it in the folder.
    pub fn load_once(&self, engine: &Engine, component: &[u8]) -> Result<Program, Error> {
        let code = engine.compile(component)?;
        let file = self.write(&code).map_err(|error| cannot("write to", &self.folder, &error))?;
        // The program keeps its mapping when the file goes with the end of this function.
        engine.load(file.path()).map_err(|error| does_not_fit(&error))
    }

    /// Removes the machine code of a component. Programs that are loaded keep theirs.
    pub fn remove(&self, digest: Digest) {
        let own = format!("{}-", digest.hex());
        for (path, ..) in self.files().filter(|(path, ..)| named(path).is_some_and(|name| name.starts_with(&own))) {
            remove(&path);
        }
    }

    /// Removes what was not used for the longest time, until the rest fits. Never `newest`.
    fn make_room(&self, newest: &Path) {
        let mut files: Vec<_> = self.files().collect();
        let mut bytes: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort_by_key(|(_, _, used)| *used);
        for (path, size, _) in files.iter().filter(|(path, ..)| path != newest) {
            if bytes <= self.most_bytes {
                return;
            }
            remove(path);
            bytes -= size;
        }
    }

    /// The compiled components: path, size and when each was used last. One that goes meanwhile is not among them.
    fn files(&self) -> impl Iterator<Item = (PathBuf, u64, SystemTime)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == EXTENSION)).filter_map(
            |entry| {
                let known = entry.metadata().ok()?;
                Some((entry.path(), known.len(), known.modified().ok()?))
            },
        )
    }

    fn write(&self, code: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        Ok(file)
    }
}

/// Gives a file its name at once when all of it is on the disk, so that a crash never leaves half of it there.
fn put(file: tempfile::NamedTempFile, path: &Path) -> std::io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Its time says when it was used last. Where that cannot be written, it goes earlier than it might.
#[expect(clippy::disallowed_methods, reason = "the time of a file, as its folder has it; no run sees it")]
fn note_use(path: &Path) {
    drop(File::options().write(true).open(path).and_then(|file| file.set_modified(SystemTime::now())));
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a compiled component cannot be removed");
        }
        _ => {}
    }
}

fn named(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn does_not_fit(error: &wasmtime::Error) -> Error {
    Error::new(ErrorCode::InvalidComponent, format!("the component does not fit the world: {error:#}"))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorCode::Unavailable,
        format!("cannot {what} `{}`: {error}: check the disk and the rights on the folder", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::EngineConfig;

    /// A component that has nothing.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    /// Loads a component, and says whether it was compiled for that.
    fn load(cache: &CompiledCache, engine: &Engine, number: u8) -> bool {
        let mut is_compiled = false;
        let component = || {
            is_compiled = true;
            Ok(EMPTY.to_vec())
        };
        let there = cache.load_by(engine, digest(number), component, |_, path| Ok(path.exists())).unwrap();
        assert!(there, "it is loaded from its file");
        is_compiled
    }

    /// Makes the last use of a component longer ago.
    #[expect(clippy::disallowed_methods, reason = "the time of a file, as its folder has it")]
    fn age(cache: &CompiledCache, number: u8, seconds: u64) {
        let own = digest(number).hex().to_string();
        let (path, ..) = cache.files().find(|(path, ..)| named(path).unwrap().starts_with(&own)).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn its_size_is_bounded() {
        let folder = tempfile::TempDir::new().unwrap();
        let engine = Engine::new(&EngineConfig::default()).unwrap();
        let size = engine.compile(EMPTY).unwrap().len() as u64;
        let cache = CompiledCache::open(folder.path(), size * 2 + size / 2).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "not ours").unwrap();
        assert!(load(&cache, &engine, 1) && load(&cache, &engine, 2));
        age(&cache, 1, 20);
        age(&cache, 2, 10);
        // It is used, and so the other one is the older.
        assert!(!load(&cache, &engine, 1));
        assert!(load(&cache, &engine, 3));
        assert!(!load(&cache, &engine, 1) && !load(&cache, &engine, 3));
        assert!(load(&cache, &engine, 2));
        assert_eq!(cache.files().count(), 2);
        assert!(folder.path().join("notes.txt").exists());
        // One that is too large by itself stays until the next one comes.
        let small = CompiledCache::open(folder.path(), 1).unwrap();
        assert!(load(&small, &engine, 4) && !load(&small, &engine, 4));
        assert_eq!(small.files().count(), 1);
    }

    #[test]
    fn what_is_removed_is_compiled_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let engine = Engine::new(&EngineConfig::default()).unwrap();
        let cache = CompiledCache::open(folder.path(), CompiledCache::MOST_BYTES).unwrap();
        assert!(load(&cache, &engine, 1) && load(&cache, &engine, 2));
        cache.remove(digest(1));
        assert!(load(&cache, &engine, 1) && !load(&cache, &engine, 2));
    }
}
