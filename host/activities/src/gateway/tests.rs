//! Gateways as they are written: what is refused, and what is read comes back.

use abide_model::{CallKind, Failure, GatewayAct, Json, Outcome, Right};

use super::{Gateway, Passage};

fn read(text: &str) -> Result<Gateway, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn needed() -> Vec<Right> {
    vec![Right::tool("crm", "find")]
}

#[test]
fn a_gateway_is_its_json() {
    let text = r#"{"rules":[{"name":"pii","do":"tokenise","to":["llm:*"],"find":["email"],"patterns":{"staff":"E-[0-9]+"},"restore":false},{"name":"cap","do":"cap_output_tokens","tokens":5}],"record":"as_sent"}"#;
    assert_eq!(serde_json::to_string(&read(text).unwrap()).unwrap(), text);
    read("{}").unwrap();
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (rule, part) in [
        (r#"{"name":"a","do":"hide"}"#, "unknown variant"),
        (r#"{"name":"A B","do":"redact","find":["email"]}"#, "`rules[0]`: `name`"),
        (r#"{"name":"a","do":"redact"}"#, "`find` or `patterns`"),
        (r#"{"name":"a","do":"redact","find":["email"],"on":[]}"#, "`on` is empty"),
        (r#"{"name":"a","do":"redact","find":["email"],"tokens":1}"#, "`tokens` has no meaning"),
        (r#"{"name":"a","do":"tokenise","find":["email"],"on":["answer"]}"#, "`on` has no meaning"),
        (r#"{"name":"a","do":"deny"}"#, "`to` says"),
        (r#"{"name":"a","do":"deny","to":["child:x"]}"#, "no call of `child:x`"),
        (r#"{"name":"a","do":"deny","to":["gpt"]}"#, "is no right"),
        (r#"{"name":"a","do":"cap_output_tokens","tokens":0}"#, "`tokens`"),
        (r#"{"name":"a","do":"strip","parameters":["logprobs"]}"#, "unknown variant"),
        (r#"{"name":"a","do":"redact","patterns":{"x":"("}}"#, "the pattern `x`"),
        (r#"{"name":"a","do":"redact","find":["email"]},{"name":"a","do":"redact","find":["email"]}"#, "another rule"),
    ] {
        let error = read(&format!(r#"{{"rules":[{rule}]}}"#)).unwrap_err();
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(read(r#"{"rule":[]}"#).unwrap_err().contains("unknown field"));
}

#[test]
fn rules_go_in_order_and_failures_are_looked_through() {
    let gateway = read(
        r#"{"rules":[{"name":"keep","do":"tokenise","find":["email"]},{"name":"rest","do":"redact","patterns":{"word":"secret"}}]}"#,
    )
    .unwrap();
    let mut passage = Passage::enter(Some(&gateway), &needed()).unwrap();
    let mut arguments = Json::parse(r#"{"to":"a@b.example","text":"a secret <EMAIL_1>"}"#).unwrap();
    passage.arguments(&mut arguments);
    assert_eq!(arguments.as_str(), r#"{"to":"<EMAIL_2>","text":"a [word] <EMAIL_1>"}"#);
    let failure = Failure::new("provider-error", "no secret for <EMAIL_2>");
    let (outcome, notes) = passage.leave(CallKind::ToolsCall, Outcome::Failed(failure));
    assert_eq!(outcome, Outcome::Failed(Failure::new("provider-error", "no [word] for a@b.example")));
    let notes: Vec<_> = notes.iter().map(|note| (note.rule.as_str(), note.did, note.count)).collect();
    let expected =
        [("keep", GatewayAct::Tokenised, 1), ("rest", GatewayAct::Redacted, 2), ("keep", GatewayAct::Restored, 1)];
    assert_eq!(notes, expected);
}

#[test]
fn a_call_that_no_rule_is_for_passes_as_it_is() {
    let gateway = read(r#"{"rules":[{"name":"a","do":"redact","find":["email"],"to":["tool:other/*"]}]}"#).unwrap();
    let mut passage = Passage::enter(Some(&gateway), &needed()).unwrap();
    assert!(passage.is_open());
    let text = r#"{ "to": "a@b.example" }"#;
    let mut arguments = Json::parse(text).unwrap();
    passage.arguments(&mut arguments);
    assert_eq!(arguments.as_str(), text);
}
