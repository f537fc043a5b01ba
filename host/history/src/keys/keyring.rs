//! The keys of all tenants, unwrapped, while a host runs. A cloneable handle: the store seals rows with it, the host secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use abide_model::{Error, ErrorCode, Tenant};
use zeroize::Zeroizing;

use super::folder::Folder;
use super::master::MasterKeys;
use super::tenant_key::{KeyFile, TenantKey, hex};
use crate::StoreError;

/// The folder of the keys within the data folder.
const FOLDER: &str = "keys";

/// What is sealed, so that it opens as nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOf<'a> {
    /// A secret, with all that is to be bound to it.
    Secret(&'a str),
    /// Something that was redacted, with all that is to be bound to it.
    Redacted(&'a str),
}

impl KeyOf<'_> {
    fn about(&self, tenant: &Tenant) -> Vec<u8> {
        let (purpose, text) = match self {
            Self::Secret(text) => ("abide secret 1", text),
            Self::Redacted(text) => ("abide redacted 1", text),
        };
        [purpose.as_bytes(), b"\0", tenant.as_str().as_bytes(), b"\0", text.as_bytes()].concat()
    }
}

/// The keys of all tenants.
#[derive(Debug, Clone, Default)]
pub struct Keyring(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// `None` where the operator gave no master key.
    masters: Option<Masters>,
    keys: RwLock<Keys>,
    /// Who makes or destroys a key.
    turn: Mutex<()>,
}

/// What wraps keys, and where they are.
#[derive(Debug)]
struct Masters {
    keys: MasterKeys,
    folder: Folder,
}

/// The keys at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    payloads: bool,
    keys: Arc<BTreeMap<Tenant, TenantKey>>,
    erased: Arc<BTreeSet<Tenant>>,
}

impl Keyring {
    /// No keys: nothing is sealed, and nothing can be opened.
    pub fn none() -> Self {
        Self::default()
    }

    /// The keys of a data folder. Those that are wrapped with a previous master key are wrapped anew. Without master keys there must not be any.
    /// With `payloads`, what runs say is sealed from now on.
    pub fn open(data: &Path, masters: Option<MasterKeys>, payloads: bool) -> Result<Self, StoreError> {
        let folder = Folder::new(data.join(FOLDER));
        let files = folder.read_all()?;
        let Some(masters) = masters else {
            return match files.first() {
                None => Ok(Self::none()),
                Some((tenant, file)) => Err(StoreError::Sealed(format!(
                    "the key `{}` is wrapped with master key {}, and the host has none: set `[encryption]` with `key_file` or `key_env` in \
                     abide.toml",
                    folder.path(tenant).display(),
                    file.master
                ))),
            };
        };
        let mut keys = BTreeMap::new();
        let mut again = Vec::new();
        for (tenant, file) in files {
            let key = file.unwrap(&tenant, &masters).map_err(|why| {
                StoreError::Sealed(format!("the key `{}` cannot be used: {why}", folder.path(&tenant).display()))
            })?;
            if file.master != masters.current.id() {
                again.push(tenant.clone());
            }
            keys.insert(tenant, key);
        }
        // All could be opened: nothing is changed where a start fails.
        for tenant in &again {
            folder.write(tenant, &KeyFile::wrap(tenant, &keys[tenant], &masters.current)?, false)?;
        }
        if !again.is_empty() {
            tracing::info!(
                keys = again.len(),
                master = masters.current.id(),
                "the keys of tenants are wrapped with the new master key"
            );
        }
        let keys = RwLock::new(Keys { payloads, keys: Arc::new(keys), erased: Arc::default() });
        let masters = Some(Masters { keys: masters, folder });
        Ok(Self(Arc::new(Inner { masters, keys, turn: Mutex::default() })))
    }

    /// Whether there is a master key.
    pub fn is_set_up(&self) -> bool {
        self.0.masters.is_some()
    }

    /// Whether what runs say is sealed.
    pub fn seals_payloads(&self) -> bool {
        self.keys().payloads
    }

    /// Seals something of a tenant, with its key; a tenant that has none is given one.
    pub fn seal(&self, tenant: &Tenant, what: KeyOf<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        if !self.is_set_up() {
            return Err(no_master_key());
        }
        self.make(tenant)?;
        let keys = self.keys();
        let key = keys.keys.get(tenant).ok_or_else(|| StoreError::Erased(tenant.clone()))?;
        let mut sealed = key.id().to_vec();
        sealed.extend(key.seal(&what.about(tenant), plain)?);
        Ok(sealed)
    }

