//! Values that several tests hold against the document, and how they do it.

use abide_history::Version;
use abide_model::{
    Attributes, CallUsage, CallerId, Configuration, Currency, Digest, Failure, ForkedFrom, HeldBack, Json, Manifest,
    Micros, Money, Outcome, Parent, ParkKind, ParkReason, Run, RunId, RunStatus, Tokens, WorkflowName,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::DOCUMENT;
use super::schema::check;

pub(super) fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap()
}

#[track_caller]
pub(super) fn fits(name: &str, value: &impl Serialize) {
    let document = document();
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    check(&document, &schema, &serde_json::to_value(value).unwrap(), name).unwrap();
}

pub(super) fn text(text: &str) -> Json {
    Json::parse(text).unwrap()
}

pub(super) fn failure() -> Outcome {
    let details = Some(text("{\"a\":1}"));
    Outcome::Failed(Failure { details, ..Failure::retryable("rate-limited", "too many requests") })
}

pub(super) fn reason() -> ParkReason {
    let backtrace = vec!["run".to_owned()];
    ParkReason { kind: ParkKind::GuestError, message: "it broke".to_owned(), event: Some(3), backtrace }
}

pub(super) fn usage() -> CallUsage {
    CallUsage {
        model: Some("gpt-5".to_owned()),
        tokens: Some(Tokens { input: 3, cached_input: 2, output: 1 }),
        cost: Some(Money { amount: Micros(1_500_000), currency: Currency::parse("USD").unwrap() }),
        uncounted_attempts: 1,
        ..CallUsage::of("llm.openai")
    }
}

pub(super) fn parent() -> Parent {
    Parent { run_id: RunId::new(1, 1), child: RunId::new(2, 2) }
}

pub(super) fn run() -> Run {
    Run {
        run_id: RunId::new(1_700_000_000_000, 7),
        id: CallerId::parse("ticket-7").unwrap(),
        workflow: WorkflowName::parse("helpdesk").unwrap(),
        version: Digest::of(b"a"),
        status: RunStatus::Parked,
        started_ms: 1,
        closed_ms: Some(2),
        outcome: Some(failure()),
        parked: Some(reason()),
        cancel_requested: false,
        parent: Some(parent()),
        continued_as: Some(parent().child),
        continued_from: Some(parent().child),
        has_children: None,
        attributes: attributes(),
        pinned: Some(true),
        forked_from: Some(ForkedFrom { run_id: parent().run_id, event: 4, root: parent().child }),
        fork_race: Some(parent().child),
        budget_warning: Some("tokens".to_owned()),
        parked_for_day: Some(abide_model::Day(20_000)),
        held_back: Some(HeldBack { version: Digest::of(b"c"), reason: reason() }),
    }
}

pub(super) fn attributes() -> Attributes {
    let every_sort = json!({"customer": "acme", "amount": 1.5, "urgent": true, "tags": ["a", "b"]});
    serde_json::from_value(every_sort).unwrap()
}

pub(super) fn version() -> Version {
    Version {
        workflow: run().workflow,
        version: Digest::of(b"a"),
        uploaded_ms: 1,
        size_bytes: 2,
        imports: vec!["abide:workflow/llm@0.1.0".to_owned()],
        has_query: true,
        configuration: Some(configuration()),
        labels: serde_json::from_value(json!(["stable", "v1.2"])).unwrap(),
        deactivated_ms: Some(3),
        manifest: Some(manifest()),
    }
}

pub(super) fn manifest() -> Manifest {
    Manifest::parse(r#"{"asks":["llm:openai/*","env:LANG"]}"#).unwrap()
}

pub(super) fn configuration() -> Configuration {
    Configuration { environment: [("A".to_owned(), "b".to_owned())].into(), arguments: vec!["c".to_owned()] }
}
