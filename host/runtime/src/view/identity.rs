//! What is shown of tenants, tokens, settings and the record of who did what.

use abide_model::{Json, Role, SettingKind, Tenant, TenantState};
use serde::{Deserialize, Serialize};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantView {
    /// Its name.
    pub tenant: Tenant,
    /// When it was made; `default` never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_ms: Option<u64>,
    /// Whether it may be used.
    pub state: TenantState,
}

/// All tenants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenants {
    /// By name.
    pub tenants: Vec<TenantView>,
}

/// A tenant that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// Its name.
    pub tenant: Tenant,
}

/// A setting of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantSetting {
    /// Whose.
    pub tenant: Tenant,
    /// Which one.
    pub setting: SettingKind,
    /// 1 when it was first set, and one more with each change.
    pub revision: u64,
    /// What it says.
    pub value: Json,
}

/// A token that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is called, for people.
    pub name: String,
    /// What who has it may do.
    pub role: Role,
    /// Whether it is the host's own: it may act for any tenant. Only such a token can make one.
    #[serde(default)]
    pub host: bool,
    /// After how many seconds it is good no more. Without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_s: Option<u64>,
}

/// A token, without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// What it is named by: `tok_` and 16 digits.
    pub id: String,
    /// What it is called, for people.
    pub name: String,
    /// Whose. Without one it is the host's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
    /// What who has it may do.
    pub role: Role,
    /// When it was made.
    pub created_ms: u64,
    /// By whom.
    pub created_by: String,
    /// From when on it is good no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<u64>,
}

/// A token that was made just now. Its text is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The token.
    pub token: TokenView,
    /// Its text: what is sent as `Authorization: Bearer TEXT`.
    pub text: String,
}

impl std::fmt::Debug for CreatedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Some tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// In the order of their ids.
    pub tokens: Vec<TokenView>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The name and the id of the token; `dev` where the host asks for none.
    pub actor: String,
    /// For which tenant.
    pub tenant: Tenant,
    /// What who asks may do there.
    pub role: Role,
    /// Whether it is the host's own admin.
    pub host: bool,
}

/// Something that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditView {
    /// When.
    pub time_ms: u64,
    /// Who: the name and the id of a token.
    pub actor: String,
    /// What: method and route.
    pub action: String,
    /// To what: the path.
    pub target: String,
    /// The status of the answer. Without one, the host went down before it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// A page of what was done, latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// The entries.
    pub entries: Vec<AuditView>,
    /// What to give as `before` for the next page. Without it, this is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
