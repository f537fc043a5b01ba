//! Language models: one question, one answer. The loop that lets a model use tools is [`Agent`](crate::Agent).
//!
//! ```no_run
//! use abide::llm;
//! use serde_json::json;
//!
//! # async fn f(letter: String) -> Result<(), abide::Failure> {
//! let reply = llm::Request::new("openai/gpt-5-mini")
//!     .system("You answer letters, briefly.")
//!     .user(&*letter)
//!     .generate()
//!     .await?;
//! println!("{}", reply.text());
//!
//! #[derive(serde::Deserialize)]
//! struct Mood { mood: String }
//! let schema = json!({
//!     "type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"], "additionalProperties": false,
//! });
//! let mood: Mood = llm::Request::new("").user(letter).generate_json("mood", &schema).await?;
//! # Ok(()) }
//! ```

use std::ops::AddAssign;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::bindings::abide::workflow::llm as wire;
use crate::content::{self, ContentPart};
use crate::{CallOptions, Failure, json};

pub use wire::{
    AssistantMessage, FinishReason, Message, Response, ResponseFormat, ResponseSchema, ToolAnswer, ToolCall,
    ToolChoice, ToolDefinition, Usage,
};

/// A question that is being put together. [`Request::generate`] asks it.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a request does nothing until it is asked"]
pub struct Request {
    wire: wire::Request,
    options: Option<CallOptions>,
}

impl Request {
    /// Asks this model: `<provider>/<model>`, or `<model>` of the default provider; an empty text is the default of both.
    pub fn new(model: impl Into<String>) -> Self {
        let wire = wire::Request {
            model: model.into(),
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            response_format: None,
            temperature: None,
            top_p: None,
            max_output_tokens: None,
            stop: Vec::new(),
            seed: None,
            extra: None,
        };
        Self { wire, options: None }
    }

    /// Adds instructions that stand above the conversation.
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Message::System(text.into()))
    }

    /// Adds what the user says: a text, or parts with [`Message::User`].
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::user(text))
    }

    /// Adds a message.
    pub fn message(mut self, message: Message) -> Self {
        self.wire.messages.push(message);
        self
    }

    /// Adds messages.
    pub fn messages(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.wire.messages.extend(messages);
        self
    }

    /// Adds a tool that the model may ask for.
    pub fn tool(mut self, tool: ToolDefinition) -> Self {
        self.wire.tools.push(tool);
        self
    }

    /// Adds tools that the model may ask for.
    pub fn tools(mut self, tools: impl IntoIterator<Item = ToolDefinition>) -> Self {
        self.wire.tools.extend(tools);
        self
    }

    /// Says whether the model has to ask for a tool.
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.wire.tool_choice = Some(choice);
        self
    }

    /// Says what form the answer has.
    pub fn response_format(mut self, format: ResponseFormat) -> Self {
        self.wire.response_format = Some(format);
        self
    }

    /// 0 (dull) to 2 (wild).
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.wire.temperature = Some(temperature);
        self
    }

    /// Nucleus sampling, 0 to 1.
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.wire.top_p = Some(top_p);
        self
    }

    /// The answer ends after so many tokens.
    pub fn max_output_tokens(mut self, tokens: u32) -> Self {
        self.wire.max_output_tokens = Some(tokens);
        self
    }

    /// The answer ends before this text. Call it again for more texts.
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.wire.stop.push(text.into());
        self
    }

    /// Asks the provider to sample the same way again. Few promise it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.wire.seed = Some(seed);
        self
    }

    /// A JSON object whose members are added to the request as they are, for what a provider has beyond this.
    pub fn extra(mut self, members: &Value) -> Self {
        self.wire.extra = Some(members.to_string());
        self
    }

    /// How the call is performed.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = Some(options);
        self
    }

    /// Asks.
    pub async fn generate(self) -> Result<Response, Failure> {
        Ok(wire::generate(self.wire, self.options.map(Into::into)).await?)
    }

    /// Asks for an answer that follows a JSON Schema, and reads it. An answer that is none gives the failure
    /// `invalid-response`: a model that was cut off by its limit of tokens, or a provider that does not enforce schemas.
    pub async fn generate_json<T: DeserializeOwned>(self, name: &str, schema: &Value) -> Result<T, Failure> {
        let schema = ResponseSchema { name: name.to_owned(), schema: schema.to_string(), strict: true };
        let response = self.response_format(ResponseFormat::JsonSchema(schema)).generate().await?;
        json::decode(response.text(), "invalid-response", "the model's answer does not fit")
    }
}

impl Message {
    /// A text from the user.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User(vec![ContentPart::Text(text.into())])
    }

    /// A text from the model, for examples in a conversation.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::Assistant(AssistantMessage { text: Some(text.into()), tool_calls: Vec::new() })
    }

    /// A tool's answer as text.
    pub fn tool(call_id: impl Into<String>, text: impl Into<String>, is_error: bool) -> Self {
        Self::Tool(ToolAnswer { call_id: call_id.into(), content: vec![ContentPart::Text(text.into())], is_error })
    }

    /// Its texts.
    pub fn text(&self) -> String {
        match self {
            Self::System(text) => text.clone(),
            Self::User(parts) => content::texts(parts),
            Self::Assistant(message) => message.text.clone().unwrap_or_default(),
            Self::Tool(answer) => content::texts(&answer.content),
        }
    }
}

impl ToolDefinition {
    /// A tool with a description and the JSON Schema of its arguments, an object.
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: &Value) -> Self {
        Self { name: name.into(), description: Some(description.into()), parameters: parameters.to_string() }
    }
}

impl ToolCall {
    /// The arguments as a type of yours. Models err: the failure `invalid-arguments` is one that the model can be told.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        json::decode(&self.arguments, "invalid-arguments", &format!("the arguments of `{}` do not fit", self.name))
    }

    /// Answers it with a value as JSON.
    pub fn answer<T: Serialize + ?Sized>(&self, value: &T) -> Result<Message, Failure> {
        Ok(Message::tool(&*self.id, json::encode(value, "the answer of the tool")?, false))
    }
}

impl Response {
    /// The model's text; empty where it only asks for tools.
    pub fn text(&self) -> &str {
        self.message.text.as_deref().unwrap_or_default()
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cached_input_tokens += other.cached_input_tokens;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_a_plain_json_form() {
        let messages = [Message::System("be brief".into()), Message::user("hi"), Message::tool("c1", "7", false)];
        let json = serde_json::to_value(&messages).unwrap();
        assert_eq!(json[0], serde_json::json!({"system": "be brief"}));
        assert_eq!(json[1], serde_json::json!({"user": [{"text": "hi"}]}));
        assert_eq!(json[2]["tool"]["call_id"], "c1");
    }

    #[test]
    fn bad_arguments_can_be_told_to_the_model() {
        let call = ToolCall { id: "c".into(), name: "add".into(), arguments: r#"{"a":"x"}"#.into() };
        let failure = call.parse::<std::collections::BTreeMap<String, u8>>().unwrap_err();
        assert!(failure.message.starts_with("the arguments of `add` do not fit at `a`"), "{failure}");
    }
}
