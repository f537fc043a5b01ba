//! Keys: how they are put together and taken apart. What a key is made of is said where the row is, beside its codec.
//!
//! Every key but those of `meta` begins with the tenant and a zero byte. No tenant has a zero byte in its name, so the rows of
//! a tenant stand together, and none of them can be mistaken for another's. Numbers are big-endian: they sort as numbers do.

use abide_model::{Digest, RunId, Tenant};

/// Ends a text within a key. Tenants, workflow names and callers' ids cannot have it.
const END: u8 = 0;

/// A key in the making.
#[derive(Debug, Clone)]
pub(super) struct Key(Vec<u8>);

impl Key {
    /// The beginning of every key of `tenant`.
    pub(super) fn of(tenant: &Tenant) -> Self {
        let text = tenant.as_str().as_bytes();
        let mut bytes = Vec::with_capacity(text.len() + 64);
        bytes.extend_from_slice(text);
        bytes.push(END);
        Self(bytes)
    }

    /// The beginning of every key of the host itself: as that of a tenant without a name, which there is not.
    pub(super) fn of_host() -> Self {
        Self(vec![END])
    }

    /// The beginning of every key of a run.
    pub(super) fn of_run(tenant: &Tenant, run_id: RunId) -> Self {
        Self::of(tenant).run(run_id)
    }

    pub(super) fn run(mut self, run_id: RunId) -> Self {
        self.0.extend_from_slice(&run_id.to_bytes());
        self
    }

    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub(super) fn u64(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub(super) fn digest(mut self, digest: &Digest) -> Self {
        self.0.extend_from_slice(digest.as_bytes());
        self
    }

    /// A text with something after it: one that has no zero byte.
    pub(super) fn name(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(END);
        self
    }

    /// A text as the last part. It may have any characters.
    pub(super) fn rest(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }

    /// The first key after all that begin with these bytes.
    pub(super) fn after(self) -> Vec<u8> {
        let mut bytes = self.0;
        while let Some(last) = bytes.pop() {
            if last < u8::MAX {
                bytes.push(last + 1);
                return bytes;
            }
        }
        // Only bytes of 255: no tenant begins with one, so no key does.
        vec![u8::MAX]
    }
}

/// Takes a key apart, from the left. `None` where it is shorter than it should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyReader<'a>(&'a [u8]);

impl<'a> KeyReader<'a> {
    pub(super) fn new(key: &'a [u8]) -> Self {
        Self(key)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == END)?;
        let text = std::str::from_utf8(&self.0[..end]).ok()?;
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    pub(super) fn tenant(&mut self) -> Option<Tenant> {
        Tenant::parse(self.text()?).ok()
    }

    pub(super) fn run(&mut self) -> Option<RunId> {
        self.take().map(RunId::from_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// All the rest.
    pub(super) fn rest_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// A text that has something after it.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        self.text()
    }

    /// A single byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    /// A text that is all the rest.
    pub(super) fn rest(&mut self) -> Option<&'a str> {
        std::str::from_utf8(std::mem::take(&mut self.0)).ok()
    }

    /// Whether nothing is left.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_read_as_it_was_put_together(tenant in "[a-z0-9][a-z0-9-]{0,63}", run: [u8; 16], a: u64, b: u32) {
            let tenant = Tenant::parse(&tenant).unwrap();
            let key = Key::of_run(&tenant, RunId::from_bytes(run)).u64(a).u32(b).done();
            let mut reader = KeyReader::new(&key);
            prop_assert_eq!(reader.tenant(), Some(tenant));
            prop_assert_eq!(reader.run(), Some(RunId::from_bytes(run)));
            prop_assert_eq!(reader.u64(), Some(a));
            prop_assert_eq!(reader.u32(), Some(b));
            prop_assert_eq!(reader.end(), Some(()));
        }

        #[test]
        fn the_key_after_a_beginning_is_after_all_that_begin_so(run: [u8; 16], rest: Vec<u8>) {
            let beginning = Key::of_run(&Tenant::default(), RunId::from_bytes(run));
            let after = beginning.clone().after();
            let mut key = beginning.clone().done();
            prop_assert!(key < after);
            key.extend(rest);
            prop_assert!(key < after);
            prop_assert!(!after.starts_with(&beginning.done()));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let mut reader = KeyReader::new(&bytes);
            let _ = (reader.tenant(), reader.run(), reader.u64(), reader.u32(), reader.end());
        }
    }

    #[test]
    fn tenants_do_not_mix() {
        let key = |name| Key::of(&Tenant::parse(name).unwrap());
        assert!(!key("ab").done().starts_with(&key("a").done()));
        assert!(key("a").after() <= key("a-b").done());
    }
}
