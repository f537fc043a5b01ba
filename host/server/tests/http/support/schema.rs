//! Checks JSON against a schema of the OpenAPI document: the part of JSON Schema 2020-12 that the document uses. A keyword that is not
//! known here fails the check, so that nothing is checked only seemingly.

use serde_json::Value;

/// Why `value` is not what `schema` says, with the place; `document` resolves references.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let wrong = |what: String| Err(format!("{place}: {what}"));
    for (keyword, given) in schema.as_object().ok_or_else(|| format!("{place}: a schema is an object"))? {
        match keyword.as_str() {
            "description" | "default" | "examples" | "contentMediaType" | "pattern" => {}
            "$ref" => {
                let target = given.as_str().and_then(|path| path.strip_prefix('#'));
                let target = target.and_then(|pointer| document.pointer(pointer));
                check(document, target.ok_or_else(|| format!("{place}: {given} leads nowhere"))?, value, place)?;
            }
            "type" => {
                let fits = match given.as_str() {
                    Some("object") => value.is_object(),
                    Some("array") => value.is_array(),
                    Some("string") => value.is_string(),
                    Some("boolean") => value.is_boolean(),
                    Some("integer") => value.is_i64() || value.is_u64(),
                    Some("number") => value.is_number(),
                    Some("null") => value.is_null(),
                    _ => return wrong(format!("the type {given} is not known")),
                };
                if !fits {
                    return wrong(format!("{value} is no {given}"));
                }
            }
            "enum" => {
                if !given.as_array().is_some_and(|allowed| allowed.contains(value)) {
                    return wrong(format!("{value} is none of {given}"));
                }
            }
            "minimum" | "maximum" => {
                let (limit, number) = (given.as_f64().unwrap_or(f64::NAN), value.as_f64().unwrap_or(0.0));
                if (keyword == "minimum" && number < limit) || (keyword == "maximum" && number > limit) {
                    return wrong(format!("{number} is beyond the {keyword} {limit}"));
                }
            }
            "minLength" | "maxLength" => {
                let (limit, length) = (given.as_u64().unwrap_or(0), value.as_str().map_or(0, str::len) as u64);
                if (keyword == "minLength" && length < limit) || (keyword == "maxLength" && length > limit) {
                    return wrong(format!("a text of {length} bytes is beyond the {keyword} {limit}"));
                }
            }
            "required" => {
                for name in given.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if value.get(name).is_none() {
                        return wrong(format!("`{name}` is missing"));
                    }
                }
            }
            "properties" => {
                for (name, property) in given.as_object().into_iter().flatten() {
                    if let Some(inner) = value.get(name) {
                        check(document, property, inner, &format!("{place}.{name}"))?;
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if *given == Value::Bool(false) {
                        return wrong(format!("`{name}` is not in the document"));
                    }
                    check(document, given, inner, &format!("{place}.{name}"))?;
                }
            }
            "minItems" | "maxItems" => {
                let (limit, count) = (given.as_u64().unwrap_or(0), value.as_array().map_or(0, Vec::len) as u64);
                if (keyword == "minItems" && count < limit) || (keyword == "maxItems" && count > limit) {
                    return wrong(format!("{count} items are beyond the {keyword} {limit}"));
                }
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, given, inner, &format!("{place}[{index}]"))?;
                }
            }
            "oneOf" | "anyOf" => {
                let branches = given.as_array().into_iter().flatten();
                let refusals: Vec<_> = branches.map(|branch| check(document, branch, value, place)).collect();
                let fitting = refusals.iter().filter(|refusal| refusal.is_ok()).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    return wrong(format!("{fitting} branches of {keyword} fit: {refusals:?}"));
                }
            }
            _ => return wrong(format!("the keyword `{keyword}` is not known")),
        }
    }
    Ok(())
}
