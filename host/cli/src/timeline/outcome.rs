//! What a call came back with, in a few words.

use abide_model::{CallKind, Json};
use serde_json::Value;

use super::text::{json, plain, quoted};

/// The outcome of a call of that kind.
pub(super) fn summary(kind: Option<CallKind>, outcome: &Json) -> String {
    let Ok(value) = outcome.read::<Value>() else { return json(outcome) };
    let told = match kind {
        Some(CallKind::LlmGenerate) => answer(&value),
        Some(CallKind::ToolsList) => tools(&value),
        Some(CallKind::ToolsCall) => tool(&value),
        Some(CallKind::HttpFetch) => fetched(&value),
        // The time, which stands in front of the line.
        Some(CallKind::TimerSleep) => Some("rang".to_owned()),
        Some(CallKind::UpdatesReceive) => value["id"].as_str().map(|id| format!("update {}", plain(id))),
        Some(CallKind::ChildrenStart) => value["run_id"].as_str().map(plain),
        Some(CallKind::RunsSignal | CallKind::RunsCancel) => Some("done".to_owned()),
        Some(
            CallKind::ChildrenResult
            | CallKind::SignalsReceive
            | CallKind::CancellationRequested
            | CallKind::ActivitiesCall,
        )
        | None => None,
    };
    told.unwrap_or_else(|| json(outcome))
}

fn answer(value: &Value) -> Option<String> {
    let message = value.get("message")?;
    let text = message["text"].as_str().map(quoted);
    let calls = message["tool_calls"].as_array().into_iter().flatten().filter_map(|call| {
        Some(format!("asks for {} {}", plain(call["name"].as_str()?), plain(&call["arguments"].to_string())))
    });
    Some(text.into_iter().chain(calls).collect::<Vec<_>>().join(", "))
}

fn tools(value: &Value) -> Option<String> {
    let names: Vec<_> = value.as_array()?.iter().filter_map(|tool| tool["name"].as_str().map(plain)).collect();
    Some(format!("{} tools: {}", names.len(), names.join(", ")))
}

fn tool(value: &Value) -> Option<String> {
    let parts = value["content"].as_array().into_iter().flatten();
    let texts: Vec<_> = parts.filter_map(|part| part["text"].as_str()).collect();
    let told = match &value["structured"] {
        Value::Null => texts.join(" "),
        structured => structured.to_string(),
    };
    let error = if value["is_error"] == true { "the tool failed: " } else { "" };
    Some(format!("{error}{}", plain(&told)))
}

fn fetched(value: &Value) -> Option<String> {
    let body = value["body"]["text"].as_str().map_or_else(|| "[bytes]".to_owned(), plain);
    Some(format!("{} {body}", value["status"].as_u64()?))
}
