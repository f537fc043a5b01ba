//! Machine code of components, in files: compiled once, found again after a restart. Losing the folder loses nothing but time.

use std::io::Write;
use std::path::{Path, PathBuf};

use abide_model::{Digest, Error, ErrorCode};

use crate::{Engine, Program, ToolProgram};

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub struct CompiledCache {
    folder: PathBuf,
}

impl CompiledCache {
    /// A cache in `folder`, which is made if it is missing, for this user only.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let made = std::fs::create_dir_all(folder);
        #[cfg(unix)]
        let made = made.and_then(|()| {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        });
        made.map_err(|error| cannot("make the folder", folder, &error))?;
        Ok(Self { folder: folder.to_owned() })
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
        let path = self.folder.join(format!("{}-{}.cwasm", digest.hex(), engine.code_id()));
        if path.exists() {
            match load(engine, &path) {
                Ok(program) => return Ok(program),
                // A file of another build of the engine: made anew.
                Err(error) => {
                    tracing::warn!(%digest, %error, "a compiled component cannot be loaded and is compiled again")
                }
            }
        }
        let code = engine.compile(&component()?)?;
        self.put(&path, &code).map_err(|error| cannot("write", &path, &error))?;
        load(engine, &path).map_err(|error| does_not_fit(&error))
    }

    /// Compiles and loads a component, and keeps nothing of it in the folder.
    pub fn load_once(&self, engine: &Engine, component: &[u8]) -> Result<Program, Error> {
        let code = engine.compile(component)?;
        let file = self.write(&code).map_err(|error| cannot("write to", &self.folder, &error))?;
        // The program keeps its mapping when the file goes with the end of this function.
        engine.load(file.path()).map_err(|error| does_not_fit(&error))
    }

    /// Puts `code` in place at once, so that a crash never leaves half a file there.
    fn put(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        let file = self.write(code)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    fn write(&self, code: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(code)?;
        Ok(file)
    }
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
