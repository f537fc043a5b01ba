//! `[llm.NAME]`: providers of language models.

use std::collections::BTreeMap;
use std::path::PathBuf;

use abide_model::RetryPolicy;
use serde::Deserialize;

use super::Secret;

/// A provider of language models.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LlmProvider {
    /// Speaks OpenAI's Chat Completions: OpenAI, Ollama, vLLM, llama.cpp and many more.
    #[serde(rename = "openai")]
    OpenAi(OpenAiProvider),
    /// Answers from a file: for tests, demonstrations, and a first look without a key.
    Scripted(ScriptedProvider),
}

/// A provider that speaks OpenAI's Chat Completions.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenAiProvider {
    /// What `/chat/completions` is appended to.
    pub base_url: String,
    /// The key, sent as a bearer token. Better use `api_key_env`.
    pub api_key: Option<Secret>,
    /// The environment variable that has the key.
    pub api_key_env: Option<String>,
    /// The secret that has the key: that of the tenant whose run asks.
    pub api_key_secret: Option<String>,
    /// The model that is meant where a request names none.
    pub model: Option<String>,
    /// The models that may be asked for; without it, any.
    pub models: Option<Vec<String>>,
    /// Headers that are sent with every request.
    pub headers: BTreeMap<String, Secret>,
    /// How the limit of tokens is called. Without it, it is `max_completion_tokens` for OpenAI's own hosts, whose newer models refuse the
    /// older name, and `max_tokens` for all others, which know it while some ignore the newer one.
    pub max_tokens_field: Option<MaxTokensField>,
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

impl Default for OpenAiProvider {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".to_owned(),
            api_key: None,
            api_key_env: None,
            api_key_secret: None,
            model: None,
            models: None,
            headers: BTreeMap::new(),
            max_tokens_field: None,
            max_response_bytes: None,
            attempt_timeout_ms: None,
            total_timeout_ms: None,
            retry: None,
            max_concurrent: None,
        }
    }
}

/// How a provider calls the limit of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokensField {
    /// The newer name.
    MaxCompletionTokens,
    /// The older name.
    MaxTokens,
}

impl MaxTokensField {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }
}

/// A provider that answers from a file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedProvider {
    /// The file; a relative path begins at the folder of the configuration.
    pub file: PathBuf,
    /// The longest that one attempt may take.
    pub attempt_timeout_ms: Option<u64>,
    /// The longest that a call may take.
    pub total_timeout_ms: Option<u64>,
    /// When a call is tried again.
    pub retry: Option<RetryPolicy>,
    /// Attempts that may be under way at the same time. Default 64.
    pub max_concurrent: Option<usize>,
}

calling!(OpenAiProvider, ScriptedProvider);
