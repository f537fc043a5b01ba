//! Reads a recorded request. The types of the model are enums that are told apart by a member, and serde reads such an enum through a
//! buffer that cannot hold a JSON text as it stands. So the members are read flat here, which keeps the text of every schema.

use abide_model::llm::{
    AssistantMessage, ContentPart, GenerateHead, GenerateRequest, Message, ResponseFormat, ToolCall, ToolChoice,
    ToolDefinition,
};
use abide_model::{Failure, Json, Request};
use serde::Deserialize;

/// Reads a request, or says what is wrong with it.
pub(crate) fn read(request: &Request) -> Result<GenerateRequest, Failure> {
    let invalid = |what: &str, error: serde_json::Error| {
        Failure::new("invalid-request", format!("{what} of the request cannot be read: {error}"))
    };
    let head: Head = request.head.read().map_err(|error| invalid("the head", error))?;
    let messages = request.messages.iter().map(|message| message.read::<FlatMessage>()?.try_into());
    let messages = messages.collect::<Result<_, _>>().map_err(|error| invalid("a message", error))?;
    let head = head.try_into().map_err(|error| invalid("the head", error))?;
    Ok(GenerateRequest { head, messages })
}

/// [`GenerateHead`], flat.
#[derive(Deserialize)]
struct Head {
    model: String,
    #[serde(default)]
    tools: Vec<ToolDefinition>,
    tool_choice: Option<ToolChoice>,
    response_format: Option<FlatFormat>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    max_output_tokens: Option<u32>,
    #[serde(default)]
    stop: Vec<String>,
    seed: Option<u64>,
    extra: Option<Json>,
}

/// [`ResponseFormat`], flat.
#[derive(Deserialize)]
struct FlatFormat {
    r#type: String,
    name: Option<String>,
    schema: Option<Json>,
    strict: Option<bool>,
}

/// [`Message`], flat.
#[derive(Deserialize)]
struct FlatMessage {
    role: String,
    text: Option<String>,
    content: Option<Vec<ContentPart>>,
    #[serde(default)]
    tool_calls: Vec<ToolCall>,
    call_id: Option<String>,
    is_error: Option<bool>,
}

fn missing(name: &'static str) -> serde_json::Error {
    serde::de::Error::missing_field(name)
}

impl TryFrom<Head> for GenerateHead {
    type Error = serde_json::Error;

    fn try_from(head: Head) -> Result<Self, Self::Error> {
        Ok(Self {
            model: head.model,
            tools: head.tools,
            tool_choice: head.tool_choice,
            response_format: head.response_format.map(ResponseFormat::try_from).transpose()?,
            temperature: head.temperature,
            top_p: head.top_p,
            max_output_tokens: head.max_output_tokens,
            stop: head.stop,
            seed: head.seed,
            extra: head.extra,
        })
    }
}

impl TryFrom<FlatFormat> for ResponseFormat {
    type Error = serde_json::Error;

    fn try_from(format: FlatFormat) -> Result<Self, Self::Error> {
        match format.r#type.as_str() {
            "text" => Ok(Self::Text),
            "json_object" => Ok(Self::JsonObject),
            "json_schema" => Ok(Self::JsonSchema {
                name: format.name.ok_or_else(|| missing("name"))?,
                schema: format.schema.ok_or_else(|| missing("schema"))?,
                strict: format.strict.unwrap_or(false),
            }),
            other => Err(serde::de::Error::unknown_variant(other, &["text", "json_object", "json_schema"])),
        }
    }
}

impl TryFrom<FlatMessage> for Message {
    type Error = serde_json::Error;

    fn try_from(message: FlatMessage) -> Result<Self, Self::Error> {
        match message.role.as_str() {
            "system" => Ok(Self::System { text: message.text.ok_or_else(|| missing("text"))? }),
            "user" => Ok(Self::User { content: message.content.ok_or_else(|| missing("content"))? }),
            "assistant" => Ok(Self::Assistant(AssistantMessage { text: message.text, tool_calls: message.tool_calls })),
            "tool" => Ok(Self::Tool {
                call_id: message.call_id.ok_or_else(|| missing("call_id"))?,
                content: message.content.ok_or_else(|| missing("content"))?,
                is_error: message.is_error.unwrap_or(false),
            }),
            other => Err(serde::de::Error::unknown_variant(other, &["system", "user", "assistant", "tool"])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_model_writes() {
        let json = |text: &str| Json::parse(text).unwrap();
        let text = |text: &str| ContentPart::Text { text: text.to_owned() };
        let arguments = json(r#"{ "z": 1.0, "a": 2 }"#);
        let tool_calls = vec![ToolCall { id: "1".to_owned(), name: "t".to_owned(), arguments }];
        let request = GenerateRequest {
            head: GenerateHead {
                model: "m".to_owned(),
                response_format: Some(ResponseFormat::JsonSchema {
                    name: "r".to_owned(),
                    schema: json(r#"{ "z": 1, "a": 2 }"#),
                    strict: true,
                }),
                tool_choice: Some(ToolChoice::Named("t".to_owned())),
                temperature: Some(0.5),
                ..GenerateHead::default()
            },
            messages: vec![
                Message::System { text: "be brief".to_owned() },
                Message::User { content: vec![text("hello")] },
                Message::Assistant(AssistantMessage { text: None, tool_calls }),
                Message::Tool { call_id: "1".to_owned(), content: vec![text("done")], is_error: true },
            ],
        };
        assert_eq!(read(&request.to_request().unwrap()).unwrap(), request);
    }

    #[test]
    fn says_what_is_wrong() {
        for (message, problem) in [
            (r#"{"role":"king"}"#, "unknown variant `king`"),
            (r#"{"role":"user"}"#, "missing field `content`"),
            (r#"{"role":"tool","content":[]}"#, "missing field `call_id`"),
            (r#"{"role":"user","content":[{"type":"sound"}]}"#, "unknown variant `sound`"),
        ] {
            let head = Json::parse(r#"{"model":"m"}"#).unwrap();
            let failure = read(&Request { head, messages: vec![Json::parse(message).unwrap()] }).unwrap_err();
            assert_eq!(failure.code, "invalid-request");
            assert!(failure.message.contains(problem), "{}", failure.message);
        }
    }
}
