//! An answer of Chat Completions. Whatever a provider sends ends in an answer or in a clear failure.

use abide_model::Json;
use abide_model::llm::{AssistantMessage, FinishReason, GenerateResponse, ToolCall, Usage};
use serde_json::Value;

use super::refusal;
use crate::quote::Redactor;
use crate::trouble::Trouble;

/// Reads the body of a successful answer. `provider` is its key in the configuration.
pub(crate) fn decode(
    body: &[u8],
    provider: &str,
    model: &str,
    redactor: &Redactor,
) -> Result<GenerateResponse, Trouble> {
    let bad = |problem: String| Trouble::passing("invalid-response", format!("`{provider}` answered with {problem}"));
    let value: Value = serde_json::from_slice(body).map_err(|error| bad(not_json(body, &error)))?;
    if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
        // Some gateways send the provider's error with the status 200.
        return Err(refusal::within_answer(error, provider, redactor));
    }
    let choice = value.get("choices").and_then(|choices| choices.get(0));
    let Some(choice) = choice else {
        return Err(bad("JSON that has no `choices`".to_owned()));
    };
    let Some(message) = choice.get("message").filter(|message| message.is_object()) else {
        return Err(bad("a choice that has no `message`".to_owned()));
    };
    let tool_calls = tool_calls(message).map_err(bad)?;
    let refused = message.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty());
    let text = match text(message).map_err(bad)? {
        // An empty text beside calls for tools says nothing.
        Some(text) if text.is_empty() && !tool_calls.is_empty() => None,
        None => refused.map(str::to_owned),
        text => text,
    };
    let finish_reason = match choice.get("finish_reason").and_then(Value::as_str) {
        _ if refused.is_some() => FinishReason::ContentFilter,
        Some("length") => FinishReason::Length,
        Some("content_filter") => FinishReason::ContentFilter,
        // Several servers say `stop` there.
        _ if !tool_calls.is_empty() => FinishReason::ToolCalls,
        Some("stop") => FinishReason::Stop,
        Some("tool_calls" | "function_call") => {
            return Err(bad("a call for tools that names none".to_owned()));
        }
        _ => FinishReason::Other,
    };
    let answered = value.get("model").and_then(Value::as_str).filter(|name| !name.is_empty());
    Ok(GenerateResponse {
        message: AssistantMessage { text, tool_calls },
        finish_reason,
        usage: value.get("usage").and_then(usage),
        model: answered.unwrap_or(model).to_owned(),
    })
}

/// The tokens that an answer says, which cannot be used otherwise. They are paid for all the same.
pub(super) fn usage_within(body: &[u8]) -> Option<Usage> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.get("usage").and_then(usage)
}

/// What came instead of JSON.
fn not_json(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let begins = text.trim_start().to_ascii_lowercase();
    if body.is_empty() {
        "nothing".to_owned()
    } else if begins.starts_with('<') {
        "an HTML page: is `base_url` right?".to_owned()
    } else if begins.starts_with("data:") {
        "a stream of events, which was not asked for".to_owned()
    } else if error.is_eof() {
        format!("JSON that breaks off after {} bytes", body.len())
    } else {
        format!("no JSON (line {}, column {})", error.line(), error.column())
    }
}

/// The text of a message: a string, or a list of parts.
fn text(message: &Value) -> Result<Option<String>, String> {
    match message.get("content") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            Ok(Some(texts.collect()))
        }
        Some(_) => Err("a message whose `content` is no text".to_owned()),
    }
}

fn tool_calls(message: &Value) -> Result<Vec<ToolCall>, String> {
    let calls = match message.get("tool_calls") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(calls)) => calls,
        Some(_) => return Err("`tool_calls` that are no list".to_owned()),
    };
    calls
        .iter()
        .enumerate()
        .map(|(place, call)| {
            let function = call.get("function").unwrap_or(&Value::Null);
            let name = function.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
            let name = name.ok_or("a call for a tool that has no name")?.to_owned();
            let id = call.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
            Ok(ToolCall {
                // Some local servers give none, yet the answer has to name one.
                id: id.map_or_else(|| format!("call_{place}"), str::to_owned),
                name,
                arguments: arguments(function.get("arguments")),
            })
        })
        .collect()
}

