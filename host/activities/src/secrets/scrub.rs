//! What comes back, without the values of secrets: as they are, in base64 (at any place within other bytes), in hex, and as URLs write them. A server that
//! sends back what it was sent is scrubbed; one that hides it on purpose has the secret anyway.

use abide_model::{Failure, Json, Outcome};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;
use zeroize::Zeroizing;

/// What stands in the place of a secret.
const SCRUBBED: &str = "[secret]";

/// A text that is to be found, and what is put in its place.
struct Form {
    text: Zeroizing<String>,
    in_place: String,
}

/// All forms of some secrets, the longest first: one may be a part of another.
fn forms(secrets: &[Zeroizing<String>]) -> Vec<Form> {
    let mut forms = Vec::new();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let mut add = |text: String, in_place: String| {
            if !forms.iter().any(|form: &Form| *form.text == text) {
                forms.push(Form { text: Zeroizing::new(text), in_place });
            }
        };
        let bytes = secret.as_bytes();
        add(secret.to_string(), SCRUBBED.into());
        for text in [hex(bytes, false), hex(bytes, true), url_encoded(bytes, true), url_encoded(bytes, false)] {
            add(text, SCRUBBED.into());
        }
        // The same length, of characters that base64 has: the rest of it can still be read.
        for text in base64(bytes) {
            let in_place = "A".repeat(text.len());
            add(text, in_place);
        }
    }
    forms.sort_by_key(|form| std::cmp::Reverse(form.text.len()));
    forms
}

/// What base64 has of some bytes, wherever they begin in what is encoded: the characters that depend on nothing but them.
fn base64(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for before in 0..3 {
        let padded = Zeroizing::new([&vec![0; before][..], bytes].concat());
        let (skipped, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&*padded), URL_SAFE_NO_PAD.encode(&*padded)] {
            if let Some(text) = encoded.get(skipped..end).filter(|text| text.len() >= 8) {
                found.push(text.to_owned());
            }
        }
    }
    found
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digits = bytes.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
    digits.collect()
}

fn url_encoded(bytes: &[u8], upper: bool) -> String {
    let encode = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        byte if upper => format!("%{byte:02X}"),
        byte => format!("%{byte:02x}"),
    };
    bytes.iter().map(encode).collect()
}

fn text(text: &mut String, forms: &[Form]) -> bool {
    let mut changed = false;
    for Form { text: form, in_place } in forms {
        if text.contains(form.as_str()) {
            *text = text.replace(form.as_str(), in_place);
            changed = true;
        }
    }
    changed
}

