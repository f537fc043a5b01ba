//! Keeps what the rules find out of histories. A request is recorded with tokens in place of what is found in it; its answer is recorded with the
//! same tokens, and the guest is given what they stand for. A replay has the originals from the guest itself, which makes the same request again;
//! so a history needs to keep the rules, and nothing that they find.
//!
//! The rules that held when a run started count for the whole run: its first event has them.

use std::collections::HashMap;

use abide_model::http::FetchRequest;
use abide_model::tools::CallRequest;
use abide_model::{CallFunction, CallKind, Json, Outcome, Request, Right};

use super::find::{self, Finder};
use super::texts::Piece;
use super::written::{Direction, Record, Written};
use super::{Gateway, Ready, texts};

/// These stand around a token, and nobody else's token looks so.
const OPEN: char = '⟦';
const CLOSE: char = '⟧';
/// How the token of a number begins: it becomes a number again.
const NUMBER: &str = "⟦#";

/// What is kept out of the history of a run.
#[derive(Debug, Clone, Default)]
pub struct Veil {
    rules: Vec<Ready>,
}

/// What was kept out of one call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Veiled {
    /// Token by text, the longest texts first.
    tokens: Vec<(String, String)>,
}

impl Gateway {
    /// What the first event of a run says of it: the rules that keep something out of its history. `None` where nothing is kept out.
    pub fn veil(&self) -> Option<Json> {
        let finds = |ready: &&Ready| ready.rule.looks_at(Direction::Request);
        let rules: Vec<_> = self.rules.iter().filter(finds).map(|ready| ready.rule.clone()).collect();
        let hides = self.record == Record::Redacted && !rules.is_empty();
        hides.then(|| Json::of(&Written { rules, record: self.record }).ok()).flatten()
    }
}

impl Veil {
    /// Reads what a first event says.
    pub fn read(json: &Json) -> Result<Self, String> {
        let gateway: Gateway = json.read().map_err(|error| error.to_string())?;
        Ok(Self { rules: gateway.rules })
    }

    /// The request as it is recorded, and what is kept out of it. `None` where it is recorded as it is.
    pub fn cover(&self, kind: CallKind, request: &Request) -> Option<(Request, Veiled)> {
        let family = family(kind)?;
        let finders: Vec<_> = self
            .rules
            .iter()
            .filter(|ready| is_for(ready, family))
            .flat_map(|ready| ready.finders.iter().cloned())
            .collect();
        if finders.is_empty() {
            return None;
        }
        let mut cover = Cover { finders: &finders, tokens: HashMap::new(), counts: HashMap::new() };
        let covered = match kind {
            CallKind::LlmGenerate => {
                let mut read = crate::llm::read::read(request).ok()?;
                texts::generate(&mut read, &mut |text| cover.text(text));
                read.to_request().ok()?
            }
            CallKind::ToolsCall => {
                let mut call: CallRequest = request.head.read().ok()?;
                texts::json(&mut call.arguments, &mut |text| cover.text(text));
                Request::new(Json::of(&call).ok()?)
            }
            CallKind::ActivitiesCall => {
                let mut call: CallFunction = request.head.read().ok()?;
                texts::json(&mut call.arguments, &mut |text| cover.text(text));
                Request::new(Json::of(&call).ok()?)
            }
            CallKind::HttpFetch => {
                let mut fetch: FetchRequest = request.head.read().ok()?;
                texts::fetch(&mut fetch, &mut |text| cover.text(text));
                Request::new(Json::of(&fetch).ok()?)
            }
            _ => return None,
        };
        if cover.tokens.is_empty() {
            return None;
        }
        let mut tokens: Vec<_> = cover.tokens.into_iter().collect();
        tokens.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then(a.cmp(b)));
        Some((covered, Veiled { tokens }))
    }
}

/// How the rights begin that calls of this kind need.
fn family(kind: CallKind) -> Option<&'static str> {
    match kind {
        CallKind::LlmGenerate => Some("llm"),
        CallKind::ToolsCall => Some("tool"),
        CallKind::ActivitiesCall => Some("interface"),
        CallKind::HttpFetch => Some("http"),
        _ => None,
    }
}

