//! Outcomes that somebody makes up: whether a call could have come back with one. A guest that is given another one finds a failure
//! where it looks for a result, or stops.

use abide_model::http::FetchResponse;
use abide_model::llm::GenerateResponse;
use abide_model::others::ChildStarted;
use abide_model::tools::{Tool, ToolResult};
use abide_model::{CallKind, Json, Outcome};
use serde::de::DeserializeOwned;

use crate::{Program, convert, typed};

impl Program {
    /// Why `outcome` is none that a call of `kind`, made by this component with `request`, comes back with.
    pub fn check_outcome(&self, kind: CallKind, request: &Json, outcome: &Outcome) -> Result<(), String> {
        match (kind, outcome) {
            (CallKind::ActivitiesCall, _) => {
                let call = request.read().map_err(|error| format!("the request cannot be read: {error}"))?;
                typed::check_outcome(self.component(), &call, outcome)
            }
            (_, Outcome::Ok(value)) => of_kind(kind, value),
            (CallKind::TimerSleep, Outcome::Failed(_)) => Err("a timer does not fail".to_owned()),
            (_, Outcome::Failed(_)) => Ok(()),
        }
    }
}

/// Whether a value is what a call of this kind gives.
fn of_kind(kind: CallKind, value: &Json) -> Result<(), String> {
    match kind {
        CallKind::LlmGenerate => fits::<GenerateResponse>(
            value,
            r#"{"message": {"text": "…", "tool_calls": []}, "finish_reason": "stop", "model": "…"}"#,
        )
        .map(drop),
        CallKind::ToolsList => {
            fits::<Vec<Tool>>(value, r#"[{"provider": "…", "name": "…", "input_schema": {}}]"#).map(drop)
        }
        CallKind::ToolsCall => fits::<ToolResult>(
            value,
            r#"{"content": [{"type": "text", "text": "…"}], "structured": {}, "is_error": false}"#,
        )
        .map(drop),
        CallKind::HttpFetch => {
            const EXAMPLE: &str =
                r#"{"status": 200, "headers": [["content-type", "text/plain"]], "body": {"text": "…"}}"#;
            let response = fits::<FetchResponse>(value, EXAMPLE)?;
            convert::body_bytes(response.body).map(drop).map_err(|error| format!("the body is no base64: {error}"))
        }
        CallKind::TimerSleep => fits::<u64>(value, "the time at which it rang, in milliseconds").map(drop),
        CallKind::ChildrenStart => fits::<ChildStarted>(value, r#"{"id": "…", "run_id": "run_…"}"#).map(drop),
        CallKind::RunsSignal | CallKind::RunsCancel => fits::<()>(value, "null").map(drop),
        // Whatever a child gives.
        CallKind::ChildrenResult => Ok(()),
        CallKind::ActivitiesCall => Err("its form depends on the function".to_owned()),
        CallKind::SignalsReceive | CallKind::UpdatesReceive | CallKind::CancellationRequested => {
            Err("another event of the history brings its outcome".to_owned())
        }
    }
}

fn fits<T: DeserializeOwned>(value: &Json, example: &str) -> Result<T, String> {
    let wrong = |error| format!("{error}; it looks like {example}");
    // An object without fields that it should have is not `null`, nor is an array one.
    let found = value.read::<serde_json::Value>().map_err(wrong)?;
    if found.is_array() != example.starts_with('[') {
        return Err(format!("it looks like {example}"));
    }
    value.read::<T>().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_comes_back_with_fits_and_other_values_do_not() {
        let kinds = [
            (CallKind::LlmGenerate, r#"{"message": {"text": "hi"}, "finish_reason": "stop", "model": "m"}"#),
            (CallKind::ToolsList, r#"[{"provider": "p", "name": "n", "input_schema": {}}]"#),
            (CallKind::ToolsCall, r#"{"content": [{"type": "text", "text": "hi"}]}"#),
            (CallKind::HttpFetch, r#"{"status": 200, "body": {"base64": "aGk="}}"#),
            (CallKind::TimerSleep, "1700000000000"),
            (CallKind::ChildrenStart, r#"{"id": "a", "run_id": "run_01hf7yat000000000000000001"}"#),
            (CallKind::RunsSignal, "null"),
            (CallKind::RunsCancel, "null"),
        ];
        let json = |text: &str| Json::parse(text).unwrap();
        for (kind, fine) in kinds {
            of_kind(kind, &json(fine)).unwrap();
            for wrong in ["\"hi\"", "[1]", "{\"status\": 200, \"body\": {\"base64\": \"%\"}}"] {
                let refused = of_kind(kind, &json(wrong));
                // All that a tool says may be left out.
                assert!(refused.is_err() || (kind == CallKind::ToolsCall && wrong.starts_with('{')), "{kind}: {wrong}");
            }
        }
        of_kind(CallKind::ChildrenResult, &json("[1]")).unwrap();
        let wrong = of_kind(CallKind::LlmGenerate, &json("{}")).unwrap_err();
        assert!(wrong.contains("missing field `message`") && wrong.contains("finish_reason"), "{wrong}");
    }
}
