//! Where the arguments of a call go: into the path, each percent-encoded, and the others into the query.

use serde_json::{Map, Value};

/// A path with placeholders, such as `/orders/{id}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Argument(String),
}

impl Template {
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err("must begin with `/`".to_owned());
        }
        if path.contains(['?', '#']) {
            return Err("must not have `?` or `#`: arguments that are not in the path go into the query".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = path;
        while let Some((text, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("has a `{` without its `}`")?;
            if name.is_empty() || name.contains(['{', '/']) || text.contains('}') {
                return Err("has a placeholder that is not `{name}`".to_owned());
            }
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Argument(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err("has a `}` without its `{`".to_owned());
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// The path with the arguments in it, and takes them out of `arguments`.
    pub(crate) fn fill(&self, arguments: &mut Map<String, Value>) -> Result<String, String> {
        let mut path = String::new();
        let mut used = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => path.push_str(text),
                Piece::Argument(name) => {
                    let value = arguments.get(name).ok_or_else(|| format!("the argument `{name}` is missing"))?;
                    let value = match value {
                        Value::String(text) => text.clone(),
                        Value::Number(number) => number.to_string(),
                        Value::Bool(truth) => truth.to_string(),
                        Value::Null | Value::Array(_) | Value::Object(_) => {
                            return Err(format!("the argument `{name}` must be a text, a number or a truth value"));
                        }
                    };
                    if value.is_empty() {
                        return Err(format!("the argument `{name}` is empty"));
                    }
                    encode(&value, &mut path);
                    used.push(name);
                }
            }
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("an argument must not be `.` or `..`".to_owned());
        }
        for name in used {
            arguments.remove(name);
        }
        Ok(path)
    }
}

/// Everything but the characters that need none (RFC 3986, section 2.3).
fn encode(value: &str, path: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(DIGITS[usize::from(byte >> 4)]));
            path.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

/// Arguments as pairs of a query. A list is repeated, `null` is left out, an object is JSON.
pub(crate) fn query(arguments: &Map<String, Value>) -> Vec<(&str, String)> {
    let mut pairs = Vec::new();
    for (name, value) in arguments {
        match value {
            Value::Array(values) => pairs.extend(values.iter().map(|value| (name.as_str(), plain(value)))),
            Value::Null => {}
            value => pairs.push((name.as_str(), plain(value))),
        }
    }
    pairs
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(path: &str, arguments: Value) -> Result<String, String> {
        let Value::Object(mut arguments) = arguments else { panic!("no object") };
        Template::parse(path).unwrap().fill(&mut arguments)
    }

    #[test]
    fn arguments_cannot_leave_their_place() {
        for (path, arguments, expected) in [
            ("/orders/{id}", serde_json::json!({ "id": 7, "x": 1 }), Ok("/orders/7")),
            ("/a/{b}/c", serde_json::json!({ "b": "x/y?z#%20 ü" }), Ok("/a/x%2Fy%3Fz%23%2520%20%C3%BC/c")),
            ("/a/{b}", serde_json::json!({ "b": ".." }), Err("an argument must not be `.` or `..`")),
            ("/a/{b}{c}/d", serde_json::json!({ "b": ".", "c": "." }), Err("an argument must not be `.` or `..`")),
            ("/a/{b}", serde_json::json!({ "b": "..\\x" }), Ok("/a/..%5Cx")),
            ("/a/{b}", serde_json::json!({ "b": "" }), Err("the argument `b` is empty")),
            ("/a/{b}", serde_json::json!({}), Err("the argument `b` is missing")),
            (
                "/a/{b}",
                serde_json::json!({ "b": [1] }),
                Err("the argument `b` must be a text, a number or a truth value"),
            ),
        ] {
            assert_eq!(fill(path, arguments), expected.map(str::to_owned).map_err(str::to_owned), "{path}");
        }
    }

    #[test]
    fn a_path_is_checked() {
        for bad in ["orders", "/a?b", "/{", "/}", "/{}", "/{a/b}", "/{a{b}}", "/a}b{c}"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_left_goes_into_the_query() {
        let arguments = serde_json::json!({ "a": "x", "b": [1, "y"], "c": null, "d": { "e": true } });
        let Value::Object(arguments) = arguments else { panic!("no object") };
        let pairs: Vec<_> = query(&arguments).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["a=x", "b=1", "b=y", r#"d={"e":true}"#]);
    }
}
