//! Who may do what: roles, tokens and tenants as they are stored, and the record of who did what.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode, Tenant};

/// What somebody may do in a tenant. Each role may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything.
    #[n(0)]
    Viewer,
    /// Start runs, and do what is done to runs and schedules.
    #[n(1)]
    Operator,
    /// Upload versions and tool components, and let runs take them.
    #[n(2)]
    Deployer,
    /// Give tokens, and say what the tenant's calls are subject to.
    #[n(3)]
    Admin,
}

impl Role {
    /// Every role, from the one that may the least.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Deployer, Self::Admin];

    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Deployer => "deployer",
            Self::Admin => "admin",
        }
    }

    /// Reads its text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            let message = format!("`{shown}` is no role: give viewer, operator, deployer or admin");
            Error::new(ErrorCode::InvalidArgument, message)
        })
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A token as it is stored: nobody can tell from it what its text was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Token {
    /// Whose. Without one it is the host's own, and may act for any tenant.
    #[n(0)]
    pub tenant: Option<Tenant>,
    /// What who has it may do there.
    #[n(1)]
    pub role: Role,
    /// What it is called, for people.
    #[n(2)]
    pub name: String,
    /// SHA-256 of its text. That is 32 random bytes, so that nothing slower is needed.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub hash: [u8; 32],
    /// When it was made.
    #[n(4)]
    pub created_ms: u64,
    /// By whom.
    #[n(5)]
    pub created_by: String,
    /// From when on it is good no more.
    #[n(6)]
    pub expires_ms: Option<u64>,
    /// When it was revoked.
    #[n(7)]
    pub revoked_ms: Option<u64>,
}

/// Whether a tenant is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// It is.
    #[n(0)]
    Active,
    /// It is being deleted: nothing of it may be used any more.
    #[n(1)]
    Deleting,
}

/// A tenant as it is stored, under its name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TenantRow {
    /// When it was made.
    #[n(0)]
    pub created_ms: u64,
    /// Whether it is there.
    #[n(1)]
    pub state: TenantState,
}

/// Names an entry of the record of who did what: latest entries have the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditId {
    /// When it was done.
    pub time_ms: u64,
    /// Tells entries of the same moment apart.
    pub number: u64,
}

impl AuditId {
    /// Reads what [`std::fmt::Display`] writes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            Error::new(
                ErrorCode::InvalidArgument,
                format!("`{shown}` names no entry of the audit log: give the `next` of a page"),
            )
        };
        let (time_ms, number) = text.split_once('-').filter(|_| text.len() == 33).ok_or_else(bad)?;
        let read = |digits: &str| {
            let known = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            known.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
        };
        Ok(Self { time_ms: read(time_ms).ok_or_else(bad)?, number: read(number).ok_or_else(bad)? })
    }
}

impl std::fmt::Display for AuditId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}-{:016x}", self.time_ms, self.number)
    }
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AuditEntry {
    /// Who: the name and the id of a token.
    #[n(0)]
    pub actor: String,
    /// What: method and route, such as `POST /v1/runs/{run}/cancel`.
    #[n(1)]
    pub action: String,
    /// To what: the path.
    #[n(2)]
    pub target: String,
    /// The status of the answer. Without one, the host went down before it was known: it may have been done or not.
    #[n(3)]
    pub status: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_an_order() {
        assert!(Role::ALL.is_sorted());
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert!(Role::parse("root").unwrap_err().message.contains("viewer, operator"));
    }

    #[test]
    fn the_name_of_an_entry_comes_back() {
        let id = AuditId { time_ms: 1_700_000_000_123, number: u64::MAX };
        assert_eq!(AuditId::parse(&id.to_string()), Ok(id));
        for bad in ["", "-", "1-2", "0000018bcfe5687b_ffffffffffffffff", "+000018bcfe5687b-ffffffffffffffff"] {
            assert!(AuditId::parse(bad).is_err(), "{bad}");
        }
    }
}
