//! The file of a scripted language model, and which of its rules answers a request. No IO but reading the file.

use std::path::Path;

use abide_model::{Error, ErrorCode, Json};
use serde::Deserialize;
use serde_json::Value;

/// A scripted language model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Looked at in order.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it answers to; `{}` is anything.
    #[serde(default)]
    pub when: When,
    /// What it answers.
    pub answer: Answer,
    /// How long it thinks.
    #[serde(default)]
    pub delay_ms: u64,
    /// Whether it fails at first.
    #[serde(default)]
    pub fail_first: Option<FailFirst>,
}

/// What a rule answers to: all members that are given must match.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Who the last message is from.
    pub last_role: Option<Role>,
    /// A part of the text of the last message.
    pub last_contains: Option<String>,
    /// A part of the text of any message.
    pub contains: Option<String>,
    /// How many messages are from the model.
    pub assistant_turns: Option<usize>,
}

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// A tool.
    Tool,
}

/// What a rule answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// A text.
    pub text: Option<String>,
    /// Tools that it asks for.
    pub tool_calls: Vec<ToolCall>,
}

/// A tool that an answer asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub arguments: Json,
}

/// The first requests that a rule answers fail. Requests with the same `Idempotency-Key` are attempts of one call and are counted by
/// themselves, so that each call fails so often, however many there are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailFirst {
    /// The status, 400 to 599.
    pub status: u16,
    /// What `Retry-After` says, in seconds.
    #[serde(default)]
    pub retry_after_s: Option<u64>,
    /// How often.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

impl Script {
    /// Reads and checks a file.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Error::new(ErrorCode::InvalidConfig, format!("`{}` cannot be read: {error}", file.display()))
        })?;
        Self::parse(&text)
            .map_err(|error| Error { message: format!("`{}`: {}", file.display(), error.message), ..error })
    }

    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |problem: String| Error::new(ErrorCode::InvalidConfig, problem);
        let script: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if script.rules.is_empty() {
            return Err(wrong("`rules` is empty: give one at least".to_owned()));
        }
        for (place, rule) in script.rules.iter().enumerate() {
            if rule.answer.text.is_none() && rule.answer.tool_calls.is_empty() {
                return Err(wrong(format!("`rules[{place}].answer` is empty: give `text` or `tool_calls`")));
            }
            for call in &rule.answer.tool_calls {
                if call.name.is_empty() || !call.arguments.as_str().trim_start().starts_with('{') {
                    return Err(wrong(format!(
                        "`rules[{place}].answer.tool_calls` must have a `name`, and `arguments` that are an object"
                    )));
                }
            }
            if let Some(fail) = &rule.fail_first
                && !(400..600).contains(&fail.status)
            {
                return Err(wrong(format!("`rules[{place}].fail_first.status` must be from 400 to 599")));
            }
        }
        Ok(script)
    }

    /// The first rule that matches, with its place.
    pub(crate) fn find(&self, messages: &[Value]) -> Option<(usize, &Rule)> {
        self.rules.iter().enumerate().find(|(_, rule)| rule.when.matches(messages))
    }
}

impl When {
    fn matches(&self, messages: &[Value]) -> bool {
        let last = messages.last();
        let role = |message: &Value, role: Role| message.get("role").and_then(Value::as_str) == Some(role.as_str());
        self.last_role.is_none_or(|wanted| last.is_some_and(|message| role(message, wanted)))
            && self.last_contains.as_ref().is_none_or(|part| last.is_some_and(|message| text(message).contains(part)))
            && self.contains.as_ref().is_none_or(|part| messages.iter().any(|message| text(message).contains(part)))
            && self.assistant_turns.is_none_or(|turns| turns == assistant_turns(messages))
    }
}

/// How many messages are from the model.
pub(crate) fn assistant_turns(messages: &[Value]) -> usize {
    messages.iter().filter(|message| message.get("role").and_then(Value::as_str) == Some("assistant")).count()
}

/// The text of a message: its content, or the texts of its parts.
pub(crate) fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_rule_that_matches_answers() {
        let script = Script::parse(
            r#"{"rules":[
                {"when":{"last_role":"tool","last_contains":"rain"},"answer":{"text":"0"}},
                {"when":{"contains":"weather","assistant_turns":1},"answer":{"text":"1"}},
                {"when":{"contains":"weather"},"answer":{"tool_calls":[{"name":"look","arguments":{}}]}}]}"#,
        )
        .unwrap();
        let place = |messages: Value| script.find(messages.as_array().unwrap()).map(|(place, _)| place);
        let user = json!({ "role": "user", "content": [{ "type": "text", "text": "the weather?" }] });
        let assistant = json!({ "role": "assistant", "content": null });
        assert_eq!(place(json!([user])), Some(2));
        assert_eq!(place(json!([user, assistant, { "role": "tool", "content": "rain" }])), Some(0));
        assert_eq!(place(json!([user, assistant, { "role": "tool", "content": "sun" }])), Some(1));
        assert_eq!(place(json!([{ "role": "user", "content": "hi" }])), None);
    }

    #[test]
    fn a_file_is_checked() {
        for (text, problem) in [
            ("{", "EOF"),
            (r#"{"rules":[]}"#, "give one at least"),
            (r#"{"rules":[{"answer":{}}]}"#, "`rules[0].answer` is empty"),
            (r#"{"rules":[{"answer":{"text":"x"},"wehn":{}}]}"#, "unknown field `wehn`"),
            (r#"{"rules":[{"when":{"last_role":"me"},"answer":{"text":"x"}}]}"#, "unknown variant `me`"),
            (r#"{"rules":[{"answer":{"tool_calls":[{"name":"x","arguments":[]}]}}]}"#, "are an object"),
            (r#"{"rules":[{"answer":{"text":"x"},"fail_first":{"status":200}}]}"#, "400 to 599"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert!(error.message.contains(problem), "{}", error.message);
        }
    }
}
