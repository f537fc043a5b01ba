//! What tools that are declared in the configuration have in common: their names, schemas, timeouts and retries.

use abide_model::tools::Tool;
use abide_model::{Error, Json};
use serde_json::Value;

use crate::config::{Calling, wrong};
use crate::retry::Policy;

/// A tool as `tools.list` shows it. `key` is its key in the configuration, `schemas` are those of its arguments and its answer.
pub(super) fn tool(
    key: &str,
    provider: &str,
    name: &str,
    description: Option<&String>,
    (input, output): (Option<&str>, Option<&str>),
) -> Result<Tool, Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(wrong(key, "has a name that is not 1 to 64 characters of `a-z A-Z 0-9 - _ .`"));
    }
    Ok(Tool {
        provider: provider.to_owned(),
        name: name.to_owned(),
        description: description.cloned(),
        input_schema: schema(&format!("{key}.input_schema"), input)?
            .unwrap_or_else(|| Json::from(&serde_json::json!({ "type": "object" }))),
        output_schema: schema(&format!("{key}.output_schema"), output)?,
    })
}

/// How calls of the tool are tried: as those of its provider, except for what is said of the tool.
pub(super) fn policy(key: &str, provider: &Policy, calling: &Calling) -> Result<Policy, Error> {
    let policy = provider.clone().reconfigured(calling);
    policy.map_err(|bad| wrong(&format!("{key}.{}", bad.field), format_args!("must be {}", bad.rule)))
}

fn schema(key: &str, text: Option<&str>) -> Result<Option<Json>, Error> {
    let Some(text) = text else { return Ok(None) };
    let schema: Value = serde_json::from_str(text).map_err(|error| wrong(key, format_args!("is no JSON: {error}")))?;
    if !schema.is_object() {
        return Err(wrong(key, "must be a JSON object"));
    }
    // The text as it stands: the order of properties matters to models.
    Json::parse(text).map(Some).map_err(|error| wrong(key, error))
}
