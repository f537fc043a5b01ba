//! Names of WIT interfaces, such as `acme:crm/customers@1.2.0`, and which version may stand for which.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode, Json};

/// The longest name of an interface, in bytes.
const MAX_BYTES: usize = 256;

/// The name of an interface: a namespace, a package, the interface itself, and a version where it has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName {
    path: String,
    version: Option<Version>,
}

impl InterfaceName {
    /// Reads a name such as `acme:crm/customers` or `acme:crm/customers@1.2.0`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |problem: &str| {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            let message = format!("`{shown}` {problem}: give a name such as `acme:crm/customers@1.2.0`");
            Err(Error::new(ErrorCode::InvalidArgument, message))
        };
        if text.len() > MAX_BYTES {
            return wrong("is too long for the name of an interface");
        }
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let parts = path.split_once(':').and_then(|(namespace, rest)| Some((namespace, rest.split_once('/')?)));
        let Some((namespace, (package, interface))) = parts else {
            return wrong("is no name of an interface");
        };
        if ![namespace, package, interface].into_iter().all(is_word) {
            return wrong("is no name of an interface");
        }
        let version = match version.map(Version::parse).transpose() {
            Ok(version) => version,
            Err(_) => return wrong("has a version that is no semantic version"),
        };
        Ok(Self { path: path.to_owned(), version })
    }

    /// The name without the version.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The interface alone, such as `customers`.
    pub fn interface(&self) -> &str {
        self.path.rsplit_once('/').map_or(&self.path, |(_, interface)| interface)
    }

    /// Whether something that offers `offered` may stand where this is asked for: the same interface, and by the rules of semantic
    /// versioning the same version or a later one that keeps what it promised. Where no version is asked for, any will do.
    pub fn accepts(&self, offered: &Self) -> bool {
        if self.path != offered.path {
            return false;
        }
        match (&self.version, &offered.version) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(offered)) => keeps_promises_of(wanted, offered),
        }
    }
}

/// Whether `offered` is `wanted` or a compatible later version.
fn keeps_promises_of(wanted: &Version, offered: &Version) -> bool {
    if !wanted.pre.is_empty() || !offered.pre.is_empty() {
        return wanted == offered;
    }
    let line = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    let age = |version: &Version| (version.major, version.minor, version.patch);
    line(wanted) == line(offered) && age(offered) >= age(wanted)
}

/// A word in kebab case, as WIT has them.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{}@{version}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// The request of `activities.call`: a function of an interface, with its arguments by the names of its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFunction {
    /// The interface, with its version.
    pub interface: String,
    /// The function.
    pub function: String,
    /// A JSON object.
    pub arguments: Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["acme:crm/customers", "acme:crm/customers@1.2.0", "a:b-c/d-2@0.1.0-rc.1"] {
            assert_eq!(InterfaceName::parse(text).unwrap().to_string(), text);
        }
        let long = format!("a:b/{}", "c".repeat(300));
        for text in ["", "customers", "acme:crm", "acme/crm", "a:b/c@1", "a:b/c@", "a:b/", "a:b/c d", "a:b/-c", &long] {
            let error = InterfaceName::parse(text).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn a_later_compatible_version_may_stand_for_an_earlier_one() {
        let accepts = |wanted: &str, offered: &str| {
            InterfaceName::parse(wanted).unwrap().accepts(&InterfaceName::parse(offered).unwrap())
        };
        for (wanted, offered) in [
            ("a:b/c@1.2.0", "a:b/c@1.2.0"),
            ("a:b/c@1.2.0", "a:b/c@1.10.0"),
            ("a:b/c@0.1.2", "a:b/c@0.1.3"),
            ("a:b/c@0.0.1", "a:b/c@0.0.1"),
            ("a:b/c@1.0.0-rc.1", "a:b/c@1.0.0-rc.1"),
            ("a:b/c", "a:b/c@7.0.0"),
            ("a:b/c", "a:b/c"),
        ] {
            assert!(accepts(wanted, offered), "{wanted} {offered}");
        }
        for (wanted, offered) in [
            ("a:b/c@1.2.0", "a:b/c@1.1.9"),
            ("a:b/c@1.2.0", "a:b/c@2.0.0"),
            ("a:b/c@0.1.0", "a:b/c@0.2.0"),
            ("a:b/c@0.0.1", "a:b/c@0.0.2"),
            ("a:b/c@1.0.0-rc.1", "a:b/c@1.0.0"),
            ("a:b/c@1.0.0", "a:b/c"),
            ("a:b/c", "a:b/d"),
        ] {
            assert!(!accepts(wanted, offered), "{wanted} {offered}");
        }
    }
}
