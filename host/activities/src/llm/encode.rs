//! A request as Chat Completions wants it. The texts of the guest (schemas, arguments) are sent as they came, since the order of a
//! schema's properties matters to models.

use abide_model::llm::{
    ContentPart, GenerateHead, GenerateRequest, Message, ResponseFormat, ToolChoice, ToolDefinition,
};
use abide_model::{Failure, Json};
use serde::Serialize;
use serde_json::{Value, json};

use crate::config::MaxTokensField;

/// Members that `extra` may not have: they would change what was checked, or the form of the answer.
const RESERVED: [&str; 3] = ["model", "messages", "stream"];

/// A request, ready to be sent as often as needed.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) model: String,
    pub(crate) body: String,
}

/// Makes the body of a request to `model`.
pub(crate) fn encode(model: &str, request: &GenerateRequest, max_tokens: MaxTokensField) -> Result<Prepared, Failure> {
    let head = &request.head;
    check(head)?;
    if request.messages.is_empty() {
        return Err(invalid("`messages` is empty: give one at least"));
    }
    let mut members = Members::default();
    members.set("model", &model)?;
    members.set("messages", &messages(&request.messages)?)?;
    if !head.tools.is_empty() {
        members.set("tools", &head.tools.iter().map(Tool::from).collect::<Vec<_>>())?;
        if let Some(choice) = &head.tool_choice {
            members.set("tool_choice", &tool_choice(choice))?;
        }
    }
    match &head.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => members.set("response_format", &json!({ "type": "json_object" }))?,
        Some(ResponseFormat::JsonSchema { name, schema, strict }) => {
            let json_schema = Schema { name, schema, strict: *strict };
            members.set("response_format", &Format { r#type: "json_schema", json_schema })?;
        }
    }
    members.set_if("temperature", head.temperature.as_ref())?;
    members.set_if("top_p", head.top_p.as_ref())?;
    members.set_if(max_tokens.as_str(), head.max_output_tokens.as_ref())?;
    members.set_if("stop", (!head.stop.is_empty()).then_some(&head.stop))?;
    members.set_if("seed", head.seed.as_ref())?;
    if let Some(extra) = &head.extra {
        members.add(extra)?;
    }
    Ok(Prepared { model: model.to_owned(), body: members.finish() })
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new("invalid-request", message)
}

/// Refuses here what a provider would refuse in less clear words.
fn check(head: &GenerateHead) -> Result<(), Failure> {
    let in_range = |value: Option<f64>, max: f64| value.is_none_or(|value| (0.0..=max).contains(&value));
    if !in_range(head.temperature, 2.0) {
        return Err(invalid("`temperature` must be from 0 to 2"));
    }
    if !in_range(head.top_p, 1.0) {
        return Err(invalid("`top-p` must be from 0 to 1"));
    }
    if head.max_output_tokens == Some(0) {
        return Err(invalid("`max-output-tokens` must be 1 or more"));
    }
    for tool in &head.tools {
        check_name("tool", &tool.name)?;
        if !is_object(&tool.parameters) {
            return Err(invalid(format!("the parameters of the tool `{}` must be a JSON object", tool.name)));
        }
    }
    match &head.tool_choice {
        Some(ToolChoice::Required) if head.tools.is_empty() => {
            return Err(invalid("`tool-choice` is `required`, but the request has no tools"));
        }
        Some(ToolChoice::Named(name)) if !head.tools.iter().any(|tool| tool.name == *name) => {
            return Err(invalid("`tool-choice` names a tool that the request does not have"));
        }
        _ => {}
    }
    if let Some(ResponseFormat::JsonSchema { name, schema, .. }) = &head.response_format {
        check_name("response schema", name)?;
        if !is_object(schema) {
            return Err(invalid("the schema of the response must be a JSON object"));
        }
    }
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<(), Failure> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        return Err(invalid(format!(
            "`{shown}` is no name of a {what}: it has 1 to 64 characters of `a-z A-Z 0-9 _ -`"
        )));
    }
    Ok(())
}

fn is_object(json: &Json) -> bool {
    json.as_str().trim_start().starts_with('{')
}

/// A JSON object under construction. Its members keep their order and their text.
#[derive(Default)]
struct Members(Vec<(String, Json)>);

impl Members {
    fn set(&mut self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        let value = Json::of(value).map_err(|error| invalid(format!("`{name}` is no JSON: {error}")))?;
        self.put(name, value);
        Ok(())
    }

    fn set_if(&mut self, name: &str, value: Option<&impl Serialize>) -> Result<(), Failure> {
        value.map_or(Ok(()), |value| self.set(name, value))
    }