    /// Opens what [`Keyring::seal`] gave.
    pub fn open_sealed(&self, tenant: &Tenant, what: KeyOf<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        if !self.is_set_up() {
            return Err(no_master_key());
        }
        let keys = self.keys();
        let (id, sealed) = sealed.split_first_chunk().ok_or_else(|| damaged(tenant))?;
        let key = keys
            .key(tenant, *id)
            .map_err(|why| StoreError::Sealed(format!("something of tenant `{tenant}`: {why}")))?;
        key.open(&what.about(tenant), sealed).ok_or_else(|| damaged(tenant).into())
    }

    /// The keys as they are now.
    pub(crate) fn keys(&self) -> Keys {
        self.0.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes the key of a tenant, if it has none.
    pub(crate) fn make(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let Some(masters) = &self.0.masters else { return Ok(()) };
        if self.keys().keys.contains_key(tenant) {
            return Ok(());
        }
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.keys();
        if now.keys.contains_key(tenant) {
            return Ok(());
        }
        now.may_write(tenant)?;
        let key = TenantKey::generate()?;
        // It is durable before anything is sealed with it.
        masters.folder.write(tenant, &KeyFile::wrap(tenant, &key, &masters.keys.current)?, true)?;
        self.change(|keys| Arc::make_mut(&mut keys.keys).insert(tenant.clone(), key));
        Ok(())
    }

    /// Destroys the key of a tenant: from now on nobody opens what was sealed with it, and nothing of the tenant is written.
    pub(crate) fn destroy(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.change(|keys| Arc::make_mut(&mut keys.erased).insert(tenant.clone()));
        if let Some(masters) = &self.0.masters {
            masters.folder.destroy(tenant)?;
        }
        self.change(|keys| Arc::make_mut(&mut keys.keys).remove(tenant));
        Ok(())
    }

    /// Lets the name of a tenant whose rows are all gone be used again.
    pub fn release(&self, tenant: &Tenant) {
        self.change(|keys| Arc::make_mut(&mut keys.erased).remove(tenant));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Keys) -> T) -> T {
        change(&mut self.0.keys.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Keys {
    /// With which key a new row of a tenant is sealed. `None` where rows are not sealed.
    pub(crate) fn sealing(&self, tenant: &Tenant) -> Result<Option<&TenantKey>, StoreError> {
        self.may_write(tenant)?;
        if !self.payloads {
            return Ok(None);
        }
        match self.keys.get(tenant) {
            Some(key) => Ok(Some(key)),
            None => Err(StoreError::Sealed(format!("tenant `{tenant}` has no key to seal with"))),
        }
    }

    /// Whether nothing is sealed that is written now.
    pub(crate) fn are_plain(&self) -> bool {
        !self.payloads
    }

    /// Refuses to write for a tenant that is being erased.
    pub(crate) fn may_write(&self, tenant: &Tenant) -> Result<(), StoreError> {
        if self.erased.contains(tenant) { Err(StoreError::Erased(tenant.clone())) } else { Ok(()) }
    }

    /// The key of a tenant by its short name. The error says why there is none.
    pub(crate) fn key(&self, tenant: &Tenant, id: [u8; 4]) -> Result<&TenantKey, String> {
        match self.keys.get(tenant) {
            Some(key) if key.id() == id => Ok(key),
            Some(key) => Err(format!(
                "it is sealed with key {}, and the tenant has {}: restore `keys/{tenant}.json` from its backup",
                hex(&id),
                hex(&key.id())
            )),
            None => Err(format!(
                "it is sealed with key {}, which the host does not have: restore `keys/{tenant}.json` from its backup and set \
                 `[encryption]` in abide.toml; a tenant that was erased cannot be read any more",
                hex(&id)
            )),
        }
    }

    /// The keys with those of a test.
    #[cfg(test)]
    pub(crate) fn fixed(tenant: &Tenant, key: TenantKey) -> Self {
        Self { payloads: true, keys: Arc::new([(tenant.clone(), key)].into()), erased: Arc::default() }
    }
}

fn damaged(tenant: &Tenant) -> StoreError {
    StoreError::Corrupt(format!("something sealed of tenant `{tenant}` was changed, or belongs elsewhere"))
}

fn no_master_key() -> Error {
    Error::new(
        ErrorCode::InvalidConfig,
        "this needs a master key, and the host has none: make one with `abide keys generate master.key`, and set `[encryption] key_file = \
         \"master.key\"` in abide.toml",
    )
}

#[cfg(test)]
mod tests {
    use super::super::master::MasterKey;
    use super::*;

    fn acme() -> Tenant {
        Tenant::parse("acme").unwrap()
    }

    fn masters() -> MasterKeys {
        MasterKeys::new(MasterKey::generate().unwrap())
    }

    #[test]
    fn what_was_sealed_is_opened_after_a_restart_and_after_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (masters(), masters());
        let open = |masters: &MasterKeys| Keyring::open(folder.path(), Some(masters.clone()), true);
        let sealed = open(&old).unwrap().seal(&acme(), KeyOf::Secret("crm"), b"hunter2").unwrap();
        let opened =
            |keyring: &Keyring| keyring.open_sealed(&acme(), KeyOf::Secret("crm"), &sealed).map(|plain| plain.to_vec());
        assert_eq!(opened(&open(&old).unwrap()).unwrap(), b"hunter2");
        // Without the old one in `previous` the start is refused, and nothing changes.
        let error = open(&new).unwrap_err().to_string();
        assert!(
            error.contains("acme.json") && error.contains(&old.current.id()) && error.contains("previous"),
            "{error}"
        );
        let both = MasterKeys { current: new.current.clone(), previous: vec![old.current.clone()] };
        assert_eq!(opened(&open(&both).unwrap()).unwrap(), b"hunter2");
        assert_eq!(opened(&open(&both).unwrap()).unwrap(), b"hunter2");
        // The old one is not needed any more.
        assert_eq!(opened(&open(&new).unwrap()).unwrap(), b"hunter2");
        assert!(open(&old).is_err());
        let error = Keyring::open(folder.path(), None, false).unwrap_err().to_string();
        assert!(error.contains("set `[encryption]`"), "{error}");
    }

    #[test]
    fn a_rotation_that_was_cut_short_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (masters(), masters());
        let before = Keyring::open(folder.path(), Some(old.clone()), true).unwrap();
        for tenant in ["acme", "globex"] {
            before.make(&Tenant::parse(tenant).unwrap()).unwrap();
        }
        let kept = std::fs::read(folder.path().join("keys/globex.json")).unwrap();
        let both = MasterKeys { current: new.current.clone(), previous: vec![old.current] };
        Keyring::open(folder.path(), Some(both.clone()), true).unwrap();
        // As if the host had died after the first of the two, and while it wrote the second.
        std::fs::write(folder.path().join("keys/globex.json"), kept).unwrap();
        std::fs::write(folder.path().join("keys/globex.new"), "{").unwrap();
        Keyring::open(folder.path(), Some(both), true).unwrap();
        Keyring::open(folder.path(), Some(new), true).unwrap();
    }

    #[test]
    fn a_destroyed_key_is_gone_and_nothing_is_written_until_the_tenant_is() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), Some(masters()), true).unwrap();
        let sealed = keyring.seal(&acme(), KeyOf::Secret("crm"), b"hunter2").unwrap();
        keyring.destroy(&acme()).unwrap();
        keyring.destroy(&acme()).unwrap();
        assert!(!folder.path().join("keys/acme.json").exists());
        assert!(keyring.open_sealed(&acme(), KeyOf::Secret("crm"), &sealed).is_err());
        assert!(keyring.seal(&acme(), KeyOf::Secret("crm"), b"again").is_err());
        assert_eq!(keyring.keys().may_write(&acme()), Err(StoreError::Erased(acme())));
        keyring.release(&acme());
        keyring.seal(&acme(), KeyOf::Secret("crm"), b"again").unwrap();
        assert!(keyring.open_sealed(&acme(), KeyOf::Secret("crm"), &sealed).is_err());
    }

    #[test]
    fn without_a_master_key_it_says_how_to_get_one() {
        let error = Keyring::none().seal(&acme(), KeyOf::Secret("crm"), b"hunter2").unwrap_err().message;
        assert!(error.contains("abide keys generate"), "{error}");
    }

    #[test]
    fn a_sealed_thing_opens_as_what_it_is_only() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(folder.path(), Some(masters()), true).unwrap();
        let globex = Tenant::parse("globex").unwrap();
        keyring.make(&globex).unwrap();
        let sealed = keyring.seal(&acme(), KeyOf::Secret("crm"), b"hunter2").unwrap();
        for (tenant, what) in
            [(&acme(), KeyOf::Secret("other")), (&acme(), KeyOf::Redacted("crm")), (&globex, KeyOf::Secret("crm"))]
        {
            assert!(keyring.open_sealed(tenant, what, &sealed).is_err(), "{tenant}, {what:?}");
        }
    }
}