/// Arguments are a text that should be JSON. One that is not is kept as a JSON string: the guest may show it to the model.
fn arguments(value: Option<&Value>) -> Json {
    match value {
        None | Some(Value::Null) => Json::from(&serde_json::json!({})),
        Some(Value::String(text)) if text.trim().is_empty() => Json::from(&serde_json::json!({})),
        Some(Value::String(text)) => {
            Json::parse(text.as_str()).unwrap_or_else(|_| Json::from(&Value::String(text.clone())))
        }
        Some(other) => Json::from(other),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |value: Option<&Value>| value.and_then(Value::as_u64);
    let cached = usage.get("prompt_tokens_details").and_then(|details| details.get("cached_tokens"));
    Some(Usage {
        input_tokens: count(usage.get("prompt_tokens"))?,
        output_tokens: count(usage.get("completion_tokens")).unwrap_or(0),
        cached_input_tokens: count(cached).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<GenerateResponse, Trouble> {
        decode(body.as_bytes(), "llm.x", "asked", &Redactor::default())
    }

    #[test]
    fn a_usual_answer() {
        let answer = read(
            r#"{"model":"m-1","choices":[{"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}],
                "usage":{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4}}}"#,
        )
        .unwrap();
        assert_eq!(answer.message.text.as_deref(), Some("hi"));
        assert_eq!(answer.finish_reason, FinishReason::Stop);
        assert_eq!(answer.model, "m-1");
        assert_eq!(answer.usage, Some(Usage { input_tokens: 5, output_tokens: 1, cached_input_tokens: 4 }));
    }

    #[test]
    fn calls_for_tools_are_read_with_care() {
        let answer = read(
            r#"{"choices":[{"finish_reason":"stop","message":{"content":"","tool_calls":[
                {"id":"a","function":{"name":"f","arguments":"{\"b\": 1}"}},
                {"function":{"name":"f","arguments":"{broken"}},
                {"id":"","function":{"name":"f","arguments":""}},
                {"id":"d","function":{"name":"f","arguments":{"c":2}}}]}}],"usage":{"prompt_tokens":-1}}"#,
        )
        .unwrap();
        assert_eq!(answer.finish_reason, FinishReason::ToolCalls);
        assert_eq!(answer.message.text, None);
        let calls: Vec<_> =
            answer.message.tool_calls.iter().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
        assert_eq!(calls, [("a", r#"{"b": 1}"#), ("call_1", r#""{broken""#), ("call_2", "{}"), ("d", r#"{"c":2}"#)]);
        assert_eq!(answer.usage, None);
        assert_eq!(answer.model, "asked");
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let answer =
            read(r#"{"choices":[{"finish_reason":"stop","message":{"content":null,"refusal":"no"}}]}"#).unwrap();
        assert_eq!(answer.message.text.as_deref(), Some("no"));
        assert_eq!(answer.finish_reason, FinishReason::ContentFilter);
    }

    #[test]
    fn hostile_answers_are_clear_failures() {
        let deep = "[".repeat(100_000);
        for (body, problem) in [
            ("", "nothing"),
            ("<!DOCTYPE html><html>", "HTML page"),
            ("data: {}\n\n", "stream of events"),
            (r#"{"choices":[{"mess"#, "breaks off after 18 bytes"),
            ("{nope}", "no JSON (line 1"),
            ("[]", "no `choices`"),
            ("null", "no `choices`"),
            (r#"{"choices":{}}"#, "no `choices`"),
            (r#"{"choices":[]}"#, "no `choices`"),
            (r#"{"choices":[{}]}"#, "no `message`"),
            (r#"{"choices":[{"message":"hi"}]}"#, "no `message`"),
            (r#"{"choices":[{"message":{"content":7}}]}"#, "no text"),
            (r#"{"choices":[{"message":{"tool_calls":{}}}]}"#, "no list"),
            (r#"{"choices":[{"message":{"tool_calls":[{}]}}]}"#, "no name"),
            (r#"{"choices":[{"message":{"tool_calls":[7]}}]}"#, "no name"),
            (r#"{"choices":[{"finish_reason":"tool_calls","message":{}}]}"#, "names none"),
            (&deep, "no JSON"),
        ] {
            let trouble = read(body).unwrap_err();
            assert_eq!(
                (trouble.failure.code.as_str(), trouble.failure.retryable),
                ("invalid-response", true),
                "{body}"
            );
            assert!(trouble.failure.message.contains(problem), "{}", trouble.failure.message);
        }
    }

    #[test]
    fn what_an_answer_cost_is_known_even_if_it_is_of_no_use() {
        let body = br#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}"#;
        assert!(decode(body, "llm.x", "asked", &Redactor::default()).is_err());
        let usage = usage_within(body).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (5, 1));
        assert_eq!(usage_within(b"{}"), None);
    }

    #[test]
    fn an_error_with_the_status_of_success() {
        let trouble = read(r#"{"error":{"code":502,"message":"upstream"}}"#).unwrap_err();
        assert_eq!((trouble.failure.code.as_str(), trouble.failure.retryable), ("unavailable", true));
        let trouble = read(r#"{"error":"odd"}"#).unwrap_err();
        assert_eq!((trouble.failure.code.as_str(), trouble.failure.retryable), ("provider-error", false));
    }
}
