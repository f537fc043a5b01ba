//! What `abide.toml` says about activities: the shape of it, and nothing that opens a file or a socket.
//!
//! Names and values that need each other are checked where the provider is built, with the key in the message.

/// Gives a configuration type the method `calling`: what it says about how calls are made.
macro_rules! calling {
    ($($type:ty),*) => {$(
        impl $type {
            pub(crate) fn calling(&self) -> crate::config::Calling {
                crate::config::Calling {
                    attempt_timeout_ms: self.attempt_timeout_ms,
                    total_timeout_ms: self.total_timeout_ms,
                    retry: self.retry.clone(),
                    max_concurrent: self.max_concurrent,
                }
            }
        }
    )*};
}

mod components;
mod http;
mod llm;
mod prices;
mod secret;
mod tools;
mod workers;

use std::collections::BTreeMap;

use abide_model::{Error, ErrorCode, RetryPolicy};
use serde::Deserialize;

pub use components::{Binding, ComponentLimits, ComponentProvider, ToolUploads};
pub use http::HttpConfig;
pub use llm::{LlmProvider, MaxTokensField, OpenAiProvider, ScriptedProvider};
pub use prices::ModelPrice;
pub use secret::Secret;
pub use tools::{Completion, HttpTool, HttpToolsProvider, McpHttpProvider, McpStdioProvider, ToolsProvider};
pub use workers::{WorkerTool, WorkersProvider};

/// Attempts of one provider that may be under way at the same time, where its configuration does not say.
pub(crate) const DEFAULT_MAX_CONCURRENT: usize = 64;

/// The largest answer that is read, where the configuration does not say.
pub(crate) const DEFAULT_MAX_RESPONSE_BYTES: usize = 8 << 20;

/// The part of `abide.toml` that is about activities.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActivitiesConfig {
    /// Language models, by the name of their provider.
    pub llm: BTreeMap<String, LlmProvider>,
    /// The provider that is meant where a request names none. Where there is only one, it is that one.
    pub default_llm: Option<String>,
    /// What tokens cost, by `<provider>/<model>`.
    pub prices: BTreeMap<String, ModelPrice>,
    /// Tools, by the name of their provider.
    pub tools: BTreeMap<String, ToolsProvider>,
    /// What `http.fetch` may do.
    pub http: HttpConfig,
    /// Task queues and the tools that their workers offer, by name.
    pub workers: BTreeMap<String, WorkersProvider>,
    /// Tool components, by name.
    pub components: BTreeMap<String, ComponentProvider>,
    /// What tool components may have that are uploaded.
    pub tool_uploads: ToolUploads,
    /// Who performs the interfaces that workflows import, by their names such as `acme:crm/customers` or `acme:crm/customers@1.2.0`.
    pub activities: BTreeMap<String, Binding>,
    /// The URL by which others reach this host, such as `https://abide.example`. Without one, its address.
    pub public_url: Option<String>,
    /// Where compiled tool components are kept. Without it they are compiled at each start. No key of the file: the host says it.
    #[serde(skip)]
    pub cache: Option<abide_engine::CompiledCache>,
    /// What compiles tool components that are uploaded, where that is another process. No key of the file.
    #[serde(skip)]
    pub compiler: Option<abide_engine::Compiler>,
}

impl ActivitiesConfig {
    /// Adds a provider `openai`, unless there is one already, or neither value is given. An empty text counts as not given. The
    /// values are those that OpenAI's own clients read from `OPENAI_BASE_URL` and `OPENAI_API_KEY`.
    pub fn add_openai(&mut self, base_url: Option<String>, api_key: Option<String>, model: Option<String>) {
        let given = |value: Option<String>| value.filter(|text| !text.trim().is_empty());
        let (base_url, api_key) = (given(base_url), given(api_key));
        if (base_url.is_none() && api_key.is_none()) || self.llm.contains_key("openai") {
            return;
        }
        if let (None, [only]) = (&self.default_llm, self.llm.keys().collect::<Vec<_>>().as_slice()) {
            // It was the default without being named, and a key in the environment must not change that.
            self.default_llm = Some((*only).clone());
        }
        let provider = OpenAiProvider {
            base_url: base_url.unwrap_or_else(|| OpenAiProvider::default().base_url),
            api_key: api_key.map(Secret::new),
            model: given(model),
            ..OpenAiProvider::default()
        };
        self.llm.insert("openai".to_owned(), LlmProvider::OpenAi(provider));
    }
}

/// How the calls of a provider are made, where the guest does not say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calling {
    pub(crate) attempt_timeout_ms: Option<u64>,
    pub(crate) total_timeout_ms: Option<u64>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) max_concurrent: Option<usize>,
}

/// A configuration that cannot be used. The message begins with the key.
pub(crate) fn wrong(key: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidConfig, format!("`{key}` {problem}"))
}

/// The value of an environment variable that a key of the configuration names.
pub(crate) fn environment(key: &str, variable: &str) -> Result<Secret, Error> {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => Ok(Secret::new(value)),
        Ok(_) | Err(std::env::VarError::NotPresent) => {
            Err(wrong(key, format_args!("names the environment variable `{variable}`, which is not set: set it")))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(wrong(key, format_args!("names the environment variable `{variable}`, which is no UTF-8")))
        }
    }
}

/// A name of a provider: it stands in requests before a `/` and in messages.
pub(crate) fn check_name(section: &str, name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        return Err(wrong(
            section,
            format_args!("has a provider `{shown}`: a name has 1 to 64 characters of `a-z A-Z 0-9 - _ .`"),
        ));
    }
    Ok(())
}
