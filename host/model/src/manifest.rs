//! What a version asks for. Its runs have what it asks for and its tenant was granted, and nothing else.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode, Right};

/// Rights of one manifest.
const MAX_RIGHTS: usize = 256;
/// The longest manifest as JSON, in bytes.
const MAX_BYTES: usize = 16 << 10;

/// The manifest of a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Manifest {
    /// The rights.
    #[n(0)]
    pub asks: Vec<Right>,
}

impl Manifest {
    /// Reads the JSON of a manifest, such as `{"asks": ["llm:openai/*"]}`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Error::new(ErrorCode::InvalidArgument, format!("this is no manifest: {problem}"));
        if text.len() > MAX_BYTES {
            return Err(wrong(format!("it has {} bytes, the limit is {MAX_BYTES}", text.len())));
        }
        if !text.trim_start().starts_with('{') {
            return Err(wrong("it is no JSON object".to_owned()));
        }
        let manifest: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        match manifest.asks.len() {
            0..=MAX_RIGHTS => Ok(manifest),
            rights => Err(wrong(format!("it asks for {rights} rights, the limit is {MAX_RIGHTS}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_and_written() {
        let text = r#"{"asks":["llm:openai/*","env:LANG"]}"#;
        let manifest = Manifest::parse(text).unwrap();
        assert_eq!(serde_json::to_string(&manifest).unwrap(), text);
        let bytes = minicbor::to_vec(&manifest).unwrap();
        assert_eq!(minicbor::decode::<Manifest>(&bytes).unwrap(), manifest);
        for bad in ["[]", r#"{"ask":[]}"#, r#"{"asks":["x"]}"#, r#"{"asks":"*"}"#] {
            assert_eq!(Manifest::parse(bad).unwrap_err().code, ErrorCode::InvalidArgument, "{bad}");
        }
        let many = format!(r#"{{"asks":[{}]}}"#, vec![r#""*""#; MAX_RIGHTS + 1].join(","));
        assert!(Manifest::parse(&many).unwrap_err().message.contains("limit"));
    }
}
