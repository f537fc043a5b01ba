//! Search attributes: what a run can be found by besides its own row. A flat JSON object, given at the start and changed by the
//! guest.

use std::collections::BTreeMap;

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Error, ErrorCode, Scalar};

/// Attributes of one run.
const MAX_ATTRIBUTES: usize = 32;
/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// The longest text, in bytes.
const MAX_TEXT_BYTES: usize = 256;
/// All names and values of a run together, in bytes of text: they stand in its row, which every list reads.
const MAX_BYTES: usize = 8 << 10;
/// From here on a number of JSON may lose its last digits.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Names that are fields of every run, or words of the filter language.
const RESERVED: [&str; 22] = [
    "and",
    "cancel_requested",
    "closed",
    "false",
    "fork_race",
    "fork_root",
    "forked_from",
    "id",
    "in",
    "not",
    "null",
    "or",
    "outcome",
    "parked",
    "run_id",
    "started",
    "starts_with",
    "status",
    "tenant",
    "true",
    "version",
    "workflow",
];

/// The attributes of a run, by name. Names have 1 to 64 of `a-z 0-9 _` and begin with a letter; there are at most 32, and at
/// most 8 KiB in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(BTreeMap<String, AttributeValue>);

/// What an attribute says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// Yes or no.
    Bool(bool),
    /// A finite number.
    #[serde(serialize_with = "serialize_number")]
    Number(f64),
    /// A text of at most 256 bytes without a zero character. One that is a time of RFC 3339, or a date, is compared as a time.
    Text(String),
    /// Some texts. It is equal to each of them.
    Texts(Vec<String>),
}

/// Attributes that are set, and those that are removed (`None`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributeChanges(BTreeMap<String, Option<AttributeValue>>);

impl AttributeValue {
    /// Reads a JSON value of the attribute `name`.
    fn read(name: &str, value: Value) -> Result<Self, Error> {
        let wrong = |why: &str| Err(invalid(format!("the attribute `{name}` {why}")));
        Ok(match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match number.as_f64() {
                Some(number) if number.is_finite() && number.abs() < MAX_WHOLE => Self::Number(number),
                _ => return wrong("is a number of 2^53 or more: give it as a string"),
            },
            Value::String(text) => Self::Text(check_text(name, text)?),
            Value::Array(items) => {
                let mut texts = Vec::new();
                for item in items {
                    let Value::String(text) = item else { return wrong("is a list of something else than strings") };
                    texts.push(check_text(name, text)?);
                }
                Self::Texts(texts)
            }
            Value::Object(_) => return wrong("is an object: give a string, a number, a bool or a list of strings"),
            Value::Null => return wrong("is null: leave it out"),
        })
    }

    /// Each thing that it is equal to.
    pub fn scalars(&self) -> Vec<Scalar> {
        match self {
            Self::Bool(value) => vec![Scalar::Bool(*value)],
            Self::Number(value) => vec![Scalar::Number(*value)],
            Self::Text(text) => vec![Scalar::of_text(text)],
            Self::Texts(texts) => texts.iter().map(|text| Scalar::of_text(text)).collect(),
        }
    }

    /// Its texts.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Bool(_) | Self::Number(_) => &[],
            Self::Text(text) => std::slice::from_ref(text),
            Self::Texts(texts) => texts,
        }
    }

    fn bytes(&self) -> usize {
        // A number or a bool has no text; so much it may need as JSON.
        self.texts().iter().map(|text| text.len() + 3).sum::<usize>().max(20)
    }
}

impl Attributes {
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Reads a JSON object.
    pub fn read(object: BTreeMap<String, Value>) -> Result<Self, Error> {
        let mut read = BTreeMap::new();
        for (name, value) in object {
            check_name(&name)?;
            let value = AttributeValue::read(&name, value)?;
            read.insert(name, value);
        }
        Self(read).checked()
    }

    /// These, with some set and some removed. The error says which limit that would break; nothing is changed then.
    pub fn with(&self, changes: AttributeChanges) -> Result<Self, Error> {
        let mut changed = self.clone();
        for (name, value) in changes.0 {
            match value {
                Some(value) => changed.0.insert(name, value),
                None => changed.0.remove(&name),
            };
        }
        changed.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        let (count, bytes) =
            (self.0.len(), self.0.iter().map(|(name, value)| name.len() + value.bytes()).sum::<usize>());
        if count > MAX_ATTRIBUTES {
            let message = format!("a run may have {MAX_ATTRIBUTES} attributes, and these are {count}: leave some out");
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        if bytes > MAX_BYTES {
            let message = format!("the attributes of a run may have {MAX_BYTES} bytes, and these have {bytes}");
            return Err(Error::new(ErrorCode::TooLarge, message));
        }
        Ok(self)
    }
}

impl AttributeChanges {
    /// Reads a JSON object; `null` removes an attribute.
    pub fn read(object: BTreeMap<String, Value>) -> Result<Self, Error> {
        let mut changes = BTreeMap::new();
        for (name, value) in object {
            check_name(&name)?;
            let value = match value {
                Value::Null => None,
                value => Some(AttributeValue::read(&name, value)?),
            };
            changes.insert(name, value);
        }
        Ok(Self(changes))
    }
}

/// Whether an attribute may have this name.
pub(crate) fn may_be_attribute(name: &str) -> bool {
    is_name(name) && !RESERVED.contains(&name)
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn check_name(name: &str) -> Result<(), Error> {
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    if !is_name(name) {
        return Err(invalid(format!(
            "`{shown}` is no name of an attribute: give 1 to {MAX_NAME_BYTES} of `a-z 0-9 _`, beginning with a letter"
        )));
    }
    if RESERVED.contains(&name) {
        return Err(invalid(format!(
            "`{shown}` is a word of filters, and no attribute can have it: give another name"
        )));
    }
    Ok(())
}

fn check_text(name: &str, text: String) -> Result<String, Error> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the attribute `{name}` has {} bytes, the limit is {MAX_TEXT_BYTES}", text.len());
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    if text.contains('\0') {
        return Err(invalid(format!("the attribute `{name}` has a zero character: leave it out")));
    }
    Ok(text)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidArgument, message)
}

