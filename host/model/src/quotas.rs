//! What a tenant may use of a host that it shares with others. At a quota, work waits or is refused, by its kind; `docs/limits.md` says which.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode, Setting, SettingKind};

/// The largest weight.
pub const MAX_WEIGHT: u32 = 1000;
/// Providers that have a pace of their own.
const MAX_PROVIDERS: usize = 256;
/// The longest name of one, in bytes.
const MAX_PROVIDER_BYTES: usize = 256;

/// The quotas of a tenant. What is left out is not bounded, but for what the host itself has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Its share of what tenants compete for, compared with that of others: 1 to 1000. Without it, 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Runs that are open at the same time. One more is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_runs: Option<u64>,
    /// Runs that start in a second. One more is refused; a schedule and a child wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_per_second: Option<u32>,
    /// Activities that are under way. More wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_in_flight: Option<u32>,
    /// Activities that begin in a second. More wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
    /// Attempts that begin in a second at one provider, by its name in the configuration, such as `llm.openai`. More wait.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub provider_calls_per_second: BTreeMap<String, u32>,
    /// Bytes that are stored: histories, components, everything. At it, nothing new is taken from outside, and runs are parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,
    /// Guests in memory. More wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_guests: Option<u32>,
    /// Bytes of guests in memory. More lets those leave that were idle the longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident_bytes: Option<u64>,
    /// Versions that are stored, of all workflows. One more is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<u64>,
    /// The largest component, in bytes. A larger one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_bytes: Option<u64>,
}

impl Quotas {
    /// The weight of a tenant that has none.
    pub const WEIGHT: u32 = 100;

    /// Its share, compared with that of others.
    pub fn weight(&self) -> u32 {
        self.weight.unwrap_or(Self::WEIGHT)
    }
}

impl Setting for Quotas {
    const KIND: SettingKind = SettingKind::Quotas;

    fn check(&self) -> Result<(), Error> {
        let wrong = |problem: String| Err(Error::new(ErrorCode::InvalidArgument, problem));
        if !(1..=MAX_WEIGHT).contains(&self.weight()) {
            return wrong(format!("`weight` is {}, it has to be 1 to {MAX_WEIGHT}", self.weight()));
        }
        let rates = [
            ("starts_per_second", self.starts_per_second),
            ("calls_in_flight", self.calls_in_flight),
            ("calls_per_second", self.calls_per_second),
            ("resident_guests", self.resident_guests),
        ];
        if let Some((name, _)) = rates.into_iter().find(|(_, number)| *number == Some(0)) {
            return wrong(format!("`{name}` has to be 1 or more: what waits for it would wait for ever"));
        }
        if self.provider_calls_per_second.len() > MAX_PROVIDERS {
            let count = self.provider_calls_per_second.len();
            return wrong(format!("`provider_calls_per_second` has {count} providers, the limit is {MAX_PROVIDERS}"));
        }
        for (provider, per_second) in &self.provider_calls_per_second {
            if provider.is_empty() || provider.len() > MAX_PROVIDER_BYTES {
                return wrong(format!(
                    "the name of a provider has 1 to {MAX_PROVIDER_BYTES} bytes, such as `llm.openai`"
                ));
            }
            if *per_second == 0 {
                return wrong(format!("`provider_calls_per_second` of `{provider}` has to be 1 or more"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_is_refused() {
        let read = |text: &str| serde_json::from_str::<Quotas>(text);
        read("{}").unwrap().check().unwrap();
        read(r#"{"weight": 1000, "calls_in_flight": 1, "provider_calls_per_second": {"llm.openai": 5}}"#)
            .unwrap()
            .check()
            .unwrap();
        for (wrong, named) in [
            (r#"{"weight": 0}"#, "weight"),
            (r#"{"weight": 1001}"#, "weight"),
            (r#"{"calls_per_second": 0}"#, "calls_per_second"),
            (r#"{"provider_calls_per_second": {"llm.openai": 0}}"#, "llm.openai"),
            (r#"{"provider_calls_per_second": {"": 1}}"#, "name of a provider"),
        ] {
            let error = read(wrong).unwrap().check().unwrap_err();
            assert!(error.message.contains(named), "{error}");
        }
        assert!(read(r#"{"open_run": 1}"#).unwrap_err().to_string().contains("open_run"));
    }
}
