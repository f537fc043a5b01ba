//! Requests to language models and their answers: the JSON that a history keeps and that providers are called with. The fields are
//! those of the interface `llm` of the WIT package, with `-` written `_`.

use serde::{Deserialize, Serialize};

use crate::{Json, Request};

/// A part of what a message or a tool says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentPart {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture: one of `url` and `base64` is there.
    Image {
        /// Such as `image/png`.
        media_type: String,
        /// Where it lies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// Its bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
    },
}

/// A model asks for a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's name for this request.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, as the model wrote them. A text that is no JSON is kept as a JSON string.
    pub arguments: Json,
}

/// What a model said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AssistantMessage {
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The tools that it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// Instructions.
    System {
        /// The text.
        text: String,
    },
    /// From the user.
    User {
        /// What they say.
        content: Vec<ContentPart>,
    },
    /// From the model.
    Assistant(AssistantMessage),
    /// From a tool.
    Tool {
        /// The `id` of the tool call.
        call_id: String,
        /// What the tool said.
        content: Vec<ContentPart>,
        /// Whether it failed.
        is_error: bool,
    },
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub parameters: Json,
}

/// Whether the model has to ask for a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// It may not.
    None,
    /// It must.
    Required,
    /// It must ask for this one.
    Named(String),
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Any text.
    Text,
    /// Any JSON.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// The schema.
        schema: Json,
        /// Whether the provider is to enforce it.
        strict: bool,
    },
}

/// What to ask, without the messages: those grow, and are kept apart (see [`Request`]).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GenerateHead {
    /// `<provider>/<model>`, `<model>`, or empty.
    pub model: String,
    /// The tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolDefinition>,
    /// Whether it has to use them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// The form of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// Sampling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The answer ends after so many tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u32>,
    /// The answer ends before any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// A seed for the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// A JSON object that is added to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Json>,
}

/// A whole request.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateRequest {
    /// All but the messages.
    pub head: GenerateHead,
    /// The messages.
    pub messages: Vec<Message>,
}

impl GenerateRequest {
    /// As it is recorded.
    pub fn to_request(&self) -> Result<Request, serde_json::Error> {
        Ok(Request {
            head: Json::of(&self.head)?,
            messages: self.messages.iter().map(Json::of).collect::<Result<_, _>>()?,
        })
    }
}

/// Why the answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// A limit of tokens was met.
    Length,
    /// It asks for tools.
    ToolCalls,
    /// The provider held something back.
    ContentFilter,
    /// Another reason.
    Other,
}

/// Tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the request.
    pub input_tokens: u64,
    /// Of the answer.
    pub output_tokens: u64,
    /// The share of the request that was cached.
    #[serde(default)]
    pub cached_input_tokens: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateResponse {
    /// What the model said.
    pub message: AssistantMessage,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Tokens, where the provider counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The model that answered.
    pub model: String,
}
