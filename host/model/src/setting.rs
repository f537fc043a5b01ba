//! The settings of a tenant: JSON documents that say what it may do and how much of everything it may use.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode};

/// Which document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingKind {
    /// What it is granted.
    Grants,
    /// How much of everything it may use.
    Quotas,
    /// What happens to its calls on their way out and back.
    Gateway,
    /// What it may spend.
    Budgets,
}

impl SettingKind {
    /// Every document.
    pub const ALL: [Self; 4] = [Self::Grants, Self::Quotas, Self::Gateway, Self::Budgets];

    /// Its text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grants => "grants",
            Self::Quotas => "quotas",
            Self::Gateway => "gateway",
            Self::Budgets => "budgets",
        }
    }

    /// Reads its text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
            let message = format!("a tenant has no setting `{shown}`: give grants, quotas, gateway or budgets");
            Error::new(ErrorCode::SettingNotFound, message)
        })
    }

    /// Whether only the host's admin may change it, since it says what a tenant gets of the host.
    pub fn is_the_hosts(self) -> bool {
        matches!(self, Self::Grants | Self::Quotas)
    }
}

impl std::fmt::Display for SettingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The type of a document.
pub trait Setting: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Which document it is.
    const KIND: SettingKind;

    /// Refuses what makes no sense; the message names the field.
    fn check(&self) -> Result<(), Error>;
}
