//! The key of one tenant: 32 random bytes, made when the tenant first needs one, and its file, in which it is wrapped with the master key.

use abide_model::Tenant;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::KeyBytes;
#[cfg(test)]
use super::cipher::NONCE_BYTES;
use super::master::{MasterKey, MasterKeys, id_of};
use crate::StoreError;

/// Bytes of the short name by which rows say with which key they are sealed.
pub(crate) const ID_BYTES: usize = 4;

/// The key of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct TenantKey {
    key: KeyBytes,
    id: [u8; ID_BYTES],
}

impl TenantKey {
    pub(super) fn generate() -> Result<Self, StoreError> {
        KeyBytes::random().map(Self::of)
    }

    fn of(key: KeyBytes) -> Self {
        let id = u32::from_str_radix(&id_of("abide tenant key 1", &key), 16).expect("four bytes in hex");
        Self { key, id: id.to_be_bytes() }
    }

    /// A key that is known, for tests of stored forms.
    #[cfg(test)]
    pub(crate) fn fixed(bytes: [u8; 32]) -> Self {
        Self::of(KeyBytes::from_slice(&bytes).expect("32 bytes"))
    }

    /// Its short name.
    pub(crate) fn id(&self) -> [u8; ID_BYTES] {
        self.id
    }

    pub(crate) fn seal(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.key.seal(about, plain)
    }

    #[cfg(test)]
    pub(crate) fn seal_with(&self, nonce: [u8; NONCE_BYTES], about: &[u8], plain: &[u8]) -> Vec<u8> {
        self.key.seal_with(nonce, about, plain)
    }

    pub(crate) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.key.open(about, sealed)
    }
}

/// The file of a key, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    /// The form of the file: 1.
    format: u32,
    /// Whose key.
    tenant: String,
    /// The short name of the key.
    key: String,
    /// The name of the master key.
    pub(super) master: String,
    /// The key, sealed with the master key: the nonce, then the ciphertext, in base64.
    wrapped: String,
}

const FORMAT: u32 = 1;

impl KeyFile {
    pub(super) fn wrap(tenant: &Tenant, key: &TenantKey, master: &MasterKey) -> Result<Self, StoreError> {
        let wrapped = master.key().seal(&about(tenant), key.key.as_bytes())?;
        Ok(Self {
            format: FORMAT,
            tenant: tenant.to_string(),
            key: hex(&key.id),
            master: master.id(),
            wrapped: STANDARD.encode(wrapped),
        })
    }

    /// The key. The error says why it cannot be had, and what to do.
    pub(super) fn unwrap(&self, tenant: &Tenant, masters: &MasterKeys) -> Result<TenantKey, String> {
        if self.format != FORMAT || self.tenant != tenant.as_str() {
            return Err(format!("it has format {} and is of tenant `{}`", self.format, self.tenant));
        }
        let Some(master) = masters.of_id(&self.master) else {
            return Err(format!(
                "it is wrapped with master key {}, and `[encryption]` gives {}: give that one with `key_file` or `key_env`, or list it in \
                 `previous`",
                self.master,
                masters.current.id()
            ));
        };
        let damaged = || "it is damaged, or of another tenant: restore it from its backup".to_owned();
        let wrapped = STANDARD.decode(&self.wrapped).map_err(|_| damaged())?;
        let bytes = master.key().open(&about(tenant), &wrapped).ok_or_else(damaged)?;
        KeyBytes::from_slice(&bytes).map(TenantKey::of).ok_or_else(damaged)
    }
}

/// What a wrapped key is bound to.
fn about(tenant: &Tenant) -> Vec<u8> {
    [b"abide tenant key 1\0", tenant.as_str().as_bytes()].concat()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Tenant {
        Tenant::parse(name).unwrap()
    }

    #[test]
    fn a_key_is_unwrapped_for_its_tenant_with_its_master_key_only() {
        let (first, second) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        let key = TenantKey::generate().unwrap();
        let file = KeyFile::wrap(&tenant("acme"), &key, &first).unwrap();
        let masters = MasterKeys::new(first.clone());
        assert_eq!(file.unwrap(&tenant("acme"), &masters).unwrap().key, key.key);
        let rotated = MasterKeys { current: second.clone(), previous: vec![first.clone()] };
        assert_eq!(file.unwrap(&tenant("acme"), &rotated).unwrap().key, key.key);
        let error = file.unwrap(&tenant("acme"), &MasterKeys::new(second.clone())).unwrap_err();
        assert!(error.contains(&first.id()) && error.contains(&second.id()) && error.contains("previous"), "{error}");
        // Another tenant's file under this tenant's name: what it says of itself cannot be trusted, what is sealed can.
        let stolen = KeyFile { tenant: "globex".into(), ..file };
        assert!(stolen.unwrap(&tenant("globex"), &masters).unwrap_err().contains("damaged"));
    }
}