fn value(found: &mut Value, forms: &[Form]) -> bool {
    match found {
        Value::String(found) => scrub_text(found, forms),
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| value(item, forms) | changed),
        Value::Object(fields) => {
            let mut changed = false;
            let names: Vec<_> = fields
                .keys()
                .filter(|name| forms.iter().any(|form| name.contains(form.text.as_str())))
                .cloned()
                .collect();
            for name in names {
                let (mut cleaned, inner) = (name.clone(), fields.remove(&name));
                text(&mut cleaned, forms);
                fields.insert(cleaned, inner.unwrap_or_default());
                changed = true;
            }
            fields.values_mut().fold(changed, |changed, item| value(item, forms) | changed)
        }
        Value::Number(number) => {
            // A secret of digits may come back as a number.
            let found_in = number.to_string();
            let is_secret = forms.iter().any(|form| found_in.contains(form.text.as_str()));
            if is_secret {
                *found = Value::String(SCRUBBED.into());
            }
            is_secret
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// A text, and the one that it holds where it is JSON itself: there, characters may be written in other ways.
fn scrub_text(found: &mut String, forms: &[Form]) -> bool {
    let mut changed = text(found, forms);
    if found.contains('\\')
        && let Ok(mut inner) = serde_json::from_str::<Value>(found)
        && !matches!(inner, Value::Number(_))
        && value(&mut inner, forms)
    {
        *found = inner.to_string();
        changed = true;
    }
    changed
}

fn json(found: Json, forms: &[Form]) -> Json {
    let Ok(mut parsed) = found.read::<Value>() else { return found };
    match value(&mut parsed, forms) {
        true => Json::from(&parsed),
        false => found,
    }
}

/// A text without the values of secrets.
pub(super) fn plain(found: &str, secrets: &[Zeroizing<String>]) -> String {
    let mut found = found.to_owned();
    text(&mut found, &forms(secrets));
    found
}

/// An outcome without the values of secrets.
pub(super) fn outcome(found: Outcome, secrets: &[Zeroizing<String>]) -> Outcome {
    let forms = forms(secrets);
    match found {
        Outcome::Ok(found) => Outcome::Ok(json(found, &forms)),
        Outcome::Failed(Failure { mut code, mut message, details, retryable }) => {
            text(&mut code, &forms);
            text(&mut message, &forms);
            Outcome::Failed(Failure { code, message, details: details.map(|details| json(details, &forms)), retryable })
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    const SECRET: &str = "hunter2/\"é\\%20+canary";

    fn scrubbed(value: Value) -> Value {
        let secrets = [Zeroizing::new(SECRET.to_owned())];
        match outcome(Outcome::Ok(Json::from(&value)), &secrets) {
            Outcome::Ok(json) => json.read().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_an_echoing_server_sends_back_is_scrubbed() {
        let inner = json!({"headers": {"authorization": format!("Bearer {SECRET}")}}).to_string();
        let escaped: String = SECRET.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        for (given, expected) in [
            (json!(SECRET), json!("[secret]")),
            (json!({"a": [1, format!("x{SECRET}y{SECRET}")]}), json!({"a": [1, "x[secret]y[secret]"]})),
            (json!({SECRET: 1}), json!({"[secret]": 1})),
            (json!(hex(SECRET.as_bytes(), false)), json!("[secret]")),
            (json!(url_encoded(SECRET.as_bytes(), true)), json!("[secret]")),
            (json!({"body": inner}), json!({"body": r#"{"headers":{"authorization":"Bearer [secret]"}}"#})),
            (json!({"body": format!("{{\"a\":\"{escaped}\"}}")}), json!({"body": r#"{"a":"[secret]"}"#})),
        ] {
            assert_eq!(scrubbed(given), expected);
        }
        // What has none stays as it came, byte by byte.
        let untouched = Json::parse(r#"{ "b" : 1.0, "a":"hunter" }"#).unwrap();
        let secrets = [Zeroizing::new(SECRET.to_owned())];
        assert_eq!(outcome(Outcome::Ok(untouched.clone()), &secrets), Outcome::Ok(untouched));
    }

    #[test]
    fn a_failure_is_scrubbed_too() {
        let mut failure = Failure::new("denied", format!("the key {SECRET} is wrong"));
        failure.details = Some(Json::from(&json!({"sent": SECRET})));
        let Outcome::Failed(failure) = outcome(Outcome::Failed(failure), &[Zeroizing::new(SECRET.to_owned())]) else {
            panic!()
        };
        assert_eq!(failure.message, "the key [secret] is wrong");
        assert_eq!(failure.details.unwrap().as_str(), r#"{"sent":"[secret]"}"#);
    }

    #[test]
    fn base64_of_bytes_around_a_secret_does_not_have_it() {
        for (before, after) in (0..7).flat_map(|before| (0..7).map(move |after| (before, after))) {
            let bytes = [&vec![b'b'; before][..], SECRET.as_bytes(), &vec![b'e'; after][..]].concat();
            for encoded in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                let Value::String(left) = scrubbed(json!(encoded)) else { panic!() };
                assert_eq!(left.len(), encoded.len());
                // What is left can be decoded, and does not have what matters of it.
                let left = STANDARD.decode(&left).or_else(|_| URL_SAFE_NO_PAD.decode(&left)).unwrap();
                assert!(!left.windows(6).any(|window| window == &SECRET.as_bytes()[4..10]), "{before}, {after}");
            }
        }
    }
}
