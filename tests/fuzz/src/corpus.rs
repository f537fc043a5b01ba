//! The corpora: small inputs of each target, kept in `fuzz/corpus`. Each crash that was found becomes one of them.

use std::path::PathBuf;

/// The folder of a target.
pub fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target)
}

/// The inputs of a target, in the order of their names.
pub fn read(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = files
        .map(|file| {
            let path = file.expect("the folder can be read").path();
            let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path.file_name().expect("it is a file").to_string_lossy().into_owned(), bytes)
        })
        .collect();
    inputs.sort();
    inputs
}
