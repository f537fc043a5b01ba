//! One call on its way out and back: what the rules do to its request, and then to its answer.

use abide_model::http::{FetchRequest, FetchResponse};
use abide_model::llm::{GenerateRequest, GenerateResponse};
use abide_model::tools::ToolResult;
use abide_model::{CallKind, Failure, GatewayAct, GatewayNote, Json, Outcome, Right};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::tokens::Tokens;
use super::written::{Direction, Do};
use super::{Gateway, Ready, find, parameters, texts};

/// A call on its way.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    rules: Vec<Ready>,
    tokens: Tokens,
    /// The rule that tokens are restored for.
    restoring: Option<String>,
    notes: Vec<GatewayNote>,
}

impl Passage {
    /// Lets a call in that needs one of `needed`, or refuses it.
    pub(crate) fn enter(gateway: Option<&Gateway>, needed: &[Right]) -> Result<Self, (Failure, GatewayNote)> {
        let Some(gateway) = gateway else { return Ok(Self::default()) };
        let forbids = |ready: &&Ready| match ready.rule.r#do {
            Do::Deny => ready.rule.is_for(needed),
            Do::Only => ready.rule.names_family(needed) && !ready.rule.is_for(needed),
            _ => false,
        };
        if let Some(Ready { rule, .. }) = gateway.rules.iter().find(forbids) {
            let what = needed.first().map(Right::shown).unwrap_or_default();
            let message = format!(
                "the rule `{}` of the tenant's gateway refuses `{what}`: its admin changes it with `abide tenants settings`",
                rule.name
            );
            let note = GatewayNote { rule: rule.name.clone(), did: GatewayAct::Denied, count: 1 };
            return Err((Failure::new(Failure::DENIED, message), note));
        }
        Ok(Self { rules: gateway.for_call(needed), ..Self::default() })
    }

    /// Whether no rule is for it.
    pub(crate) fn is_open(&self) -> bool {
        self.rules.is_empty()
    }

    /// A request to a model on its way out.
    pub(crate) fn generate(&mut self, request: &mut GenerateRequest) {
        self.outward(request, texts::generate);
        for Ready { rule, .. } in &self.rules {
            match (rule.r#do, rule.tokens) {
                (Do::CapOutputTokens, Some(most)) => {
                    let count = u32::from(parameters::cap(&mut request.head, most));
                    note(&mut self.notes, &rule.name, GatewayAct::Capped, count);
                }
                (Do::Strip, _) => {
                    let count = parameters::strip(&mut request.head, &rule.parameters);
                    note(&mut self.notes, &rule.name, GatewayAct::Stripped, count);
                }
                _ => {}
            }
        }
    }

    /// Arguments of a tool or a function on their way out.
    pub(crate) fn arguments(&mut self, arguments: &mut Json) {
        self.outward(arguments, texts::json);
    }

    /// An HTTP request on its way out.
    pub(crate) fn fetch(&mut self, request: &mut FetchRequest) {
        self.outward(request, texts::fetch);
    }

    /// What came back, as it is recorded; and what was done to the call, for its history.
    pub(crate) fn leave(mut self, kind: CallKind, outcome: Outcome) -> (Outcome, Vec<GatewayNote>) {
        if self.is_open() {
            return (outcome, self.notes);
        }
        let outcome = match outcome {
            Outcome::Ok(answer) => Outcome::Ok(match kind {
                CallKind::LlmGenerate => {
                    self.answer(answer, |answer: &mut GenerateResponse, edit| texts::generated(answer, edit))
                }
                CallKind::ToolsCall => {
                    self.answer(answer, |answer: &mut ToolResult, edit| texts::tool_result(answer, edit))
                }
                CallKind::HttpFetch => {
                    self.answer(answer, |answer: &mut FetchResponse, edit| texts::fetched(answer, edit))
                }
                _ => self.any_answer(answer),
            }),
            // Whoever refuses a request may repeat it.
            Outcome::Failed(mut failure) => {
                let mut message = Json::from(&serde_json::Value::from(failure.message.as_str()));
                self.inward(&mut message, texts::json);
                failure.message = message.read().unwrap_or_default();
                failure.details = failure.details.map(|details| self.any_answer(details));
                Outcome::Failed(failure)
            }
        };
        (outcome, self.notes)
    }

    fn answer<T: DeserializeOwned + Serialize>(
        &mut self,
        json: Json,
        walk: impl FnMut(&mut T, &mut texts::Edit<'_>),
    ) -> Json {
        // The host made it, so it can be read; anything else is gone through as JSON.
        let Ok(mut answer) = json.read::<T>() else { return self.any_answer(json) };
        match self.inward(&mut answer, walk) {
            true => Json::of(&answer).unwrap_or(json),
            false => json,
        }
    }

    fn any_answer(&mut self, mut json: Json) -> Json {
        self.inward(&mut json, texts::json);
        json
    }

    fn outward<T>(&mut self, request: &mut T, mut walk: impl FnMut(&mut T, &mut texts::Edit<'_>)) {
        let tokens = &mut self.tokens;
        if self.rules.iter().any(|ready| ready.rule.r#do == Do::Tokenise) {
            walk(request, &mut |text| {
                tokens.avoid(text);
                None
            });
        }
        for Ready { rule, finders } in self.rules.iter().filter(|ready| ready.rule.looks_at(Direction::Request)) {
            let mut count = 0;
            let back = rule.restore != Some(false);
            let act = if rule.r#do == Do::Tokenise { GatewayAct::Tokenised } else { GatewayAct::Redacted };
            walk(request, &mut |text| {
                find::replace(text, finders, |label, original| {
                    count += 1;
                    match act {
                        GatewayAct::Tokenised => tokens.token(label, original, back),
                        _ => redacted(label),
                    }
                })
            });
            if act == GatewayAct::Tokenised && count > 0 && back {
                self.restoring = Some(rule.name.clone());
            }
            note(&mut self.notes, &rule.name, act, count);
        }
    }

    /// Gives whether anything changed.
    fn inward<T>(&mut self, answer: &mut T, mut walk: impl FnMut(&mut T, &mut texts::Edit<'_>)) -> bool {
        let mut changed = false;
        for Ready { rule, finders } in self.rules.iter().filter(|ready| ready.rule.looks_at(Direction::Answer)) {
            let mut count = 0;
            walk(answer, &mut |text| {
                find::replace(text, finders, |label, _| {
                    count += 1;
                    redacted(label)
                })
            });
            changed |= count > 0;
            note(&mut self.notes, &rule.name, GatewayAct::Redacted, count);
        }
        // Last, since what the guest sent itself is nothing to be kept from it.
        if !self.tokens.is_one_way() {
            let (tokens, mut count) = (&self.tokens, 0);
            walk(answer, &mut |text| tokens.restore(text, &mut count));
            changed |= count > 0;
            note(&mut self.notes, self.restoring.as_deref().unwrap_or_default(), GatewayAct::Restored, count);
        }
        changed
    }
}

/// What stands where something was left out.
fn redacted(label: &str) -> String {
    format!("[{label}]")
}

fn note(notes: &mut Vec<GatewayNote>, rule: &str, did: GatewayAct, count: u32) {
    if count == 0 {
        return;
    }
    match notes.iter_mut().find(|note| note.rule == rule && note.did == did) {
        Some(note) => note.count = note.count.saturating_add(count),
        None => notes.push(GatewayNote { rule: rule.to_owned(), did, count }),
    }
}
