//! The master key: 32 bytes that the operator keeps outside of the data folder. It wraps the keys of tenants and seals nothing else.

use std::path::Path;

use abide_model::{Error, ErrorCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::cipher::{KEY_BYTES, KeyBytes};
use crate::StoreError;

/// A file with a key is never longer than this.
const MAX_FILE_BYTES: u64 = 4096;

/// A master key.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey(KeyBytes);

impl MasterKey {
    /// A new one.
    pub fn generate() -> Result<Self, StoreError> {
        KeyBytes::random().map(Self)
    }

    /// Reads one: 32 bytes in base64 or hex, spaces around them left out. `place` is where it was found, for the error.
    pub fn parse(text: &str, place: &str) -> Result<Self, Error> {
        let text = text.trim();
        let bytes = match text.len() {
            64 => from_hex(text),
            43 | 44 => STANDARD.decode(format!("{:=<44}", text)).ok(),
            _ => None,
        };
        let bytes = bytes.map(Zeroizing::new);
        let key = bytes.as_deref().and_then(|bytes| KeyBytes::from_slice(bytes)).map(Self);
        key.ok_or_else(|| {
            let what = format!("{place} holds no master key: it is {KEY_BYTES} bytes in base64 or hex, such as `abide keys generate` makes");
            Error::new(ErrorCode::InvalidConfig, what)
        })
    }

    /// Reads one from a file that nobody but its owner may read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        use std::io::Read as _;
        let wrong = |why: String| {
            let what = format!("the master key `{}` cannot be read: {why}", path.display());
            Error::new(ErrorCode::InvalidConfig, what)
        };
        let file = std::fs::File::open(path)
            .map_err(|error| wrong(format!("{error}: `abide keys generate {}` makes a new one", path.display())))?;
        let metadata = file.metadata().map_err(|error| wrong(error.to_string()))?;
        if !metadata.is_file() {
            return Err(wrong("it is no file".into()));
        }
        #[cfg(unix)]
        if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
            return Err(wrong(format!("others may read or change it: run `chmod 600 {}`", path.display())));
        }
        let mut text = Zeroizing::new(String::new());
        let read = file.take(MAX_FILE_BYTES).read_to_string(&mut text);
        read.map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text, &format!("`{}`", path.display()))
    }

    /// The key as [`MasterKey::parse`] reads it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_bytes()))
    }

    /// A name for it, which says nothing about it.
    pub fn id(&self) -> String {
        id_of("abide master key 1", &self.0)
    }

    pub(super) fn key(&self) -> &KeyBytes {
        &self.0
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// The master key that is used, and those that were before it.
#[derive(Debug, Clone)]
pub struct MasterKeys {
    /// Wraps what is written from now on.
    pub current: MasterKey,
    /// Open what was written before; it is wrapped anew with the current one when the host starts.
    pub previous: Vec<MasterKey>,
}

impl MasterKeys {
    /// One key.
    pub fn new(current: MasterKey) -> Self {
        Self { current, previous: Vec::new() }
    }

    /// The key of that name.
    pub(super) fn of_id(&self, id: &str) -> Option<&MasterKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.id() == id)
    }
}

/// A short name of a key.
pub(super) fn id_of(purpose: &str, key: &KeyBytes) -> String {
    let hash = Sha256::new().chain_update(purpose).chain_update([0]).chain_update(key.as_bytes()).finalize();
    hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Vec::with_capacity(KEY_BYTES);
    for pair in text.as_bytes().chunks(2) {
        let [high, low] = pair else { return None };
        match digit(high).zip(digit(low)) {
            Some((high, low)) => bytes.push(high << 4 | low),
            None => {
                bytes.zeroize();
                return None;
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_base64_and_in_hex() {
        let key = MasterKey::generate().unwrap();
        assert_eq!(MasterKey::parse(&format!(" {}\n", *key.to_text()), "x").unwrap(), key);
        assert_eq!(MasterKey::parse(key.to_text().trim_end_matches('='), "x").unwrap(), key);
        let hex: String = key.0.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(MasterKey::parse(&hex, "x").unwrap(), key);
        assert_eq!(MasterKey::parse(&hex.to_uppercase(), "x").unwrap(), key);
        assert!(!format!("{key:?}").contains(&hex[..16]));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in ["", "secret", &"g".repeat(64), &"é".repeat(32), &"=".repeat(44), &"A".repeat(45)] {
            let error = MasterKey::parse(text, "`ABIDE_KEY`").unwrap_err().message;
            assert!(error.starts_with("`ABIDE_KEY` holds no master key"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let key = MasterKey::generate().unwrap();
        std::fs::write(&path, &*key.to_text()).unwrap();
        for (mode, fine) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = MasterKey::read(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}: {read:?}");
            if let Err(error) = read {
                assert!(error.message.contains("run `chmod 600"), "{error}");
            }
        }
        assert!(MasterKey::read(folder.path()).unwrap_err().message.contains("cannot be read"));
    }
}