    fn put(&mut self, name: &str, value: Json) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Adds the members of a JSON object; they replace those that are there.
    fn add(&mut self, extra: &Json) -> Result<(), Failure> {
        let extra: std::collections::BTreeMap<String, Json> =
            extra.read().map_err(|_| invalid("`extra` must be a JSON object"))?;
        if let Some(name) = RESERVED.iter().find(|name| extra.contains_key(**name)) {
            return Err(invalid(format!("`extra` may not have the member `{name}`")));
        }
        for (name, value) in extra {
            self.put(&name, value);
        }
        Ok(())
    }

    fn finish(self) -> String {
        let mut body = String::from("{");
        for (name, value) in self.0 {
            if body.len() > 1 {
                body.push(',');
            }
            body.push_str(&Value::from(name).to_string());
            body.push(':');
            body.push_str(value.as_str());
        }
        body.push('}');
        body
    }
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: &'a ToolDefinition,
}

impl<'a> From<&'a ToolDefinition> for Tool<'a> {
    fn from(function: &'a ToolDefinition) -> Self {
        Self { r#type: "function", function }
    }
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    json_schema: Schema<'a>,
}

#[derive(Serialize)]
struct Schema<'a> {
    name: &'a str,
    schema: &'a Json,
    strict: bool,
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({ "type": "function", "function": { "name": name } }),
    }
}

fn messages(messages: &[Message]) -> Result<Vec<Value>, Failure> {
    let mut encoded = Vec::with_capacity(messages.len());
    // The answer of a tool can only be text there, so pictures follow in a message of the user, after the last answer of the turn.
    let mut pictures = Vec::new();
    for message in messages {
        if !matches!(message, Message::Tool { .. }) {
            flush(&mut pictures, &mut encoded);
        }
        encoded.push(match message {
            Message::System { text } => json!({ "role": "system", "content": text }),
            Message::User { content } => json!({ "role": "user", "content": user_content(content)? }),
            Message::Assistant(said) => {
                let mut message = json!({ "role": "assistant", "content": said.text });
                if said.tool_calls.is_empty() {
                    message["content"] = json!(said.text.as_deref().unwrap_or_default());
                } else {
                    let calls = said.tool_calls.iter().map(|call| {
                        let function = json!({ "name": call.name, "arguments": argument_text(&call.arguments) });
                        json!({ "id": call.id, "type": "function", "function": function })
                    });
                    message["tool_calls"] = calls.collect();
                }
                message
            }
            Message::Tool { call_id, content, is_error } => {
                let mut text = String::new();
                if *is_error {
                    text.push_str("The tool failed: ");
                }
                for part in content {
                    match part {
                        ContentPart::Text { text: part } => {
                            if !text.is_empty() && !text.ends_with([' ', '\n']) {
                                text.push('\n');
                            }
                            text.push_str(part);
                        }
                        ContentPart::Image { .. } => pictures.push(image(part)?),
                    }
                }
                json!({ "role": "tool", "tool_call_id": call_id, "content": text })
            }
        });
    }
    flush(&mut pictures, &mut encoded);
    Ok(encoded)
}

fn flush(pictures: &mut Vec<Value>, encoded: &mut Vec<Value>) {
    if !pictures.is_empty() {
        let mut content = vec![json!({ "type": "text", "text": "The tools answered with these pictures:" })];
        content.append(pictures);
        encoded.push(json!({ "role": "user", "content": content }));
    }
}

/// Arguments travel as text. Those that the model wrote as something else than JSON are kept as a JSON string, and go back as they were.
fn argument_text(arguments: &Json) -> String {
    arguments.read::<String>().unwrap_or_else(|_| arguments.as_str().to_owned())
}

fn user_content(parts: &[ContentPart]) -> Result<Value, Failure> {
    // Some servers take only a text here, so that is what a text is sent as.
    if let [ContentPart::Text { text }] = parts {
        return Ok(json!(text));
    }
    parts
        .iter()
        .map(|part| match part {
            ContentPart::Text { text } => Ok(json!({ "type": "text", "text": text })),
            ContentPart::Image { .. } => image(part),
        })
        .collect()
}

