//! Components that were built before, by the digest of what they were made of, in the user's folder for such things. Nothing there is needed: a
//! file that cannot be read or written is one that is built again.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use abide_model::Digest;
use bytes::Bytes;

/// Of more files than these, the ones that were used the longest ago go.
const MAX_FILES: usize = 32;

/// The folder.
#[derive(Debug)]
pub(super) struct Cache(Option<PathBuf>);

impl Cache {
    /// That of the user: `ABIDE_CACHE`, else `abide` in the usual folder.
    pub(super) fn of_user() -> Self {
        Self(cache_folder("builds"))
    }

    /// What was built of this.
    #[expect(clippy::disallowed_methods, reason = "when a file was used last, which is no time of a run")]
    pub(super) fn get(&self, digest: &Digest) -> Option<Bytes> {
        let path = self.path(digest)?;
        let component = std::fs::read(&path).ok().filter(|bytes| bytes.starts_with(b"\0asm"))?;
        // It is used: it shall be among the last to go.
        if let Ok(file) = std::fs::File::options().append(true).open(&path) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(component.into())
    }

    /// Keeps what was built. It comes into place as a whole: another process may be reading.
    pub(super) fn put(&self, digest: &Digest, component: &[u8]) {
        let Some((path, folder)) = self.path(digest).zip(self.0.as_deref()) else { return };
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&temporary, component))
            .and_then(|()| std::fs::rename(&temporary, &path));
        match written {
            Ok(()) => prune(folder, MAX_FILES),
            Err(error) => {
                let _ = std::fs::remove_file(&temporary);
                crate::output::note(format!(
                    "the component is not kept for the next time: {}: {error}",
                    folder.display()
                ));
            }
        }
    }

    fn path(&self, digest: &Digest) -> Option<PathBuf> {
        Some(self.0.as_ref()?.join(format!("{}.wasm", digest.hex())))
    }
}

/// A folder for what can be made again: below `ABIDE_CACHE`, else below `abide` in the usual folder.
pub(crate) fn cache_folder(name: &str) -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("ABIDE_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("abide")))
        .or_else(|| Some(variable("HOME")?.join(".cache/abide")));
    folder.map(|folder| folder.join(name))
}

/// Removes the files that were used the longest ago, but for so many.
pub(crate) fn prune(folder: &Path, kept: usize) {
    let Ok(entries) = folder.read_dir() else { return };
    let used = |entry: &std::fs::DirEntry| entry.metadata().and_then(|metadata| metadata.modified()).ok();
    let mut files: Vec<_> = entries.flatten().filter_map(|entry| Some((used(&entry)?, entry.path()))).collect();
    files.sort();
    let surplus = files.len().saturating_sub(kept);
    for (_, path) in files.drain(..surplus) {
        // Another process may have removed it.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_and_old_files_go() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache(Some(folder.path().join("builds")));
        let digest = |number: usize| Digest::of(&number.to_le_bytes());
        assert_eq!(cache.get(&digest(0)), None);
        for number in 0..MAX_FILES + 5 {
            cache.put(&digest(number), format!("\0asm {number}").as_bytes());
        }
        assert_eq!(cache.get(&digest(MAX_FILES)).unwrap(), format!("\0asm {MAX_FILES}"));
        assert_eq!(folder.path().join("builds").read_dir().unwrap().count(), MAX_FILES);
    }

    #[test]
    fn a_damaged_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache(Some(folder.path().to_owned()));
        cache.put(&Digest::of(b"a"), b"no component");
        assert_eq!(cache.get(&Digest::of(b"a")), None);
        Cache(None).put(&Digest::of(b"a"), b"\0asm");
    }
}
