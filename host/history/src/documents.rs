//! Documents: small rows of a tenant or of the host itself, each with a revision. Tenants, tokens, what a tenant may do, secrets and keys
//! are documents; what is in one is its reader's affair.

use abide_model::Tenant;
use bytes::Bytes;

/// Whose something is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// Of the host itself.
    Host,
    /// Of a tenant.
    Tenant(Tenant),
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host => f.write_str("the host"),
            Self::Tenant(tenant) => write!(f, "the tenant `{tenant}`"),
        }
    }
}

/// What a document is about. The numbers stand in the store: one is never used again for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DocumentKind {
    /// A tenant; of the host, by the tenant's name.
    Tenant = 0,
    /// A token, by its id; of the host, whoever it is for.
    Token = 1,
    /// What a tenant is granted.
    Grants = 2,
    /// How much of everything it may use.
    Quotas = 3,
    /// What happens to its calls on their way out and back.
    Gateway = 4,
    /// What it may spend.
    Budgets = 5,
    /// A secret, by its name.
    Secret = 6,
    /// A key that its data is encrypted with.
    Key = 7,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::Tenant, Self::Token, Self::Grants, Self::Quotas, Self::Gateway, Self::Budgets, Self::Secret, Self::Key];
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// 1 when it is made, and one more with each change.
    pub revision: u64,
    /// What is in it.
    pub value: Bytes,
}

/// A change of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// Whose.
    pub owner: Owner,
    /// About what.
    pub kind: DocumentKind,
    /// Which one. Empty where there is only one.
    pub name: String,
    /// The revision that it has to have, 0 where it must not be there; else the change is refused with
    /// [`crate::StoreError::DocumentChanged`]. `None`: whichever it has.
    pub expected: Option<u64>,
    /// What is to be in it. `None` removes it.
    pub value: Option<Bytes>,
}