fn image(part: &ContentPart) -> Result<Value, Failure> {
    let url = match part {
        ContentPart::Image { url: Some(url), base64: None, .. } => url.clone(),
        ContentPart::Image { url: None, base64: Some(bytes), media_type } => {
            format!("data:{media_type};base64,{bytes}")
        }
        _ => return Err(invalid("a picture has either a `url` or its bytes in `base64`")),
    };
    Ok(json!({ "type": "image_url", "image_url": { "url": url } }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use abide_model::Request;

    fn encode_json(head: &str, messages: &[&str]) -> Result<String, Failure> {
        let request = Request {
            head: Json::parse(head).unwrap(),
            messages: messages.iter().map(|text| Json::parse(*text).unwrap()).collect(),
        };
        let request = crate::llm::read::read(&request)?;
        encode("m", &request, MaxTokensField::MaxTokens).map(|prepared| prepared.body)
    }

    const HELLO: &str = r#"{"role":"user","content":[{"type":"text","text":"hello"}]}"#;

    #[test]
    fn the_smallest_request() {
        let body = encode_json(r#"{"model":"m"}"#, &[HELLO]).unwrap();
        assert_eq!(body, r#"{"model":"m","messages":[{"content":"hello","role":"user"}]}"#);
    }

    #[test]
    fn schemas_keep_their_order_and_extra_is_added() {
        let body = encode_json(
            r#"{"model":"m","tools":[{"name":"t","parameters":{"z":1,"a":2}}],"tool_choice":{"named":"t"},
                "response_format":{"type":"json_schema","name":"r","schema":{"y":1,"b":2},"strict":true},
                "temperature":0.5,"max_output_tokens":7,"stop":["x"],"seed":3,"extra":{"top_k":1,"max_tokens":9}}"#,
            &[HELLO],
        )
        .unwrap();
        let expected = [
            r#""tools":[{"type":"function","function":{"name":"t","parameters":{"z":1,"a":2}}}]"#,
            r#""tool_choice":{"function":{"name":"t"},"type":"function"}"#,
            r#""response_format":{"type":"json_schema","json_schema":{"name":"r","schema":{"y":1,"b":2},"strict":true}}"#,
            r#""temperature":0.5,"max_tokens":9,"stop":["x"],"seed":3,"top_k":1}"#,
        ];
        for part in expected {
            assert!(body.contains(part), "{part} in {body}");
        }
    }

    #[test]
    fn pictures_of_tools_follow_the_last_answer() {
        let body = encode_json(
            r#"{"model":"m"}"#,
            &[
                r#"{"role":"assistant","tool_calls":[{"id":"1","name":"t","arguments":{"b":1}},{"id":"2","name":"t","arguments":"oops"}]}"#,
                r#"{"role":"tool","call_id":"1","content":[{"type":"image","media_type":"image/png","base64":"AA=="}],"is_error":false}"#,
                r#"{"role":"tool","call_id":"2","content":[{"type":"text","text":"no"}],"is_error":true}"#,
                HELLO,
            ],
        )
        .unwrap();
        let body: Value = serde_json::from_str(&body).unwrap();
        let roles: Vec<_> = body["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["assistant", "tool", "tool", "user", "user"]);
        assert_eq!(body["messages"][0]["content"], Value::Null);
        assert_eq!(body["messages"][0]["tool_calls"][0]["function"]["arguments"], r#"{"b":1}"#);
        assert_eq!(body["messages"][0]["tool_calls"][1]["function"]["arguments"], "oops");
        assert_eq!(body["messages"][2]["content"], "The tool failed: no");
        assert_eq!(body["messages"][3]["content"][1]["image_url"]["url"], "data:image/png;base64,AA==");
    }

    #[test]
    fn refuses_what_no_provider_takes() {
        for (head, problem) in [
            (r#"{"model":"m","temperature":2.1}"#, "temperature"),
            (r#"{"model":"m","top_p":-1}"#, "top-p"),
            (r#"{"model":"m","max_output_tokens":0}"#, "max-output-tokens"),
            (r#"{"model":"m","tools":[{"name":"a b","parameters":{}}]}"#, "no name of a tool"),
            (r#"{"model":"m","tools":[{"name":"a","parameters":[]}]}"#, "must be a JSON object"),
            (r#"{"model":"m","tool_choice":"required"}"#, "no tools"),
            (r#"{"model":"m","tool_choice":{"named":"x"}}"#, "does not have"),
            (r#"{"model":"m","extra":[]}"#, "`extra` must be"),
            (r#"{"model":"m","extra":{"stream":true}}"#, "`stream`"),
            (r#"{"model":"m","extra":{"model":"other"}}"#, "`model`"),
        ] {
            let failure = encode_json(head, &[HELLO]).unwrap_err();
            assert_eq!((failure.code.as_str(), failure.retryable), ("invalid-request", false));
            assert!(failure.message.contains(problem), "{}", failure.message);
        }
        assert!(encode_json(r#"{"model":"m"}"#, &[]).unwrap_err().message.contains("empty"));
    }
}
