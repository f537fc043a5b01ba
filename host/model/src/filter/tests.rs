//! Filters, good and bad, with what they should mean.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Attributes, CallerId, Digest, ErrorCode, ParkKind, ParkReason, RunId, WorkflowName};

/// 2026-11-22T20:30:14Z.
const NOW_MS: u64 = 1_795_379_414_000;
const HOUR_MS: u64 = 3_600_000;

fn run(status: RunStatus) -> Run {
    let attributes: Attributes = serde_json::from_value(json!({
        "customer": "acme", "amount": 12.5, "urgent": true, "due": "2026-11-01T00:00:00Z", "tags": ["red", "blue"]
    }))
    .unwrap();
    let reason = ParkReason { kind: ParkKind::Trap, message: String::new(), event: None, backtrace: Vec::new() };
    Run {
        run_id: RunId::new(NOW_MS, 1),
        id: CallerId::parse("ticket-17").unwrap(),
        workflow: WorkflowName::parse("helpdesk").unwrap(),
        version: Digest::of(b"component"),
        status,
        started_ms: NOW_MS - 5 * HOUR_MS,
        closed_ms: (!status.is_open()).then_some(NOW_MS - HOUR_MS),
        outcome: None,
        parked: (status == RunStatus::Parked).then_some(reason),
        cancel_requested: false,
        parent: None,
        continued_as: None,
        continued_from: None,
        has_children: None,
        pinned: None,
        held_back: None,
        attributes,
        forked_from: None,
        fork_race: None,
        budget_warning: None,
        parked_for_day: None,
    }
}

fn matches(text: &str, run: &Run) -> bool {
    Filter::parse(text, NOW_MS).unwrap_or_else(|error| panic!("{text}: {error}")).matches(run)
}