/// Whether a rule is for some calls of the kind. Which model a name means may differ between hosts, so a replay cannot ask for more.
fn is_for(ready: &Ready, family: &str) -> bool {
    let names = |right: &Right| *right == Right::Everything || right.family() == family;
    ready.rule.to.as_ref().is_none_or(|to| to.iter().any(names))
}

struct Cover<'v> {
    finders: &'v [Finder],
    tokens: HashMap<String, String>,
    counts: HashMap<String, usize>,
}

impl Cover<'_> {
    fn text(&mut self, text: &str) -> Option<String> {
        find::replace(text, self.finders, |label, original| {
            if let Some(token) = self.tokens.get(original) {
                return token.clone();
            }
            let name = label.to_ascii_uppercase().replace('-', "_");
            let count = self.counts.entry(name.clone()).or_default();
            *count += 1;
            let token = format!("{OPEN}{name}_{count}{CLOSE}");
            self.tokens.insert(original.to_owned(), token.clone());
            token
        })
    }
}

impl Veiled {
    /// An outcome as it is recorded.
    pub fn cover(&self, outcome: Outcome) -> Outcome {
        edit(outcome, &mut |piece| match piece {
            Piece::Text(text) => self.covered(text).map(text_of),
            Piece::Number(text) => {
                let (_, token) = self.tokens.iter().find(|(original, _)| original == text)?;
                Some(text_of(token.replacen(OPEN, NUMBER, 1)))
            }
        })
    }

    /// A recorded outcome as the guest is given it.
    pub fn uncover(&self, outcome: Outcome) -> Outcome {
        edit(outcome, &mut |piece| match piece {
            Piece::Text(text) if text.starts_with(NUMBER) => {
                let token = text.replacen(NUMBER, "⟦", 1);
                let (original, _) = self.tokens.iter().find(|(_, known)| *known == token)?;
                Json::parse(original.as_str()).ok()
            }
            Piece::Text(text) => text.contains(OPEN).then(|| text_of(self.uncovered(text))),
            Piece::Number(_) => None,
        })
    }

    fn covered(&self, text: &str) -> Option<String> {
        let marks = text.match_indices(OPEN).map(|(at, mark)| (at, mark.len(), "⟦⟦"));
        let tokens = self.tokens.iter();
        let originals = tokens.flat_map(|(original, token)| {
            text.match_indices(original.as_str()).map(|(at, found)| (at, found.len(), token.as_str()))
        });
        let mut found: Vec<_> = marks.chain(originals).collect();
        found.sort_by_key(|(at, length, _)| (*at, std::cmp::Reverse(*length)));
        let mut covered = String::with_capacity(text.len());
        let mut end = 0;
        for (at, length, token) in &found {
            if *at >= end {
                covered.push_str(&text[end..*at]);
                covered.push_str(token);
                end = at + length;
            }
        }
        covered.push_str(&text[end..]);
        (!found.is_empty()).then_some(covered)
    }

    fn uncovered(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(OPEN) {
            shown.push_str(&rest[..at]);
            rest = &rest[at..];
            let after = &rest[OPEN.len_utf8()..];
            let known = self.tokens.iter().find(|(_, token)| rest.starts_with(token.as_str()));
            if let Some((original, token)) = known {
                shown.push_str(original);
                rest = &rest[token.len()..];
            } else {
                // Two stand for one that was there.
                shown.push(OPEN);
                rest = after.strip_prefix(OPEN).unwrap_or(after);
            }
        }
        shown.push_str(rest);
        shown
    }
}

fn text_of(text: String) -> Json {
    Json::from(&serde_json::Value::from(text))
}

