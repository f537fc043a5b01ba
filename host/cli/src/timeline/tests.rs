//! A sample history, and what it looks like.

use abide_runtime::view::History;

use super::{Look, Timeline};

const HISTORY: &str = include_str!("sample.json");

fn show(look: Look) -> String {
    let history: History = serde_json::from_str(HISTORY).unwrap();
    let mut timeline = Timeline::new(look);
    history.events.iter().map(|event| timeline.show(event)).collect()
}

#[test]
fn every_kind_of_event_has_its_line() {
    let expected = r#"
   0       0ms  ● run started                helpdesk lisbon { "message": "VPN for Lisbon" }
   1       4ms  → #0 llm.generate            openai/gpt (2 messages) "VPN for Lisbon with a message that has so many wo…
   2     1.21s  ← #0 llm.generate            "I file a ticket.", asks for file {"title":"VPN"} (1.21s, 2 attempts)
   3     1.21s  → #1 tools.call              desk/file {"title":"VPN"}
   4     1.21s  → #2 timer.sleep             for 1h00m
   5     1.30s  ← #1 tools.call              {"ticket":"DESK-1"} (86ms, by tool:desk/*, pii: tokenised 2)
   6     1.30s  → #3 http.fetch              GET http://127.0.0.1:9000/a
   7     1.40s  ✗ #3 http.fetch              timeout: it took too long (100ms, 5 attempts)
   8     1.40s  → #4 signals.receive         approval
   9     1.45s  ‖ run parked                 the workflow panicked: no such ticket
                                             helpdesk::desk::remind
                                             helpdesk::run
  10     1m01s  ◆ version changed            3e23e8160039
  11     1m01s  ▶ run resumed
  12     1h00m  ← #2 timer.sleep             rang (1h00m)
  13     1d01h  ◆ signal approval            {"approved": true}
  14     1d01h  ← #4 signals.receive         {"approved": true} (1d01h)
  15     1d01h  → #5 cancellation.requested
  16     1d01h  ⊘ #5 cancellation.requested  dropped by the workflow
  17     1d01h  ◆ cancel requested           not needed
  18     1d01h  → #6 activities.call         acme:crm/customers.find {"name":"Ada"}
  19     1d01h  ← #6 activities.call         {"error": {"unknown": "Ada"}} (4ms)
  20     1d01h  ■ run completed              {"ticket": "DESK-1"}
"#;
    assert_eq!(show(Look::plain()), expected[1..]);
}

#[test]
fn nothing_is_cut_without_a_width() {
    let text = show(Look { width: None, color: false });
    assert!(text.contains("with many words"), "{text}");
    assert!(!text.contains('…'), "{text}");
}

#[test]
fn colours_change_no_text() {
    let colored = show(Look { color: true, ..Look::plain() });
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, show(Look::plain()));
}

#[test]
fn a_call_shows_what_it_cost() {
    let shown = |usage: &str| super::usage(&serde_json::from_str(usage).unwrap());
    let tokens = r#""tokens":{"input":1200,"cached_input":1000,"output":30}"#;
    let priced = format!(r#"{{"provider":"llm.openai",{tokens},"cost":{{"amount":"0.001575","currency":"USD"}}}}"#);
    assert_eq!(shown(&priced).unwrap(), "1200 (1000 cached) + 30 tokens, 0.001575 USD");
    let unpriced = r#"{"provider":"llm.openai","tokens":{"input":12,"cached_input":0,"output":3}}"#;
    assert_eq!(shown(unpriced).unwrap(), "12 + 3 tokens, no known price");
    assert_eq!(shown(r#"{"provider":"tools.desk"}"#), None);
}