#[test]
fn what_filters_mean() {
    let completed = run(RunStatus::Completed);
    for (text, expected) in [
        ("status = 'completed'", true),
        ("status = 'running'", false),
        ("status != 'running'", true),
        ("status in ('running', 'completed')", true),
        ("status not in ('running', 'completed')", false),
        ("workflow = 'helpdesk' and id = 'ticket-17'", true),
        ("workflow starts_with 'help'", true),
        ("id starts_with 'ticket-2'", false),
        ("id > 'ticket-1' and id < 'ticket-2'", true),
        ("started > -24h", true),
        ("started > -4h", false),
        ("started >= '2026-11-22' and started < '2026-11-23'", true),
        ("started > '2026-11-22T16:30:14+01:00'", false),
        ("started >= '2026-11-22T16:30:14+01:00'", true),
        ("closed > -61m", true),
        ("closed = null", false),
        ("closed != null", true),
        ("parked = null", true),
        ("parked = 'trap'", false),
        ("parked != 'trap'", true),
        ("customer = 'acme'", true),
        ("customer != 'acme'", false),
        ("customer > 'aaa' and customer < 'b'", true),
        ("customer starts_with 'ac'", true),
        ("customer = 5", false),
        ("customer != 5", true),
        ("customer in (5, 'acme')", true),
        ("amount = 12.5", true),
        ("amount > 12 and amount <= 12.5", true),
        ("amount > '12'", false),
        ("amount = -12.5", false),
        ("urgent = true", true),
        ("urgent = false", false),
        ("due < '2026-11-02'", true),
        ("due = '2026-11-01T01:00:00+01:00'", true),
        ("due > -1w", false),
        ("due > -30d", true),
        ("tags = 'red'", true),
        ("tags = 'green'", false),
        ("tags in ('green', 'blue')", true),
        ("tags starts_with 'bl'", true),
        ("nothing = 'x'", false),
        ("nothing != 'x'", true),
        ("nothing < 'x' or nothing > 'x'", false),
        ("nothing = null", true),
        ("customer = null", false),
        ("not status = 'completed'", false),
        ("not (status = 'running' or customer = 'other')", true),
        ("status = 'running' or customer = 'acme' and urgent = false", false),
        ("(status = 'running' or customer = 'acme') and urgent = true", true),
        ("not not urgent = true", true),
        ("  status='completed'and(urgent=true)\n", true),
        ("customer = 'it''s'", false),
    ] {
        assert_eq!(matches(text, &completed), expected, "{text}");
    }
    let parked = run(RunStatus::Parked);
    assert!(matches("parked = 'trap' and status = 'parked' and closed = null", &parked));
    assert!(!matches("closed > '1970-01-01'", &parked), "what is not there is greater than nothing");
    let hex = completed.version.hex();
    for (text, expected) in [
        (format!("version = '{hex}'"), true),
        (format!("version = 'sha256:{}'", &hex[..8]), true),
        (format!("version = '{}'", &hex[..7]), false),
        (format!("version != '{}'", &hex[..12]), false),
        (format!("version starts_with '{}'", &hex[..2]), true),
    ] {
        assert_eq!(matches(&text, &completed), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_column() {
    let deep = format!("{}a = 1{}", "(".repeat(33), ")".repeat(33));
    let long = format!("a = '{}'", "x".repeat(MAX_BYTES));
    for (text, says) in [
        (
            "",
            "column 1: expected a field (status, workflow, id, version, started, closed, parked or the name of an attribute), and found the end",
        ),
        ("status", "column 7: expected one of = != < <= > >= in starts_with, and found the end"),
        ("status =", "column 9: expected a value"),
        ("status = running", "column 10: expected a value: a text between single quotes"),
        ("status = 'runing'", "column 10: `runing` is no status of a run: give one of running, parked"),
        ("status < 'running'", "column 8: `status` has no order: use = != in"),
        ("status starts_with 'r'", "column 8: `status` is no text that begins with something"),
        ("parked = 'trapped'", "column 10: a run is parked for one of divergence, trap"),
        ("started > 'yesterday'", "column 11: `started` is a time: write '2026-11-01'"),
        ("started > 5", "column 11: `started` is a time"),
        (
            "started > 2026-11-01",
            "column 11: `2026-11-01` is neither a number nor a time ago such as `-24h`; a date stands between quotes",
        ),
        ("id = 5", "column 6: `id` is a text"),
        ("closed < null", "column 8: nothing is less or greater than `null`"),
        ("Status = 'x'", "column 1: expected a field"),
        ("run_id = 'x'", "column 1: expected a field"),
        ("customer = \"acme\"", "column 12: a text stands between single quotes, as in 'acme'"),
        ("customer = 'acme", "column 12: the text that begins here has no quote at its end"),
        ("é = 1", "column 1: `é` means nothing here"),
        ("a = 'é' & b = 1", "column 9: `&` means nothing here"),
        ("a = 1 b = 2", "column 7: expected `and`, `or` or the end, and found `b`"),
        ("a = 1 and", "column 10: expected a field"),
        ("(a = 1", "column 7: expected `)`, and found the end"),
        ("a = 1)", "column 6: expected `and`, `or` or the end, and found `)`"),
        ("a in 1", "column 6: expected `(`, and found a number"),
        ("a in ()", "column 7: expected a value"),
        ("a in (1 2)", "column 9: expected `,` or `)`, and found a number"),
        ("a not = 1", "column 7: expected `in`, and found an operator"),
        ("a starts_with 1", "column 15: expected a text between single quotes, and found a number"),
        ("a = -5y", "column 5: `-5y` is neither a number nor a time ago"),
        ("a = 1e999", "column 5: `1e999` is neither a number"),
        ("a = -99999999999999999999d", "column 5: `-99999999999999999999d` is neither"),
        (&deep, "column 34: it is nested more than 32 deep"),
        (&long, "the filter has 4102 bytes, the limit is 4096"),
    ] {
        let error = Filter::parse(text, NOW_MS).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert!(error.message.contains(says), "{text}: {error}");
    }
}

#[test]
fn what_an_index_can_be_asked() {
    let terms = |text: &str| format!("{:?}", Filter::parse(text, NOW_MS).unwrap().terms());
    assert_eq!(terms("status = 'running' and (workflow = 'a' and amount > 3)"), r#"[Status(Running), Workflow("a")]"#);
    assert_eq!(terms("customer = 'acme'"), r#"[Attribute("customer", Text("acme"))]"#);
    assert_eq!(terms("customer in ('acme') and id = 'x'"), r#"[Attribute("customer", Text("acme")), Id("x")]"#);
    for none in ["a = 1 or b = 2", "not a = 1", "a != 1", "a = null", "a in (1, 2)", "id starts_with 'x'", "a > 1"] {
        assert_eq!(terms(none), "[]", "{none}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", words in "(not|and|or|[(]|[)]|a|=|'x'|in|,|-1h| |status|<){0,40}") {
        for text in [text, words] {
            if let Ok(filter) = Filter::parse(&text, NOW_MS) {
                filter.matches(&run(RunStatus::Parked));
                filter.terms();
            }
        }
    }
}
