//! What a call asks for, in a few words.

use abide_model::{CallKind, Json};
use serde_json::Value;

use super::text::{json, plain, quoted};
use crate::when;

/// The request of a call. Where it is not as expected (of another release, say), it is shown as it is.
pub(super) fn summary(kind: CallKind, request: &Json) -> String {
    let Ok(value) = request.read::<Value>() else { return json(request) };
    let told = match kind {
        CallKind::LlmGenerate => conversation(&value),
        CallKind::ToolsList => Some(value["provider"].as_str().map_or_else(|| "of all providers".to_owned(), plain)),
        CallKind::ToolsCall => tool(&value),
        CallKind::HttpFetch => fetch(&value),
        CallKind::TimerSleep => timer(&value),
        CallKind::SignalsReceive | CallKind::UpdatesReceive => value["name"].as_str().map(plain),
        CallKind::CancellationRequested => Some(String::new()),
        CallKind::ChildrenStart => child(&value),
        CallKind::ChildrenResult => value["run_id"].as_str().map(plain),
        CallKind::RunsSignal => signal(&value),
        CallKind::RunsCancel => value["run"].as_str().map(plain),
        CallKind::ActivitiesCall => activity(&value),
    };
    told.unwrap_or_else(|| json(request))
}

fn conversation(value: &Value) -> Option<String> {
    let messages = value["messages"].as_array()?;
    let last = said(messages.last()?);
    let count = match messages.len() {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    };
    let model = match value["model"].as_str().unwrap_or_default() {
        "" => String::new(),
        model => format!("{} ", plain(model)),
    };
    Some(format!("{model}({count}) {last}"))
}

/// What a message says, whoever sent it.
fn said(message: &Value) -> String {
    if let Some(text) = message["text"].as_str() {
        return quoted(text);
    }
    let parts = message["content"].as_array().into_iter().flatten();
    let told: Vec<_> = parts.map(|part| part["text"].as_str().map_or_else(|| "[image]".to_owned(), quoted)).collect();
    told.join(" ")
}

fn tool(value: &Value) -> Option<String> {
    let (provider, name) = (value["provider"].as_str()?, value["name"].as_str()?);
    Some(format!("{}/{} {}", plain(provider), plain(name), plain(&value["arguments"].to_string())))
}

/// Such as `acme:crm/customers.find {"name":"Ada"}`: the version says nothing that a reader of the line wants to know.
fn activity(value: &Value) -> Option<String> {
    let (interface, function) = (value["interface"].as_str()?, value["function"].as_str()?);
    let interface = interface.split_once('@').map_or(interface, |(path, _)| path);
    Some(plain(&format!("{interface}.{function} {}", value["arguments"])))
}

fn fetch(value: &Value) -> Option<String> {
    Some(plain(&format!("{} {}", value["method"].as_str()?, value["url"].as_str()?)))
}

fn child(value: &Value) -> Option<String> {
    let id = value["id"].as_str().map(|id| format!(" {id}")).unwrap_or_default();
    Some(plain(&format!("{}{id} {}", value["workflow"].as_str()?, value["input"])))
}

fn signal(value: &Value) -> Option<String> {
    Some(plain(&format!("{} to {} {}", value["name"].as_str()?, value["run"].as_str()?, value["payload"])))
}

fn timer(value: &Value) -> Option<String> {
    match (value["duration_ms"].as_u64(), value["until_ms"].as_u64()) {
        (Some(duration_ms), _) => Some(format!("for {}", when::span(duration_ms))),
        (None, Some(until_ms)) => Some(format!("until {}", when::date(until_ms))),
        (None, None) => None,
    }
}
