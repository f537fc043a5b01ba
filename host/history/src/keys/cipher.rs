//! XChaCha20-Poly1305 with random nonces. What is sealed is: the nonce (24 bytes), then the ciphertext with its tag (16 bytes more than the
//! plain text). The associated data says what it is and where it belongs, so that it opens nowhere else.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand_core::{OsRng, TryRngCore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::StoreError;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 24;

/// 32 bytes that nobody is shown. They are wiped when they are dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct KeyBytes([u8; KEY_BYTES]);

impl KeyBytes {
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// New ones from the system.
    pub(super) fn random() -> Result<Self, StoreError> {
        let mut bytes = Self([0; KEY_BYTES]);
        fill(&mut bytes.0)?;
        Ok(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Seals with a new nonce.
    pub(super) fn seal(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        fill(&mut nonce)?;
        Ok(self.seal_with(nonce, about, plain))
    }

    /// The same with a nonce that is given. One that is used twice gives both texts away: this is for tests of stored forms.
    pub(super) fn seal_with(&self, nonce: [u8; NONCE_BYTES], about: &[u8], plain: &[u8]) -> Vec<u8> {
        let sealed = self.cipher().encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: about });
        let sealed = sealed.expect("a text of less than 256 GiB can be sealed");
        [&nonce[..], &sealed].concat()
    }

    /// What was sealed. `None` where it was sealed with another key, for another place, or was changed.
    pub(super) fn open(&self, about: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let opened = self.cipher().decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: about });
        opened.ok().map(Zeroizing::new)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.0).into())
    }
}

impl std::fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyBytes(…)")
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), StoreError> {
    let filled = OsRng.try_fill_bytes(bytes);
    filled.map_err(|error| StoreError::Unavailable(format!("the system gives no random bytes: {error}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_sealed_opens_with_its_key_in_its_place_only(about: Vec<u8>, plain: Vec<u8>, bit in 0usize..8, at: usize) {
            let key = KeyBytes::random().unwrap();
            let sealed = key.seal(&about, &plain).unwrap();
            prop_assert_eq!(key.open(&about, &sealed).map(|opened| opened.to_vec()), Some(plain));
            prop_assert_eq!(KeyBytes::random().unwrap().open(&about, &sealed), None);
            prop_assert_eq!(key.open(&[&about[..], b"x"].concat(), &sealed), None);
            let mut changed = sealed.clone();
            changed[at % sealed.len()] ^= 1 << bit;
            prop_assert_eq!(key.open(&about, &changed), None);
            prop_assert_eq!(key.open(&about, &sealed[..at % sealed.len()]), None);
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let key = KeyBytes::random().unwrap();
        assert_ne!(key.seal(b"", b"text").unwrap(), key.seal(b"", b"text").unwrap());
        assert_eq!(format!("{key:?}"), "KeyBytes(…)");
    }
}
