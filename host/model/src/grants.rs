//! What a tenant is granted: rights, and the most that the limits of its runs may be. Nothing is allowed that does not stand here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode, Limits, Right, Setting, SettingKind};

/// Rights of one tenant.
const MAX_RIGHTS: usize = 1000;

/// The grants of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// What its runs may do.
    pub allow: Vec<Right>,
    /// The most that the limits of its runs are, by the names of `[limits]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, u64>,
}

impl Setting for Grants {
    const KIND: SettingKind = SettingKind::Grants;

    fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if self.allow.len() > MAX_RIGHTS {
            return refuse(format!("`allow` has {} rights, the limit is {MAX_RIGHTS}", self.allow.len()));
        }
        let known = members(&Limits::default());
        for (name, most) in &self.limits {
            if !known.contains_key(name) {
                let known: Vec<_> = known.keys().map(|name| format!("`{name}`")).collect();
                return refuse(format!(
                    "`limits` has no `{}`, but {}",
                    name.chars().take(80).flat_map(char::escape_debug).collect::<String>(),
                    known.join(", ")
                ));
            }
            if *most == 0 {
                return refuse(format!("`limits.{name}` is 0: no run could do anything"));
            }
        }
        match capped(&Limits::default(), &self.limits) {
            Some(_) => Ok(()),
            None => refuse("`limits` has a number that is too large".to_owned()),
        }
    }
}

impl Grants {
    /// The limits of a new run: those of the host, and not more than is granted.
    pub fn cap(&self, limits: &Limits) -> Limits {
        capped(limits, &self.limits).unwrap_or_else(|| limits.clone())
    }
}

fn capped(limits: &Limits, most: &BTreeMap<String, u64>) -> Option<Limits> {
    if most.is_empty() {
        return Some(limits.clone());
    }
    let mut members = members(limits);
    for (name, most) in most {
        if let Some(limit) = members.get_mut(name)
            && limit.as_u64().is_none_or(|limit| limit > *most)
        {
            *limit = (*most).into();
        }
    }
    serde_json::from_value(serde_json::Value::Object(members)).ok()
}

fn members(limits: &Limits) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(limits) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Grants, String> {
        let grants: Grants = serde_json::from_str(text).map_err(|error| error.to_string())?;
        grants.check().map(|()| grants).map_err(|error| error.message)
    }

    #[test]
    fn a_document_is_its_json() {
        let text = r#"{"allow":["llm:openai/*","http:GET api.example.com/v1/"],"limits":{"memory_bytes":1000}}"#;
        assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
        assert_eq!(read("{}").unwrap(), Grants::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, part) in [
            (r#"{"allow":["gpt-5"]}"#, "is no right"),
            (r#"{"limits":{"memory":1}}"#, "`memory_bytes`"),
            (r#"{"limits":{"memory_bytes":0}}"#, "is 0"),
            (r#"{"limits":{"memory_bytes":-1}}"#, "-1"),
            (r#"{"deny":[]}"#, "unknown field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn limits_are_capped_and_never_raised() {
        let host = Limits::default();
        let capped = read(r#"{"limits":{"memory_bytes":1000,"open_calls":4000000000}}"#).unwrap().cap(&host);
        assert_eq!(capped, Limits { memory_bytes: 1000, ..host });
    }
}
