//! The files of tenants' keys: `keys/<tenant>.json` within the data folder. A file is written whole under another name and gets its own by a
//! rename; one that is destroyed is overwritten before it goes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use abide_model::Tenant;

use super::tenant_key::KeyFile;
use crate::StoreError;

/// A file is never longer than this.
const MAX_BYTES: u64 = 4096;
const ENDING: &str = ".json";

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self, tenant: &Tenant) -> PathBuf {
        self.0.join(format!("{tenant}{ENDING}"))
    }

    /// All files. There are none where there is no folder.
    pub(super) fn read_all(&self) -> Result<Vec<(Tenant, KeyFile)>, StoreError> {
        let entries = match std::fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|error| failed(&self.0, error))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&self.0, error))?.file_name();
            // What else is there is not ours: what a crash left of a file that was being written, among others.
            let Some(tenant) = name.to_str().and_then(|name| name.strip_suffix(ENDING)) else { continue };
            let Ok(tenant) = Tenant::parse(tenant) else { continue };
            let file = self.read(&tenant)?;
            found.push((tenant, file));
        }
        Ok(found)
    }

    fn read(&self, tenant: &Tenant) -> Result<KeyFile, StoreError> {
        use std::io::Read as _;
        let path = self.path(tenant);
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
        read.map_err(|error| failed(&path, error))?;
        serde_json::from_str(&text).map_err(|error| {
            StoreError::Sealed(format!(
                "the key `{}` cannot be read: {error}: restore it from its backup",
                path.display()
            ))
        })
    }

    /// Writes a file, durably. With `new`, one that is there already is an error.
    pub(super) fn write(&self, tenant: &Tenant, file: &KeyFile, new: bool) -> Result<(), StoreError> {
        let path = self.path(tenant);
        let write = || -> io::Result<()> {
            make_folder(&self.0)?;
            if new && path.try_exists()? {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it is there already"));
            }
            let beside = self.0.join(format!("{tenant}.new"));
            let mut text = serde_json::to_vec_pretty(file)?;
            text.push(b'\n');
            let mut written = options().create(true).truncate(true).open(&beside)?;
            written.write_all(&text)?;
            written.sync_all()?;
            std::fs::rename(&beside, &path)?;
            sync_folder(&self.0)
        };
        write().map_err(|error| failed(&path, error))
    }

    /// Destroys a file: what is wrapped in it is overwritten where the disk does so, then the file goes. One that is not there is fine.
    pub(super) fn destroy(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let path = self.path(tenant);
        let destroy = || -> io::Result<()> {
            for path in [self.0.join(format!("{tenant}.new")), path.clone()] {
                match options().open(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    opened => {
                        let mut file = opened?;
                        let length = usize::try_from(file.metadata()?.len().min(MAX_BYTES)).unwrap_or_default();
                        file.write_all(&vec![0; length])?;
                        file.sync_all()?;
                        std::fs::remove_file(&path)?;
                        sync_folder(&self.0)?;
                    }
                }
            }
            Ok(())
        };
        destroy().map_err(|error| failed(&path, error))
    }
}

fn options() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn failed(path: &Path, error: io::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}`: {error}", path.display()))
}
