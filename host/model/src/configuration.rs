//! The configuration of a version: what its runs see as environment variables and arguments. It decides results, so a run's first event
//! records it.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode};

/// Environment variables of one version.
const MAX_VARIABLES: usize = 100;
/// Arguments of one version.
const MAX_ARGUMENTS: usize = 100;
/// All names, values and arguments together, in bytes.
const MAX_BYTES: usize = 32 << 10;
/// How the names begin that are the host's.
const RESERVED: &str = "ABIDE_";

/// What the runs of a version are configured with. It stands in histories: a secret has no place in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Configuration {
    /// Environment variables.
    #[n(0)]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Arguments, after the name of the program.
    #[n(1)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
}

impl Configuration {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.environment.is_empty() && self.arguments.is_empty()
    }

    /// Refuses what no program could be started with.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::new(ErrorCode::InvalidArgument, message));
        if self.environment.len() > MAX_VARIABLES || self.arguments.len() > MAX_ARGUMENTS {
            return refuse(format!("a version has at most {MAX_VARIABLES} variables and {MAX_ARGUMENTS} arguments"));
        }
        for name in self.environment.keys() {
            if name.is_empty() || name.contains(['=', '\0']) {
                return refuse(format!("`{name}` is no name of an environment variable"));
            }
            if name.starts_with(RESERVED) {
                return refuse(format!(
                    "the environment variable `{name}` is the host's: take a name without `{RESERVED}`"
                ));
            }
        }
        let values = self.environment.values().chain(&self.arguments);
        if values.clone().any(|value| value.contains('\0')) {
            return refuse("a value of an environment variable, or an argument, has a byte 0".to_owned());
        }
        let bytes: usize = self.environment.keys().chain(values).map(String::len).sum();
        if bytes > MAX_BYTES {
            return refuse(format!("the environment and the arguments have {bytes} bytes, the limit is {MAX_BYTES}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Configuration {
        Configuration { environment: [(name.to_owned(), value.to_owned())].into(), ..Configuration::default() }
    }

    #[test]
    fn what_no_program_could_be_started_with_is_refused() {
        assert!(with("MODEL", "openai/gpt-5").check().is_ok());
        for (name, value) in [("", "a"), ("A=B", "a"), ("ABIDE_ID", "a"), ("A", "a\0"), ("A", &"a".repeat(MAX_BYTES))] {
            assert!(with(name, value).check().is_err(), "{name}");
        }
        let arguments = Configuration { arguments: vec![String::new(); MAX_ARGUMENTS + 1], ..Configuration::default() };
        assert!(arguments.check().is_err());
    }
}
