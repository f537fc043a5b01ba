//! Tools of MCP servers and of HTTP APIs that the configuration declares. Which of them a model may use is the business of [`agent`](crate::agent).
//!
//! ```no_run
//! use abide::tools;
//! use serde_json::json;
//!
//! # async fn f() -> Result<(), abide::Failure> {
//! #[derive(serde::Deserialize)]
//! struct Ticket { number: u64 }
//!
//! let filed = tools::call("desk", "file_ticket", &json!({"title": "printer on fire"})).await?;
//! let ticket: Ticket = filed.ok()?.json()?;
//! # Ok(()) }
//! ```

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::bindings::abide::workflow::tools as wire;
use crate::content::{self, ContentPart};
use crate::{CallOptions, Failure, json};

/// A tool that this run may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// The provider, by its name in the configuration.
    pub provider: String,
    /// The tool, by its provider's name for it.
    pub name: String,
    /// What it does, for a model.
    pub description: Option<String>,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    /// JSON Schema of [`ToolResult::structured`], where the provider tells.
    pub output_schema: Option<Value>,
}

/// What a tool came back with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// For a model or a person to read.
    pub content: Vec<ContentPart>,
    /// For a program, where the tool gives it.
    pub structured: Option<Value>,
    /// Whether the tool itself says that it failed. See [`ToolResult::ok`].
    pub is_error: bool,
}

impl ToolResult {
    /// The texts of the content, one a line.
    pub fn text(&self) -> String {
        content::texts(&self.content)
    }

    /// Makes the failure `tool-failed` of a result that says it failed, so that `?` can be used on it.
    pub fn ok(self) -> Result<Self, Failure> {
        if self.is_error { Err(Failure::new("tool-failed", self.text())) } else { Ok(self) }
    }

    /// The structured result as a type of yours; the text, read as JSON, where the tool gives nothing structured.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let text = self.structured.as_ref().map_or_else(|| self.text(), Value::to_string);
        json::decode(&text, "invalid-response", "the tool's result does not fit")
    }
}

/// The tools of all providers that this run may use.
pub async fn list() -> Result<Vec<Tool>, Failure> {
    list_with(None, None).await
}

/// The tools of one provider.
pub async fn list_of(provider: &str) -> Result<Vec<Tool>, Failure> {
    list_with(Some(provider), None).await
}

/// The tools of one provider or of all, with options of the call.
pub async fn list_with(provider: Option<&str>, options: Option<CallOptions>) -> Result<Vec<Tool>, Failure> {
    let tools = wire::list(provider.map(str::to_owned), options.map(Into::into)).await?;
    tools.into_iter().map(Tool::from_wire).collect()
}

/// Calls a tool. `arguments` become a JSON object: a struct, or `&json!({…})`.
pub async fn call<A: Serialize + ?Sized>(provider: &str, name: &str, arguments: &A) -> Result<ToolResult, Failure> {
    call_inner(provider, name, json::encode(arguments, "the arguments of the tool"), None).await
}

/// Calls a tool, with options of the call.
pub async fn call_with<A: Serialize + ?Sized>(
    provider: &str,
    name: &str,
    arguments: &A,
    options: CallOptions,
) -> Result<ToolResult, Failure> {
    call_inner(provider, name, json::encode(arguments, "the arguments of the tool"), Some(options)).await
}

// Takes encoded arguments, so that the large future of the call is not compiled anew for each type of arguments.
async fn call_inner(
    provider: &str,
    name: &str,
    arguments: Result<String, Failure>,
    options: Option<CallOptions>,
) -> Result<ToolResult, Failure> {
    let result = wire::call(provider.to_owned(), name.to_owned(), arguments?, options.map(Into::into)).await?;
    let structured =
        result.structured.map(|text| json::decode(&text, "invalid-response", "the tool's result is not JSON"));
    Ok(ToolResult { content: result.content, structured: structured.transpose()?, is_error: result.is_error })
}

impl Tool {
    fn from_wire(tool: wire::Tool) -> Result<Self, Failure> {
        let schema =
            |text: String| json::decode(&text, "invalid-response", &format!("a schema of the tool `{}`", tool.name));
        Ok(Self {
            input_schema: schema(tool.input_schema)?,
            output_schema: tool.output_schema.map(schema).transpose()?,
            provider: tool.provider,
            name: tool.name,
            description: tool.description,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(text: &str, structured: Option<Value>, is_error: bool) -> ToolResult {
        ToolResult { content: vec![text.into()], structured, is_error }
    }

    #[test]
    fn structured_comes_before_text() {
        assert_eq!(result("1", Some(json!(2)), false).json::<u8>().unwrap(), 2);
        assert_eq!(result("1", None, false).json::<u8>().unwrap(), 1);
        assert_eq!(result("one", None, false).json::<u8>().unwrap_err().code, "invalid-response");
    }

    #[test]
    fn an_error_of_the_tool_becomes_a_failure() {
        let failure = result("no such file", None, true).ok().unwrap_err();
        assert_eq!((failure.code.as_str(), failure.message.as_str()), ("tool-failed", "no such file"));
    }
}
