//! Names: of tenants, workflows and runs. Each is checked once, where it comes in.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, ErrorCode};

/// Makes a checked name: a string type whose only way in is `parse`.
macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $max:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks `text`.
            pub fn parse(text: &str) -> Result<Self, Error> {
                let check: fn(&str) -> bool = $check;
                if text.is_empty() || text.len() > $max || !check(text) {
                    let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
                    return Err(Error::new(
                        ErrorCode::InvalidArgument,
                        format!(concat!("`{}` is no ", $what, ": give 1 to ", $max, " ", $allowed), shown),
                    ));
                }
                Ok(Self(text.into()))
            }

            /// Its text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        impl<C> Encode<C> for $type {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.str(&self.0)?;
                Ok(())
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
                Self::parse(d.str()?).map_err(|error| minicbor::decode::Error::message(error.message))
            }
        }
    };
}

fn is_slug(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') && !text.starts_with('-')
}

name!(
    /// A tenant: the first part of every key.
    Tenant,
    "tenant",
    64,
    "of `a-z 0-9 -`, not beginning with `-`",
    is_slug
);

name!(
    /// The name of a workflow.
    WorkflowName,
    "workflow name",
    64,
    "of `a-z 0-9 -`, not beginning with `-`",
    is_slug
);

fn is_label(text: &str) -> bool {
    let is_digest = text.starts_with("sha256:") || (text.len() >= 8 && text.bytes().all(|b| b.is_ascii_hexdigit()));
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_');
    text.bytes().all(allowed) && !text.starts_with('-') && !is_digest
}

name!(
    /// A name for a version. In a workflow it names one version at a time.
    Label,
    "label",
    64,
    "of `a-z 0-9 - . _`, not beginning with `-`, and not eight or more digits of a digest",
    is_label
);

fn is_id(text: &str) -> bool {
    !text.starts_with("run_") && text.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '/')
}

name!(
    /// What the caller calls a run. Of the runs of a tenant that have the same one, at most one is open.
    CallerId,
    "run id",
    200,
    "visible characters without `/`, not beginning with `run_`",
    is_id
);

name!(
    /// What its owner calls a schedule. The ids of its runs begin with it.
    ScheduleId,
    "schedule id",
    128,
    "visible characters without `/`, not beginning with `run_`",
    is_id
);

fn is_secret_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

name!(
    /// The name of a secret.
    SecretName,
    "name of a secret",
    64,
    "of `a-z A-Z 0-9 - _ .`",
    is_secret_name
);

fn is_currency(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase())
}

name!(
    /// A currency, such as `USD`.
    Currency,
    "currency",
    8,
    "of `A-Z`",
    is_currency
);

impl CallerId {
    /// The id of a run whose starter gave none.
    pub fn for_run(workflow: &WorkflowName, run_id: RunId) -> Self {
        Self(run_id.to_string().replacen("run_", &format!("{workflow}-"), 1).into())
    }
}

impl Default for Tenant {
    /// The tenant `default`.
    fn default() -> Self {
        Self("default".into())
    }
}

/// What the host calls a run: `run_` and 26 characters (a ULID: 48 bits of time, then 80 random ones), so that run ids sort by
/// when their runs started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(u128);

/// Crockford's base 32, in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl RunId {
    /// The id of a run that starts at `time_ms`; `random` makes it one of a kind.
    pub fn new(time_ms: u64, random: u128) -> Self {
        Self((u128::from(time_ms) << 80) | (random & ((1 << 80) - 1)))
    }

    /// Its 16 bytes; they sort as the ids do.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// From its 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Reads `run_` and 26 characters.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let bad = || {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            Error::new(
                ErrorCode::InvalidArgument,
                format!("`{shown}` is no run id: it has `run_` and 26 characters; `abide list` shows the runs"),
            )
        };
        let digits = text.strip_prefix("run_").filter(|digits| digits.len() == 26).ok_or_else(bad)?;
        let mut value: u128 = 0;
        for (position, byte) in digits.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|known| *known == byte.to_ascii_lowercase()).ok_or_else(bad)?;
            if position == 0 && digit > 7 {
                return Err(bad());
            }
            value = (value << 5) | digit as u128;
        }
        Ok(Self(value))
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = [0; 26];
        let mut rest = self.0;
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str("run_")?;
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl std::fmt::Debug for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<C> Encode<C> for RunId {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.to_bytes())?;
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for RunId {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes: [u8; 16] =
            d.bytes()?.try_into().map_err(|_| minicbor::decode::Error::message("a run id has 16 bytes"))?;
        Ok(Self::from_bytes(bytes))
    }
}

/// How a caller names a run: by its run id, or by the id that it chose (then the latest run of that id is meant).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunRef {
    /// `run_…`.
    Run(RunId),
    /// Anything else.
    Caller(CallerId),
}

impl RunRef {
    /// Reads either.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.starts_with("run_") {
            RunId::parse(text).map(Self::Run)
        } else {
            CallerId::parse(text).map(Self::Caller)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_run_id_reads_its_own_text(time in 0u64..1 << 48, random: u128) {
            let id = RunId::new(time, random);
            prop_assert_eq!(RunId::parse(&id.to_string()).unwrap(), id);
            prop_assert_eq!(RunId::from_bytes(id.to_bytes()), id);
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,60}") {
            let _ = RunRef::parse(&text);
            let _ = RunId::parse(&format!("run_{text}"));
            let _ = Tenant::parse(&text);
        }
    }

    #[test]
    fn refuses_names_that_would_break_a_key_or_a_path() {
        for bad in ["", "-a", "A", "a/b", "a\0b", &"a".repeat(65)] {
            assert!(WorkflowName::parse(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "run_x", "a b", "a/b", "a\n", &"a".repeat(201)] {
            assert!(CallerId::parse(bad).is_err(), "{bad:?}");
        }
    }
}
