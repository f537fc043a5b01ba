//! The guest's world, as files for the tools that make components.

use std::io;
use std::path::Path;

/// The files of `wit/`.
pub(super) const FILES: [(&str, &str); 6] = [
    ("http.wit", include_str!("../../../../wit/http.wit")),
    ("llm.wit", include_str!("../../../../wit/llm.wit")),
    ("run.wit", include_str!("../../../../wit/run.wit")),
    ("tools.wit", include_str!("../../../../wit/tools.wit")),
    ("types.wit", include_str!("../../../../wit/types.wit")),
    ("world.wit", include_str!("../../../../wit/world.wit")),
];

/// Writes files into a new folder.
pub(super) fn write(folder: &Path, files: &[(&str, &str)]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_the_world_is_missing() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let there = folder.read_dir().unwrap().flatten().filter(|entry| entry.path().is_file());
        let mut there: Vec<_> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
        there.sort();
        assert_eq!(FILES.map(|(name, _)| name.to_owned()).to_vec(), there);
    }
}
