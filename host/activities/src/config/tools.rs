//! `[tools.NAME]`: providers of tools.

use std::collections::BTreeMap;
use std::path::PathBuf;

use abide_model::RetryPolicy;
use serde::Deserialize;

use super::Secret;

/// A provider of tools.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ToolsProvider {
    /// An MCP server that the host starts and speaks with over its standard input and output.
    McpStdio(McpStdioProvider),
    /// An MCP server behind a URL (streamable HTTP).
    McpHttp(McpHttpProvider),
    /// An HTTP API whose tools are declared here.
    Http(HttpToolsProvider),
}

/// An MCP server that the host starts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpStdioProvider {
    /// The program. A relative path with a `/` begins at the folder of the configuration; a bare name is looked for in `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, beside the few variables that every program needs (`PATH`, `HOME`, …).
    pub env: BTreeMap<String, Secret>,
    /// Variables of the host's environment that it is given as well.
    pub pass_env: Vec<String>,
    /// Where it runs; a relative path begins at the folder of the configuration, which is also the default.
    pub cwd: Option<PathBuf>,
    /// The longest that starting it and greeting may take. Default 60000.
    pub connect_timeout_ms: Option<u64>,
    /// The longest that one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time. Default 64.
    pub max_concurrent: Option<usize>,
}

/// An MCP server behind a URL.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpHttpProvider {
    /// Its endpoint, such as `https://example.com/mcp`.
    pub url: String,
    /// Headers that are sent with every request.
    pub headers: BTreeMap<String, Secret>,
    /// The environment variable that has a bearer token.
    pub bearer_token_env: Option<String>,
    /// The longest that connecting and greeting may take. Default 60000.
    pub connect_timeout_ms: Option<u64>,
    /// The largest answer that is read. Default 8 MiB.
    pub max_response_bytes: Option<usize>,
    /// The longest that one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time. Default 64.
    pub max_concurrent: Option<usize>,
}

/// An HTTP API.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpToolsProvider {
    /// What the path of each tool is appended to.
    pub base_url: String,
    /// Headers that are sent with every request.
    pub headers: BTreeMap<String, Secret>,
    /// The environment variable that has a bearer token.
    pub bearer_token_env: Option<String>,
    /// Its tools.
    #[serde(rename = "tool")]
    pub tools: Vec<HttpTool>,
    /// The largest answer that is read. Default 8 MiB.
    pub max_response_bytes: Option<usize>,
    /// The longest that one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time. Default 64.
    pub max_concurrent: Option<usize>,
}

/// One operation of an HTTP API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTool {
    /// Its name, for the model and for `tools.call`.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// Such as `POST`.
    pub method: String,
    /// Such as `/orders/{id}`. Each `{name}` is replaced with that argument. The other arguments go into the query for `GET`, `HEAD` and
    /// `DELETE`, and else into a JSON body.
    pub path: String,
    /// JSON Schema of the arguments, as JSON text. Without it, any object.
    pub input_schema: Option<String>,
    /// JSON Schema of the answer, as JSON text.
    pub output_schema: Option<String>,
    /// Whether it answers at once, or may answer `202 Accepted` and give its result later, by the token that it is sent.
    #[serde(default)]
    pub completion: Completion,
    /// The longest that one attempt may take; before that of the provider.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take; before that of the provider.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again; before that of the provider.
    pub retry: Option<RetryPolicy>,
}

/// When a tool gives its result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completion {
    /// In its answer.
    #[default]
    Now,
    /// In its answer, or after `202 Accepted` at the URL in the header `Abide-Completion-Url`.
    Later,
}

calling!(McpStdioProvider, McpHttpProvider, HttpToolsProvider);
