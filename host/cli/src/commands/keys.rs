//! `abide keys`: master keys, which are files of the operator's. No host is asked.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use abide_server::MasterKey;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::{Exit, Fault};
use crate::output::{self, Format};

/// `abide keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a master key in a new file that only you may read
    Generate(FileArguments),
    /// Show the name of a master key, which says nothing about it
    Show(FileArguments),
}

/// Which file.
#[derive(Debug, Args)]
pub(crate) struct FileArguments {
    /// The file
    file: PathBuf,
}

pub(crate) fn run(command: KeysCommand, format: Format) -> Result<Exit> {
    let (key, file, made) = match command {
        KeysCommand::Generate(FileArguments { file }) => (generate(&file)?, file, true),
        KeysCommand::Show(FileArguments { file }) => (MasterKey::read(&file).map_err(Fault::of_host)?, file, false),
    };
    match format {
        Format::Json => output::json(&json!({"file": file, "key": key.id()}))?,
        Format::Text if made => output::line(format!(
            "master key {} is in `{}`; keep a copy in a safe place, apart from backups of the data folder: without it nothing that it \
             protects can be read\n\nin abide.toml:\n  [encryption]\n  key_file = \"{}\"\n  payloads = true    # to seal what runs say, \
             beside secrets",
            key.id(),
            file.display(),
            file.display()
        ))?,
        Format::Text => output::line(format!("master key {}", key.id()))?,
    }
    Ok(Exit::Done)
}

/// A file that is there is left as it is: it may be the only copy of a key.
fn generate(path: &Path) -> Result<MasterKey> {
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AlreadyExists => ": it is left as it is; give another name",
            _ => "",
        };
        Fault::usage(format!("cannot make `{}`: {error}{hint}", path.display()))
    };
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let key = MasterKey::generate()?;
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(key.to_text().as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_for_its_owner_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let key = generate(&path).unwrap();
        // Reading it checks that nobody else may.
        assert_eq!(MasterKey::read(&path).unwrap(), key);
        let error = generate(&path).unwrap_err().to_string();
        assert!(error.contains("left as it is"), "{error}");
        assert_eq!(MasterKey::read(&path).unwrap(), key);
    }
}
