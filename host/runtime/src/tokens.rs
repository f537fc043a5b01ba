//! Tokens: who has one is somebody. A token is 32 random bytes; its text is told once and stored as a hash only.

use abide_history::{Document, DocumentChange, DocumentKind, Owner, StoreError};
use abide_model::{Digest, Error, ErrorCode, Role, Tenant, Token};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::Host;
use crate::checks::random;
use crate::encoded::encoded;
use crate::view::{CreateToken, CreatedToken, TokenView, Tokens};

/// What the text of a token begins with, so that scanners for leaked keys can find one.
const PREFIX: &str = "abide_";
/// What the id of a token begins with.
const ID_PREFIX: &str = "tok_";
/// Digits of an id.
const ID_DIGITS: usize = 16;
/// Digits of what is secret.
const SECRET_DIGITS: usize = 64;
/// The most tokens of a tenant, or of the host, that are not revoked.
const MAX_TOKENS: usize = 1000;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 128;
/// The longest time that a token can be given: ten years.
const MAX_EXPIRES_S: u64 = 10 * 366 * 24 * 3600;
/// Documents that are read at a time.
const PAGE: usize = 500;

/// Who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What the audit log calls who asks: the name and the id of a token.
    pub name: String,
    /// Whose token it is. Without one it is the host's own.
    pub tenant: Option<Tenant>,
    /// What it may do.
    pub role: Role,
}

impl Actor {
    /// Who asks a host that wants no tokens.
    pub fn anonymous() -> Self {
        Self { name: "dev".to_owned(), tenant: None, role: Role::Admin }
    }

    /// Whether it may do what concerns all tenants.
    pub fn is_host_admin(&self) -> bool {
        self.tenant.is_none() && self.role == Role::Admin
    }
}

impl Host {
    /// Makes a token of a tenant, or of the host.
    pub async fn create_token(
        &self,
        tenant: Option<&Tenant>,
        create: CreateToken,
        by: &str,
    ) -> Result<CreatedToken, Error> {
        self.inner.check_ready()?;
        let CreateToken { name, role, expires_in_s, .. } = create;
        check_token(&name, expires_in_s)?;
        if let Some(tenant) = tenant {
            self.check_tenant(tenant)?;
        }
        let good = self.tokens(tenant).await?.tokens.into_iter().filter(|token| token.revoked_ms.is_none()).count();
        if good >= MAX_TOKENS {
            let message =
                format!("there are {good} tokens, the limit is {MAX_TOKENS}: revoke some with `abide tokens revoke`");
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        let id = hex(&random::<{ ID_DIGITS / 2 }>()?);
        let secret = Zeroizing::new(hex(&random::<{ SECRET_DIGITS / 2 }>()?));
        let created_ms = self.inner.clock.now_ms();
        let token = Token {
            tenant: tenant.cloned(),
            role,
            name,
            hash: hash(&secret),
            created_ms,
            created_by: by.to_owned(),
            expires_ms: expires_in_s.map(|seconds| created_ms.saturating_add(seconds * 1000)),
            revoked_ms: None,
        };
        self.inner.store.change_documents(vec![change(&id, Some(0), &token)]).await?;
        Ok(CreatedToken { text: format!("{PREFIX}{id}_{}", *secret), token: shown(&id, token) })
    }

    /// The tokens of a tenant, or the host's own, with those that are good no more.
    pub async fn tokens(&self, tenant: Option<&Tenant>) -> Result<Tokens, Error> {
        let mut tokens = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.inner.store.documents(&Owner::Host, DocumentKind::Token, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(Tokens { tokens }) };
            after = Some(last.clone());
            for (id, document) in page {
                let token = read(&id, &document)?;
                if token.tenant.as_ref() == tenant {
                    tokens.push(shown(&id, token));
                }
            }
        }
    }

    /// Makes a token of a tenant, or of the host, good for nothing. One that is revoked stays so.
    pub async fn revoke_token(&self, tenant: Option<&Tenant>, id: &str) -> Result<TokenView, Error> {
        self.inner.check_ready()?;
        let digits =
            id.strip_prefix(ID_PREFIX).filter(|digits| is_hex(digits, ID_DIGITS)).ok_or_else(|| no_token(id))?;
        loop {
            let found = self.inner.store.document(&Owner::Host, DocumentKind::Token, digits).await?;
            let document = found.ok_or_else(|| no_token(id))?;
            let mut token = read(digits, &document)?;
            // That of another tenant is not there for who asks.
            if token.tenant.as_ref() != tenant {
                return Err(no_token(id));
            }
            if token.revoked_ms.is_none() {
                token.revoked_ms = Some(self.inner.clock.now_ms());
                match self.inner.store.change_documents(vec![change(digits, Some(document.revision), &token)]).await {
                    Err(StoreError::DocumentChanged(_)) => continue,
                    done => done?,
                }
                self.inner.revocations.send_replace(());
            }
            return Ok(shown(digits, token));
        }
    }

