//! JSON at the edge of a workflow: decoding that says where a text does not fit. It knows no particular type.

use serde::{Serialize, de::DeserializeOwned};

use crate::Failure;

/// Decodes `text`. What does not fit becomes a failure with `code`, whose message begins with `what` and names the place.
pub(crate) fn decode<T: DeserializeOwned>(text: &str, code: &str, what: &str) -> Result<T, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let place = |error: serde_path_to_error::Error<serde_json::Error>| {
        let path = error.path().to_string();
        let error = error.into_inner();
        // A path of `.` is the whole text: naming it helps nobody.
        let message = if path == "." { format!("{what}: {error}") } else { format!("{what} at `{path}`: {error}") };
        Failure::new(code, message).with_details(serde_json::json!({ "path": path }))
    };
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(place)?;
    deserializer.end().map_err(|error| Failure::new(code, format!("{what}: {error}")))?;
    Ok(value)
}

/// Encodes a value. Fails only for what JSON has no words for, such as maps whose keys are no texts.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, what: &str) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::new("invalid-json", format!("{what} cannot be written as JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Order {
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoded")]
    struct Item {
        cents: u32,
    }

    #[test]
    fn a_misfit_names_its_place() {
        let failure =
            decode::<Order>(r#"{"items":[{"cents":1},{"cents":"2"}]}"#, "invalid-input", "the input does not fit")
                .unwrap_err();
        assert_eq!(failure.code, "invalid-input");
        assert!(
            failure.message.starts_with("the input does not fit at `items[1].cents`: invalid type: string"),
            "{failure}"
        );
    }

    #[test]
    fn a_misfit_of_the_whole_names_no_place() {
        let failure = decode::<Order>("7", "invalid-input", "the input does not fit").unwrap_err();
        assert!(failure.message.starts_with("the input does not fit: invalid type: integer `7`"), "{failure}");
    }

    #[test]
    fn trailing_text_is_refused() {
        assert!(decode::<u8>("1 2", "invalid-input", "the input does not fit").is_err());
    }
}
