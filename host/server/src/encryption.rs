//! `[encryption]`: where the master key is, and what is sealed with the keys that it wraps.

use std::path::{Path, PathBuf};

use abide_history::{Keyring, MasterKey, MasterKeys};
use abide_model::{Error, ErrorCode};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncryptionSection {
    /// The file of the master key, for its owner only. A relative path begins at the folder of the configuration.
    pub key_file: Option<PathBuf>,
    /// The environment variable that has the master key.
    pub key_env: Option<String>,
    /// Master keys that were used before: keys that they wrap are wrapped anew when the host starts.
    pub previous: Vec<PreviousKey>,
    /// Whether what runs say is sealed, for each tenant with its own key. Secrets always are.
    pub payloads: bool,
}

/// A master key that was used before: one of both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PreviousKey {
    /// Its file.
    pub key_file: Option<PathBuf>,
    /// The environment variable that has it.
    pub key_env: Option<String>,
}

impl EncryptionSection {
    /// The keys of the data folder `data`. Relative paths begin at `base_dir`.
    pub fn keyring(&self, data: &Path, base_dir: &Path) -> Result<Keyring, Error> {
        let current = read("encryption", self.key_file.as_deref(), self.key_env.as_deref(), base_dir)?;
        let Some(current) = current else {
            if self.payloads || !self.previous.is_empty() {
                return Err(wrong(
                    "`encryption` has no master key: make one with `abide keys generate master.key`, and set `key_file` or `key_env`",
                ));
            }
            return Ok(Keyring::open(data, None, false)?);
        };
        let mut previous = Vec::new();
        for (place, key) in self.previous.iter().enumerate() {
            let name = format!("encryption.previous[{place}]");
            let read = read(&name, key.key_file.as_deref(), key.key_env.as_deref(), base_dir)?;
            previous.push(read.ok_or_else(|| wrong(format!("`{name}` names no key: set `key_file` or `key_env`")))?);
        }
        Ok(Keyring::open(data, Some(MasterKeys { current, previous }), self.payloads)?)
    }
}

fn read(name: &str, file: Option<&Path>, variable: Option<&str>, base_dir: &Path) -> Result<Option<MasterKey>, Error> {
    match (file, variable) {
        (Some(_), Some(_)) => Err(wrong(format!("`{name}` has both `key_file` and `key_env`: keep one"))),
        (Some(file), None) => MasterKey::read(&base_dir.join(file)).map(Some),
        (None, Some(variable)) => {
            let value = std::env::var(variable).map(Zeroizing::new).map_err(|_| {
                wrong(format!(
                    "`{name}.key_env` names the environment variable `{}`, which is not set",
                    variable.escape_debug()
                ))
            })?;
            MasterKey::parse(&value, &format!("the environment variable `{}`", variable.escape_debug())).map(Some)
        }
        (None, None) => Ok(None),
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> EncryptionSection {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (text, expected) in [
            ("payloads = true", "has no master key"),
            ("previous = [{ key_file = \"a\" }]", "has no master key"),
            ("key_file = \"a\"\nkey_env = \"B\"", "keep one"),
            ("key_env = \"ABIDE_NO_SUCH_VARIABLE\"", "which is not set"),
            ("key_file = \"no-such.key\"", "abide keys generate"),
        ] {
            let error = section(text).keyring(folder.path(), folder.path()).unwrap_err().message;
            assert!(error.contains(expected), "{text}: {error}");
        }
        assert!(!section("").keyring(folder.path(), folder.path()).unwrap().is_set_up());
    }

    #[test]
    fn a_relative_file_begins_at_the_folder_of_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        std::fs::write(&path, &*MasterKey::generate().unwrap().to_text()).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let keyring =
            section("key_file = \"master.key\"\npayloads = true").keyring(&folder.path().join("data"), folder.path());
        assert!(keyring.unwrap().seals_payloads());
    }
}