    /// Whose a token is. All that is wrong with one gives the same error, which tells nothing to who guesses.
    pub async fn authenticate(&self, text: &str) -> Result<Actor, Error> {
        let refused = || {
            let message = "the token is not known, or it has expired or was revoked: ask an admin for another one (`abide tokens create`)";
            Error::new(ErrorCode::Unauthenticated, message)
        };
        let (id, secret) = parts(text).ok_or_else(refused)?;
        let document = self.inner.store.document(&Owner::Host, DocumentKind::Token, id).await?.ok_or_else(refused)?;
        let token = read(id, &document)?;
        let is_it = bool::from(hash(secret).ct_eq(&token.hash));
        let now_ms = self.inner.clock.now_ms();
        let is_good = token.revoked_ms.is_none() && token.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms);
        if !is_it || !is_good {
            return Err(refused());
        }
        // A tenant that is gone takes its tokens with it.
        if token.tenant.as_ref().is_some_and(|tenant| self.check_tenant(tenant).is_err()) {
            return Err(refused());
        }
        Ok(Actor { name: format!("{} ({ID_PREFIX}{id})", token.name), tenant: token.tenant, role: token.role })
    }

    /// Tells when a token was revoked, so that whoever was let in by one looks whether it is still good.
    pub fn revocations(&self) -> watch::Receiver<()> {
        self.inner.revocations.subscribe()
    }

    /// Whether anybody could come in at all.
    pub async fn has_tokens(&self) -> Result<bool, Error> {
        Ok(!self.inner.store.documents(&Owner::Host, DocumentKind::Token, None, 1).await?.is_empty())
    }
}

fn check_token(name: &str, expires_in_s: Option<u64>) -> Result<(), Error> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let message = format!("the `name` of a token has 1 to {MAX_NAME_BYTES} bytes and no control characters");
        return Err(Error::new(ErrorCode::InvalidArgument, message));
    }
    match expires_in_s {
        Some(seconds) if seconds == 0 || seconds > MAX_EXPIRES_S => {
            Err(Error::new(ErrorCode::InvalidArgument, "`expires_in_s` has to be 1 second to 10 years"))
        }
        _ => Ok(()),
    }
}

/// The id and the secret in the text of a token.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    (is_hex(id, ID_DIGITS) && is_hex(secret, SECRET_DIGITS)).then_some((id, secret))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

fn hash(secret: &str) -> [u8; 32] {
    *Digest::of(secret.as_bytes()).as_bytes()
}

fn change(id: &str, expected: Option<u64>, token: &Token) -> DocumentChange {
    DocumentChange {
        owner: Owner::Host,
        kind: DocumentKind::Token,
        name: id.to_owned(),
        expected,
        value: Some(encoded(token).into()),
    }
}

fn read(id: &str, document: &Document) -> Result<Token, Error> {
    minicbor::decode(&document.value).map_err(|error| {
        Error::new(ErrorCode::StoreCorrupt, format!("the token `{ID_PREFIX}{id}` cannot be read: {error}"))
    })
}

fn no_token(id: &str) -> Error {
    let shown: String = id.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(
        ErrorCode::TokenNotFound,
        format!("there is no token `{shown}`: `abide tokens` lists those that there are"),
    )
}

fn shown(id: &str, token: Token) -> TokenView {
    let Token { tenant, role, name, created_ms, created_by, expires_ms, revoked_ms, hash: _ } = token;
    TokenView { id: format!("{ID_PREFIX}{id}"), name, tenant, role, created_ms, created_by, expires_ms, revoked_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_of_a_token_is_one() {
        let (id, secret) = ("0123456789abcdef", "0".repeat(SECRET_DIGITS));
        let text = format!("abide_{id}_{secret}");
        assert_eq!(parts(&text), Some((id, secret.as_str())));
        for bad in [
            "",
            "abide_",
            "abide_0123456789abcdef",
            &text[1..],
            &format!("{text}0"),
            &text.to_uppercase(),
            &text.replacen('0', "g", 1),
            &text.replacen('_', "-", 1),
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn bytes_as_digits() {
        assert_eq!(hex(&[0, 1, 0xab, 0xff]), "0001abff");
        assert!(is_hex(&hex(&[7; 8]), ID_DIGITS));
    }
}