fn edit(outcome: Outcome, with: &mut dyn FnMut(Piece<'_>) -> Option<Json>) -> Outcome {
    match outcome {
        Outcome::Ok(mut answer) => {
            texts::pieces(&mut answer, with);
            Outcome::Ok(answer)
        }
        Outcome::Failed(mut failure) => {
            let message = with(Piece::Text(&failure.message)).and_then(|message| message.read().ok());
            failure.message = message.unwrap_or(failure.message);
            failure.details.iter_mut().for_each(|details| texts::pieces(details, with));
            Outcome::Failed(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn veil(gateway: &str) -> Veil {
        let gateway: Gateway = serde_json::from_str(gateway).unwrap();
        Veil::read(&gateway.veil().unwrap()).unwrap()
    }

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    const RULES: &str = r#"{"rules":[{"name":"pii","do":"tokenise","find":["email","card"]}]}"#;

    #[test]
    fn a_request_is_recorded_without_what_is_found_in_it() {
        let tool = json(
            r#"{"provider":"crm","name":"find","arguments":{"to":"a@b.example","n":[4111111111111111],"cc":"a@b.example"}}"#,
        );
        let (covered, veiled) = veil(RULES).cover(CallKind::ToolsCall, &Request::new(tool)).unwrap();
        let expected =
            r#"{"provider":"crm","name":"find","arguments":{"to":"⟦EMAIL_1⟧","n":["⟦CARD_1⟧"],"cc":"⟦EMAIL_1⟧"}}"#;
        assert_eq!(covered.head.as_str(), expected);
        let answer =
            Outcome::Ok(json(r#"{"content":[],"structured":["to a@b.example",4111111111111111,"⟦EMAIL_1⟧ ⟦"]}"#));
        let recorded = veiled.cover(answer.clone());
        let expected = r##"{"content":[],"structured":["to ⟦EMAIL_1⟧","⟦#CARD_1⟧","⟦⟦EMAIL_1⟧ ⟦⟦"]}"##;
        assert_eq!(recorded, Outcome::Ok(json(expected)));
        assert_eq!(veiled.uncover(recorded), answer);
    }

    #[test]
    fn a_request_without_any_is_recorded_as_it_is() {
        let tool = Request::new(json(r#"{"provider":"a@b.example","name":"x","arguments":{ "a": 1 }}"#));
        assert_eq!(veil(RULES).cover(CallKind::ToolsCall, &tool), None);
        assert_eq!(veil(RULES).cover(CallKind::TimerSleep, &tool), None);
        let other = r#"{"rules":[{"name":"pii","do":"redact","find":["email"],"to":["llm:*"]}]}"#;
        let tool = Request::new(json(r#"{"provider":"crm","name":"x","arguments":{"a":"a@b.example"}}"#));
        assert_eq!(veil(other).cover(CallKind::ToolsCall, &tool), None);
    }

    #[test]
    fn a_gateway_that_records_as_sent_has_no_veil() {
        for text in [
            r#"{"record":"as_sent","rules":[{"name":"pii","do":"redact","find":["email"]}]}"#,
            r#"{"rules":[{"name":"pii","do":"redact","find":["email"],"on":["answer"]}]}"#,
            r#"{"rules":[{"name":"cap","do":"cap_output_tokens","tokens":5}]}"#,
        ] {
            assert_eq!(serde_json::from_str::<Gateway>(text).unwrap().veil(), None);
        }
    }

    proptest! {
        /// Whatever an answer says, what is recorded has no original, and the guest sees the answer.
        #[test]
        fn an_answer_goes_there_and_back(parts in proptest::collection::vec(prop_oneof![
            Just("a@b.example".to_owned()), Just("⟦".to_owned()), Just("⟧".to_owned()), Just("⟦EMAIL_1⟧".to_owned()), Just("⟦#CARD_1⟧".to_owned()), "\\PC{0,5}",
        ], 0..8)) {
            let tool = json(r#"{"provider":"crm","name":"x","arguments":["a@b.example", 4111111111111111]}"#);
            let (_, veiled) = veil(RULES).cover(CallKind::ToolsCall, &Request::new(tool)).unwrap();
            let answer = Outcome::Ok(text_of(parts.concat()));
            let recorded = veiled.cover(answer.clone());
            let Outcome::Ok(kept) = &recorded else { unreachable!() };
            prop_assert!(!kept.as_str().contains("a@b.example"));
            prop_assert_eq!(veiled.uncover(recorded).clone(), Outcome::Ok(json(&answer_text(&answer))));
        }
    }

    fn answer_text(outcome: &Outcome) -> String {
        match outcome {
            Outcome::Ok(answer) => answer.to_string(),
            Outcome::Failed(failure) => failure.message.clone(),
        }
    }
}