/// A whole number is shown as one.
fn serialize_number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match number.fract() == 0.0 {
        true => serializer.serialize_i64(*number as i64),
        false => serializer.serialize_f64(*number),
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(BTreeMap::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A map from names to bools, numbers (always of 64 bits), texts and lists of texts. None at all is no value.
impl<C> Encode<C> for Attributes {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.map(self.0.len() as u64)?;
        for (name, value) in &self.0 {
            e.str(name)?;
            match value {
                AttributeValue::Bool(value) => e.bool(*value)?,
                AttributeValue::Number(value) => e.f64(*value)?,
                AttributeValue::Text(text) => e.str(text)?,
                AttributeValue::Texts(texts) => {
                    e.array(texts.len() as u64)?;
                    texts.iter().try_for_each(|text| e.str(text).map(drop))?;
                    &mut *e
                }
            };
        }
        Ok(())
    }

    fn is_nil(&self) -> bool {
        self.is_empty()
    }
}

impl<'b, C> Decode<'b, C> for Attributes {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let endless = || minicbor::decode::Error::message("attributes of no known number");
        if d.datatype()? == Type::Null {
            d.null()?;
            return Ok(Self::default());
        }
        let mut attributes = BTreeMap::new();
        for _ in 0..d.map()?.ok_or_else(endless)? {
            let name = d.str()?.to_owned();
            let value = match d.datatype()? {
                Type::Bool => AttributeValue::Bool(d.bool()?),
                Type::F64 => AttributeValue::Number(d.f64()?),
                Type::String => AttributeValue::Text(d.str()?.to_owned()),
                Type::Array => {
                    let mut texts = Vec::new();
                    for _ in 0..d.array()?.ok_or_else(endless)? {
                        texts.push(d.str()?.to_owned());
                    }
                    AttributeValue::Texts(texts)
                }
                other => return Err(minicbor::decode::Error::type_mismatch(other)),
            };
            attributes.insert(name, value);
        }
        Ok(Self(attributes))
    }

    fn nil() -> Option<Self> {
        Some(Self::default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Attributes, String> {
        serde_json::from_value(value.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_flat_object_is_read_and_shown_as_it_was() {
        let value = json!({
            "customer": "acme", "amount": 12.5, "count": -3, "urgent": true, "due": "2026-11-01T00:00:00Z", "tags": ["a", "b"]
        });
        let attributes = read(&value).unwrap();
        assert_eq!(serde_json::to_value(&attributes).unwrap(), value);
        let bytes = minicbor::to_vec(&attributes).unwrap();
        assert_eq!(minicbor::decode::<Attributes>(&bytes).unwrap(), attributes);
        assert_eq!(minicbor::decode::<Attributes>(&[0xf6]).unwrap(), Attributes::default());
        assert_eq!(attributes.get("due").unwrap().scalars(), [Scalar::Time(1_793_491_200_000)]);
        assert_eq!(attributes.get("tags").unwrap().scalars().len(), 2);
    }

    #[test]
    fn what_is_no_attribute_is_refused_by_name() {
        let many = |count: usize, text: &str| (0..count).map(|n| (format!("a{n}"), json!(text))).collect::<Value>();
        for (value, says) in [
            (json!({"Big": 1}), "`Big` is no name of an attribute"),
            (json!({"": 1}), "`` is no name"),
            (json!({"1a": 1}), "`1a` is no name"),
            (json!({"a".repeat(65): 1}), "is no name of an attribute: give 1 to 64"),
            (json!({"status": 1}), "`status` is a word of filters"),
            (json!({"workflow": 1}), "`workflow` is a word of filters"),
            (json!({"a": null}), "`a` is null: leave it out"),
            (json!({"a": {}}), "`a` is an object"),
            (json!({"a": [1]}), "`a` is a list of something else than strings"),
            (json!({"a": 9_007_199_254_740_993_u64}), "of 2^53 or more: give it as a string"),
            (json!({"a": "x".repeat(257)}), "`a` has 257 bytes, the limit is 256"),
            (json!({"a": "x\0"}), "a zero character"),
            (many(33, "x"), "these are 33"),
            (many(32, &"x".repeat(256)), "may have 8192 bytes"),
            (json!([1]), "expected a map"),
        ] {
            let error = read(&value).unwrap_err();
            assert!(error.contains(says), "{value}: {error}");
        }
    }

    #[test]
    fn changes_set_and_remove() {
        let changes = |value: Value| AttributeChanges::read(serde_json::from_value(value).unwrap());
        let first = read(&json!({"a": 1, "b": "x"})).unwrap();
        let changed = first.with(changes(json!({"a": null, "b": "y", "c": true, "d": null})).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&changed).unwrap(), json!({"b": "y", "c": true}));
        let more: Value = (0..31).map(|n| (format!("m{n}"), json!(1))).collect();
        assert_eq!(first.with(changes(more).unwrap()).unwrap_err().code, ErrorCode::TooLarge);
        assert!(changes(json!({"B": 1})).is_err());
    }
}
