//! Headers.

use wasmtime::component::Resource;

use crate::state::GuestState;
use crate::wasi::bindings::wasi::http::types::{HeaderError, HostFields};

/// The longest headers of one request, names and values together, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// Headers that belong to the connection, which is the host's.
const FORBIDDEN: [&str; 10] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers, in order.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    entries: Vec<(String, Vec<u8>)>,
    /// Those of a request that has them, and those that came.
    is_immutable: bool,
}

impl Fields {
    pub(crate) fn immutable(entries: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self { entries: entries.into_iter().collect(), is_immutable: true }
    }

    pub(crate) fn entries(&self) -> &[(String, Vec<u8>)] {
        &self.entries
    }

    /// Those of a request or an answer: not to be changed any more.
    pub(crate) fn frozen(&self) -> Self {
        Self { is_immutable: true, ..self.clone() }
    }

    fn append(&mut self, name: String, value: Vec<u8>) -> Result<(), HeaderError> {
        check(&name, &value)?;
        if self.is_immutable {
            return Err(HeaderError::Immutable);
        }
        let bytes: usize = self.entries.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes + name.len() + value.len() > MAX_BYTES {
            // WASI has no better word for it.
            return Err(HeaderError::Forbidden);
        }
        self.entries.push((name, value));
        Ok(())
    }

    fn delete(&mut self, name: &str) -> Result<(), HeaderError> {
        check(name, &[])?;
        if self.is_immutable {
            return Err(HeaderError::Immutable);
        }
        self.entries.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        Ok(())
    }
}

/// A token of RFC 9110 (section 5.6.2), and a value of visible characters, spaces and tabs.
fn check(name: &str, value: &[u8]) -> Result<(), HeaderError> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(HeaderError::InvalidSyntax);
    }
    if value.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
        return Err(HeaderError::InvalidSyntax);
    }
    if FORBIDDEN.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(name)) {
        return Err(HeaderError::Forbidden);
    }
    Ok(())
}

impl HostFields for GuestState {
    fn new(&mut self) -> wasmtime::Result<Resource<Fields>> {
        self.hold(Fields::default())
    }

    fn from_list(
        &mut self,
        entries: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<Resource<Fields>, HeaderError>> {
        let mut fields = Fields::default();
        for (name, value) in entries {
            if let Err(error) = fields.append(name, value) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(self.hold(fields)?))
    }

    fn get(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<Vec<Vec<u8>>> {
        let entries = self.wasi.table.get(&fields)?.entries.iter();
        let named = entries.filter(|(known, _)| known.eq_ignore_ascii_case(&name));
        Ok(named.map(|(_, value)| value.clone()).collect())
    }

    fn has(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<bool> {
        Ok(self.wasi.table.get(&fields)?.entries.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)))
    }

    fn set(
        &mut self,
        fields: Resource<Fields>,
        name: String,
        values: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        let fields = self.wasi.table.get_mut(&fields)?;
        let mut changed = fields.clone();
        if let Err(error) = changed.delete(&name) {
            return Ok(Err(error));
        }
        for value in values {
            if let Err(error) = changed.append(name.clone(), value) {
                return Ok(Err(error));
            }
        }
        *fields = changed;
        Ok(Ok(()))
    }

    fn delete(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<Result<(), HeaderError>> {
        Ok(self.wasi.table.get_mut(&fields)?.delete(&name))
    }

    fn append(
        &mut self,
        fields: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), HeaderError>> {
        Ok(self.wasi.table.get_mut(&fields)?.append(name, value))
    }

    fn entries(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Vec<(String, Vec<u8>)>> {
        Ok(self.wasi.table.get(&fields)?.entries.clone())
    }

    fn clone(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Resource<Fields>> {
        let entries = self.wasi.table.get(&fields)?.entries.clone();
        self.hold(Fields { entries, is_immutable: false })
    }

    fn drop(&mut self, fields: Resource<Fields>) -> wasmtime::Result<()> {
        self.wasi.table.delete(fields)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_and_broken_ones_are_refused() {
        let mut fields = Fields::default();
        assert!(matches!(fields.append("Host".into(), b"a".into()), Err(HeaderError::Forbidden)));
        assert!(matches!(fields.append("a b".into(), b"a".into()), Err(HeaderError::InvalidSyntax)));
        assert!(matches!(fields.append("a".into(), b"x\r\ny: z".into()), Err(HeaderError::InvalidSyntax)));
        assert!(matches!(fields.append("a".into(), vec![b'x'; MAX_BYTES]), Err(HeaderError::Forbidden)));
        assert!(fields.append("a".into(), b"x\ty".into()).is_ok());
    }

    #[test]
    fn headers_that_were_handed_over_stay_as_they_are() {
        let mut fields = Fields::immutable([("a".to_owned(), b"b".to_vec())]);
        assert!(matches!(fields.append("c".into(), b"d".into()), Err(HeaderError::Immutable)));
        assert!(matches!(fields.delete("A"), Err(HeaderError::Immutable)));
        assert_eq!(fields.entries().len(), 1);
    }
}
